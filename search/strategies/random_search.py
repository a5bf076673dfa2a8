"""The control: random trees, nothing learned."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from search.space.grammar import Grammar
from search.strategies.fresh import Fresh
from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy, StrategyOptions, Told


class RandomOptions(StrategyOptions):
    """How candidates are proposed."""

    name: Literal["random"] = Field("random", description="random trees, as a control")


class RandomSearch(Strategy):
    """Proposes trees that are even in size and shape and ignores results."""

    def __init__(self, grammar: Grammar, options: RandomOptions) -> None:  # noqa: ARG002
        self.grammar = grammar
        self._fresh = Fresh(grammar.algebra)

    def ask(self, count: int) -> list[Proposal]:
        """Return random trees of 2 to 10 nodes."""
        return self._fresh.batch(count, lambda: Proposal(self.grammar.random_tree(), "random"))

    def tell(self, told: Told) -> None:
        """Learn nothing but that this tree was trained."""
        self._fresh.tell(told.tree)
