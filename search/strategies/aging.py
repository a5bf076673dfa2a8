"""Regularised evolution (Real et al. 2019, arXiv 1802.01548) as PANGAEA has it: who is oldest leaves, however good."""

from __future__ import annotations

import random
from collections import deque
from typing import Literal

from pydantic import Field

from search.space.grammar import Grammar
from search.space.pangaea import Pangaea
from search.strategies.fresh import Fresh
from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy, StrategyOptions, Told


class AgingOptions(StrategyOptions):
    """How candidates are proposed."""

    name: Literal["aging"] = Field("aging", description="regularised evolution by PANGAEA's mutations")
    population: int = Field(
        64, ge=4, le=10_000, description="individuals that a strategy keeps, and candidates in flight at most"
    )
    sample: int = Field(16, ge=1, le=10_000, description="individuals drawn for a child; the best is its parent")
    threshold: float | None = Field(
        None,
        description="whose first objective is above this is never a parent; PANGAEA's 20 % accuracy is an error of 0.8",
    )


class Aging(Strategy):
    """Keeps those told last; the best of some drawn at random is mutated.

    The first objective alone counts, but between two who missed unequally many rungs: there it is who missed fewer.
    """

    def __init__(self, grammar: Grammar, options: AgingOptions) -> None:
        self.grammar = grammar
        self._options = options
        self._fresh = Fresh(grammar.algebra)
        self._pangaea = Pangaea(grammar)
        self._population: deque[Told] = deque(maxlen=options.population)
        self._told = 0

    def ask(self, count: int) -> list[Proposal]:
        """Return children of the population, or initial trees until as many as it holds have been told."""
        return self._fresh.batch(count, self._child)

    def tell(self, told: Told) -> None:
        """Add an individual, unless it is worse than the threshold; when there is one too many, the oldest goes."""
        self._fresh.tell(told.tree)
        self._told += 1
        threshold = self._options.threshold
        if threshold is None or told.objectives[0] <= threshold:
            self._population.append(told)

    def _child(self) -> Proposal:
        if self._told < self._options.population or not self._population:
            return self._initial()
        parent = min(random.choices(self._population, k=self._options.sample), key=_fitness)
        mutated = self._pangaea.mutated(parent.tree)
        return self._initial() if mutated is None else Proposal(mutated[1], mutated[0], (parent.id,))

    def _initial(self) -> Proposal:
        tree = self._pangaea.initial()
        return Proposal(self.grammar.random_tree(), "random") if tree is None else Proposal(tree, "initial")


def _fitness(told: Told) -> tuple[int, float]:
    """Return what parents are compared by: the smaller, the better."""
    return told.missed, told.objectives[0]
