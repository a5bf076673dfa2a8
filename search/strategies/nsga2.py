"""NSGA-II (Deb et al. 2002) in steady state: ask whenever a worker is free, tell one at a time."""

from __future__ import annotations

import random
from typing import Literal

import numpy as np
from pydantic import Field

from search.space.eafo import EafoSteps
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.space.variation import Parent, crossover, mutate
from search.strategies.fresh import Fresh
from search.strategies.proposal import Proposal
from search.strategies.ranking import Indices, crowding, fronts
from search.strategies.strategy import Strategy, StrategyOptions, Told


class NSGA2Options(StrategyOptions):
    """How candidates are proposed."""

    name: Literal["nsga2"] = Field("nsga2", description="ranks and crowding; children of the best")
    crossover: float = Field(0.4, ge=0, le=1, description="share of children made by crossover")
    newcomers: float = Field(0.1, ge=0, le=1, description="share of children that are random trees")
    eafo: float = Field(0.1, ge=0, le=1, description="share of children that are a parent plus its EAFO correction")


class NSGA2(Strategy):
    """Keeps a population by non-dominated rank and crowding; parents win binary tournaments."""

    def __init__(self, grammar: Grammar, options: NSGA2Options) -> None:
        self.grammar = grammar
        self._options = options
        self._fresh = Fresh(grammar.algebra)
        self._eafo = EafoSteps(grammar)
        self._population: list[Told] = []
        self._parents: dict[int, Parent] = {}
        self._fronts: list[Indices] = []
        self._standing: list[tuple[int, float]] = []

    def ask(self, count: int) -> list[Proposal]:
        """Return children of the population, or random trees while it is small."""
        self._eafo.begin()
        self._standing = self._standing or self._stand()
        return self._fresh.batch(count, self._child)

    def tell(self, told: Told) -> None:
        """Add an individual; when there is one too many, the most crowded of the last front goes.

        Without one of the last front the others have the ranks that they had.
        """
        self._fresh.tell(told.tree)
        self._population.append(told)
        found = fronts([each.objectives for each in self._population], [each.missed for each in self._population])
        if len(self._population) > self._options.population:
            last = found.pop()
            *kept, most_crowded = last[np.argsort(-self._distances(last), kind="stable")]
            found += [np.array(kept)] if kept else []
            self._parents.pop(self._population.pop(most_crowded).id, None)
            found = [front - (front > most_crowded) for front in found]
        self._fronts, self._standing = found, []

    def _stand(self) -> list[tuple[int, float]]:
        """Return of each individual its rank and its crowding distance negated: the smaller, the better."""
        standing = [(0, 0.0)] * len(self._population)
        for rank, front in enumerate(self._fronts):
            for index, distance in zip(front.tolist(), self._distances(front).tolist(), strict=True):
                standing[index] = rank, -distance
        return standing

    def _distances(self, front: Indices) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return crowding(np.array([self._population[index].objectives for index in front], dtype=float))

    def _child(self) -> Proposal:
        if len(self._population) < 4 or random.random() < self._options.newcomers:
            return self._random()
        first = self._parent()
        if random.random() < self._options.eafo:
            stepped = self._eafo.step(first.tree)
            if stepped is not None:
                return Proposal(stepped[1], stepped[0], (first.id,))
        if random.random() < self._options.crossover:
            second = random.choice(self._population)
            child = crossover(self.grammar, self._cut(first), self._cut(second))
            if child is not None:
                return Proposal(child, "crossover", (first.id, second.id))
        mutated = mutate(self.grammar, self._cut(first))
        return self._random() if mutated is None else Proposal(mutated[1], mutated[0], (first.id,))

    def _random(self) -> Proposal:
        tree: Tree = self.grammar.random_tree()
        return Proposal(tree, "random")

    def _cut(self, told: Told) -> Parent:
        return self._parents.get(told.id) or self._parents.setdefault(told.id, Parent(self.grammar, told.tree))

    def _parent(self) -> Told:
        places = range(len(self._population))
        one, other = random.choice(places), random.choice(places)
        return self._population[one if self._standing[one] <= self._standing[other] else other]
