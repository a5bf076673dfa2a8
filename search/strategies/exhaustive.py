"""Every tree of a small space, the small ones first: nothing learned, nothing left out."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import Literal

from pydantic import Field

from primitives import ActsearchError
from search.space.enumeration import how_many, trees
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy, StrategyOptions, Told

LARGEST_SPACE = 200_000
"""Trees of a space that is gone through, at most."""


class ExhaustiveOptions(StrategyOptions):
    """How candidates are proposed."""

    name: Literal["exhaustive"] = Field("exhaustive", description="every tree up to grammar.max_complexity nodes")


class Exhaustive(Strategy):
    """Proposes every tree of up to ``grammar.max_complexity`` nodes once, then fewer than it is asked for."""

    is_finite = True

    def __init__(self, grammar: Grammar, options: ExhaustiveOptions) -> None:  # noqa: ARG002
        """Count the space.

        Raises:
            ActsearchError: it is too large to be gone through.
        """
        self.grammar = grammar
        self._told: set[Hashable] = set()
        self._at = 0
        most = grammar.config.max_complexity
        if (count := how_many(grammar, most)) > LARGEST_SPACE or most > grammar.counts.most:
            raise ActsearchError(
                f"strategy 'exhaustive' goes through {LARGEST_SPACE:,} trees at most, and this grammar has "
                f"{count:.3g} up to grammar.max_complexity = {most} nodes; lower that, or name fewer primitives"
            )

    @cached_property
    def _trees(self) -> list[tuple[Hashable, Tree]]:
        key = self.grammar.algebra.key
        return [(key(tree), tree) for tree in trees(self.grammar, self.grammar.config.max_complexity)]

    def begin(self) -> None:
        """Start again with the first that was not told: what was proposed need not have been chosen."""
        self._at = 0

    def ask(self, count: int) -> list[Proposal]:
        """Return the next ones that were not told, fewer at the end."""
        batch: list[Proposal] = []
        while len(batch) < count and self._at < len(self._trees):
            key, tree = self._trees[self._at]
            self._at += 1
            if key not in self._told:
                batch.append(Proposal(tree, "exhaustive"))
        return batch

    def tell(self, told: Told) -> None:
        """Learn nothing but that this tree was trained."""
        self._told.add(self.grammar.algebra.key(told.tree))
