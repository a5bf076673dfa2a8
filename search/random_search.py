"""The control: random trees, nothing learned."""

from __future__ import annotations

from search.effects import RANDOM_DEPTH
from search.grammar import Grammar
from search.strategy import Proposal, Strategy, Told


class RandomSearch(Strategy):
    """Proposes DEAP half-and-half trees and ignores results."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar

    def ask(self, count: int) -> list[Proposal]:
        """Return random trees of depth 1 to 4."""
        return [Proposal(self.grammar.random_tree(1, RANDOM_DEPTH), "random") for _ in range(count)]

    def tell(self, told: Told) -> None:
        """Ignore it."""
