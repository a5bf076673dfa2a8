"""NSGA-II (Deb et al. 2002) in steady state: ask whenever a worker is free, tell one at a time."""

from __future__ import annotations

import random
from operator import attrgetter

from deap import base, tools

from search.config import StrategyConfig
from search.grammar import Grammar, Tree
from search.strategy import Proposal, Strategy, Told
from search.variation import crossover, eafo_step, mutate


class _Fitness(base.Fitness):
    """Three objectives, all minimised, and before them how many rungs were missed: who missed fewer dominates.

    All of a front then missed as many, so that crowding is among errors of one rung.
    """

    weights = (-1.0, -1.0, -1.0)

    def __init__(self, told: Told) -> None:
        super().__init__(told.objectives)
        self.missed = told.missed

    def dominates(self, other: _Fitness, obj: slice = slice(None)) -> bool:
        """Tell whether this is better: farther, or as far and better in the sense of Pareto."""
        return bool(self.missed < other.missed or (self.missed == other.missed and super().dominates(other, obj)))

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same point, by which DEAP collects equals."""
        return isinstance(other, _Fitness) and (self.missed, self.wvalues) == (other.missed, other.wvalues)

    def __hash__(self) -> int:
        """Go with equality."""
        return hash((self.missed, self.wvalues))


class _Individual:
    """What DEAP's selection works on: a tree's id with its fitness."""

    def __init__(self, told: Told) -> None:
        self.id, self.tree = told.id, told.tree
        self.fitness = _Fitness(told)
        self.rank = 0


class NSGA2(Strategy):
    """Keeps a population by non-dominated rank and crowding; parents win binary tournaments."""

    def __init__(self, grammar: Grammar, config: StrategyConfig) -> None:
        self.grammar = grammar
        self._config = config
        self._population: list[_Individual] = []

    def ask(self, count: int) -> list[Proposal]:
        """Return children of the population, or random trees while it is small."""
        return [self._child() for _ in range(count)]

    def tell(self, told: Told) -> None:
        """Add an individual; when there is one too many, the most crowded of the last front goes.

        That is what ``tools.selNSGA2`` keeps, which would have to be followed by a second sort: without
        one of the last front the others have the ranks that they had.
        """
        self._population.append(_Individual(told))
        fronts = tools.sortNondominated(self._population, len(self._population))
        if len(self._population) > self._config.population:
            tools.emo.assignCrowdingDist(fronts[-1])
            fronts[-1].sort(key=attrgetter("fitness.crowding_dist"), reverse=True)
            self._population.remove(fronts[-1].pop())
        for rank, front in enumerate(fronts):
            tools.emo.assignCrowdingDist(front)
            for individual in front:
                individual.rank = rank

    def _child(self) -> Proposal:
        if len(self._population) < 4 or random.random() < self._config.newcomers:
            return self._random()
        first = self._parent()
        if random.random() < self._config.eafo:
            stepped = eafo_step(self.grammar, first.tree)
            if stepped is not None:
                return Proposal(stepped[1], stepped[0], (first.id,))
        if random.random() < self._config.crossover:
            second = self._parent()
            child = crossover(self.grammar, first.tree, second.tree)
            if child is not None:
                return Proposal(child, "crossover", (first.id, second.id))
        mutated = mutate(self.grammar, first.tree)
        return self._random() if mutated is None else Proposal(mutated[1], mutated[0], (first.id,))

    def _random(self) -> Proposal:
        tree: Tree = self.grammar.random_tree()
        return Proposal(tree, "random")

    def _parent(self) -> _Individual:
        one, other = random.choice(self._population), random.choice(self._population)
        if one.rank != other.rank:
            return one if one.rank < other.rank else other
        return one if one.fitness.crowding_dist >= other.fitness.crowding_dist else other
