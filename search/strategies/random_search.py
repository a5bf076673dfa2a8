"""The control: random trees, nothing learned."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from search.space.grammar import Grammar
from search.strategies.strategy import Proposal, Strategy, StrategyOptions, Told

DEEPEST = 4
"""Depth of a tree, at most."""


class RandomOptions(StrategyOptions):
    """How candidates are proposed."""

    name: Literal["random"] = Field("random", description="random trees, as a control")


class RandomSearch(Strategy):
    """Proposes DEAP half-and-half trees and ignores results."""

    def __init__(self, grammar: Grammar, options: RandomOptions) -> None:  # noqa: ARG002
        self.grammar = grammar

    def ask(self, count: int) -> list[Proposal]:
        """Return random trees of depth 1 to 4."""
        return [Proposal(self.grammar.random_tree(1, DEEPEST), "random") for _ in range(count)]

    def tell(self, told: Told) -> None:
        """Ignore it."""
