"""A model of what a training would say, fitted on this campaign's own trainings, and the choice that follows from it.

What each tree of a forest says is one guess; each member of a batch is chosen by a few trees of its own, as Thompson
sampling does, so that a batch is diverse where the forest does not agree (Thompson 1933). Some members are those with
the lowest first objective, the others those that would add most to the front, see :mod:`search.strategies.acquisition`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.judging.objectives import Objective
from primitives import ActsearchError, parse
from primitives.numeric import Array
from search.space.describe import Described, of_expression, of_trees
from search.space.grammar import Grammar
from search.strategies.acquisition import picked
from search.strategies.choice import Child, Choice, Result
from search.strategies.model import Forest, Mask, levelled, targets
from search.strategies.proposal import LIBRARY

_POOL, _OF_EACH = 128, 16
"""Children to choose from: so many at least, or so many for each that is trained."""
_ENOUGH = 8
"""Trainings before the forest is asked."""
_MOST = 2000
"""Trainings that it is fitted on: the best half of them, and the latest of the others."""
_BEYOND = 0.1
"""How far beyond the worst value that is known, as a share of the range, an objective is still worth something."""


@dataclass(frozen=True)
class Settings:
    """How a surrogate chooses; every default is what was measured to be best or as good.

    Attributes:
        voters: trees that choose one member of a batch, of :data:`search.strategies.model.TREES`.
        greedy: share of a batch that goes by the first objective alone.
        rungs: whether what was stopped at a rung teaches.
        without: features that the model does not see, by name.
    """

    voters: int = 4
    greedy: float = 0.5
    rungs: bool = True
    without: frozenset[str] = frozenset()


class Surrogate(Choice):
    """Chooses by a forest; before there are enough trainings, at random."""

    def __init__(self, grammar: Grammar, settings: Settings = Settings()) -> None:
        self._grammar, self._settings = grammar, settings
        self._objectives: tuple[Objective, ...] = ()
        self._said: dict[int, tuple[str | None, str]] = {}
        self._seen: dict[int, Described | None] = {}
        self._results: dict[int, Result] = {}
        self._waiting: dict[int, None] = {}

    def aim(self, objectives: Sequence[Objective]) -> None:
        """Note what results are of."""
        self._objectives = tuple(objectives)

    def pool(self, count: int) -> int:
        """Return how many children it wants."""
        return max(_POOL, _OF_EACH * count)

    def chose(self, identifier: int, genotype: str | None, text: str) -> None:
        """Note a candidate; it is looked at when the model is fitted on it."""
        self._said[identifier] = genotype, text
        self._waiting[identifier] = None

    def tell(self, result: Result) -> None:
        """Keep a result."""
        self._results[result.id] = result
        self._waiting.pop(result.id, None)

    def lose(self, identifier: int) -> None:
        """Count it no more among those that are being trained."""
        self._waiting.pop(identifier, None)

    def order(self, pool: Sequence[Child], count: int) -> list[int]:
        """Return the places, those that some part of the forest likes best first."""
        luck = [*range(len(pool))]
        random.shuffle(luck)
        luck.sort(key=lambda place: pool[place].proposal.origin != LIBRARY)  # they go first; among equals by lot
        view = self._view([child.described for child in pool]) if pool else None
        if view is None:
            return luck
        share = self._settings.greedy
        chosen = picked(view.opinion, min(count, len(pool)), view.reference, lambda: random.random() < share)
        taken = {*chosen}
        return chosen + [place for place in view.by_mean() if place not in taken]

    # --- the model ----------------------------------------------------------------------------

    def _view(self, pool: Sequence[Described]) -> _View | None:
        """Return what the model thinks of a pool; ``None`` before there are enough trainings."""
        results = self._chosen_results()
        seen = self._look([result.id for result in results])
        told = [(result, found) for result, found in zip(results, seen, strict=True) if found is not None]
        if len(told) < _ENOUGH:
            return None
        there = [found for _, found in told]
        fresh = [*pool, *(found for found in self._look([*self._waiting]) if found is not None)]
        values = targets([result for result, _ in told])
        known = self._known(fresh, values.shape[1])
        trained = _needs_training(known)
        values[:, trained] = levelled(values[:, trained])
        guesses = Forest(there, values[:, trained], self._settings.without).guesses([*fresh, *there])
        known = np.vstack([known, values])
        baselines = values[[result.baseline for result, _ in told]]
        reference = np.where(trained, (baselines if len(baselines) else values).max(axis=0), _beyond(known))
        return _View(guesses, known, trained, len(pool), self._settings.voters, reference)

    def _known(self, described: Sequence[Described], objectives: int) -> Array:
        """Return the objectives of functions as far as they need no training, nan where they do; shape (n, m)."""
        if len(self._objectives) != objectives:
            return np.full((len(described), objectives), np.nan)
        return np.array([[_untrained(each, found) for each in self._objectives] for found in described])

    def _chosen_results(self) -> list[Result]:
        """Return the results that the model is fitted on."""
        every = [r for r in self._results.values() if self._settings.rungs or r.whole in r.points]
        if len(every) <= _MOST:
            return every
        order = np.argsort(targets(every)[:, 0], kind="stable")
        best = set(order[: _MOST // 2].tolist())
        others = [place for place in range(len(every)) if place not in best][-_MOST // 2 :]
        return [every[place] for place in sorted(best | {*others})]

    def _look(self, identifiers: Sequence[int]) -> list[Described | None]:
        """Return what arrays say of candidates; ``None`` of one that may not be trained."""
        new = [identifier for identifier in identifiers if identifier not in self._seen]
        read = {n: self._grammar.loads(genotype) for n in new if (genotype := self._said[n][0]) is not None}
        self._seen.update(zip(read, of_trees(list(read.values())), strict=True))
        for identifier in new:
            if identifier not in read:
                self._seen[identifier] = of_expression(parse(self._said[identifier][1]))
        return [self._seen[identifier] for identifier in identifiers]


@dataclass(frozen=True, eq=False)
class _View:
    """What the model thinks of a pool and of what is told or in flight.

    Attributes:
        guesses: of each tree, the pool first, shape (trees, functions, objectives that need training).
        known: objectives as far as they need no training, shape (functions, objectives).
        trained: which of them do, shape (objectives,).
        pool: how many functions the pool has.
        voters: trees that make an opinion.
        reference: worst values that are worth anything, shape (objectives,).
    """

    guesses: Array
    known: Array
    trained: Mask
    pool: int
    voters: int
    reference: Array

    def opinion(self) -> tuple[Array, Array]:
        """Return what a few trees say: the points of the pool, and of the others."""
        voters = random.sample(range(len(self.guesses)), self.voters)
        points = self.known.copy()
        points[:, self.trained] = self.guesses[voters].mean(axis=0)
        return points[: self.pool], points[self.pool :]

    def by_mean(self) -> list[int]:
        """Return the places of the pool by what all trees say of the first objective."""
        first = self.guesses[:, : self.pool, 0].mean(axis=0) if self.trained[0] else self.known[: self.pool, 0]
        return [int(place) for place in np.argsort(first, kind="stable")]


def _needs_training(known: Array) -> Mask:
    """Tell of each objective whether only training says it; of the first where none does."""
    needs = np.asarray(np.isnan(known).any(axis=0))
    return needs if needs.any() else np.arange(len(needs)) == 0


def _untrained(objective: Objective, described: Described) -> float:
    """Return an objective as far as arrays tell it; nan where it needs more."""
    try:
        return objective.value(described.facts)
    except ActsearchError:
        return math.nan


def _beyond(known: Array) -> Array:
    """Return a little more than the worst of each objective that is known."""
    best, worst = (np.asarray(extreme(axis=0), dtype=float) for extreme in (known.min, known.max))
    beyond: Array = worst + _BEYOND * (worst - best) + 1e-9
    return beyond
