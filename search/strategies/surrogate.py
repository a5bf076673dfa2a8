"""A model of what a training would say, fitted on this campaign's own trainings, and the choice that follows from it.

Trees of a forest are fitted on features of the functions. What each of them says is one guess; a batch is chosen
by the guesses of different parts of the forest, as Thompson sampling does, so that it is diverse where the forest does
not agree (Thompson 1933; Breiman 2001 for forests, Geurts et al. 2006 for the kind of tree).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor

from primitives import parse
from primitives.numeric import Array
from search.space.describe import Described, of_expression, of_trees
from search.space.grammar import Grammar
from search.strategies.choice import Child, Choice, Result

_TREES = 100
_VOTERS = 4
"""Trees that choose one member of a batch."""
_POOL, _OF_EACH = 128, 16
"""Children to choose from: so many at least, or so many for each that is trained."""
_ENOUGH = 8
"""Trainings before the forest is asked."""
_MOST = 2000
"""Trainings that it is fitted on: the best half of them, and the latest of the others."""
_COMPONENTS = 12


class Surrogate(Choice):
    """Chooses by a forest; before there are enough trainings, at random."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._said: dict[int, tuple[str | None, str]] = {}
        self._seen: dict[int, Described | None] = {}
        self._results: dict[int, Result] = {}

    def pool(self, count: int) -> int:
        """Return how many children it wants."""
        return max(_POOL, _OF_EACH * count)

    def chose(self, identifier: int, genotype: str | None, text: str) -> None:
        """Note a candidate; it is looked at when the model is fitted on it."""
        self._said[identifier] = genotype, text

    def tell(self, result: Result) -> None:
        """Keep a result."""
        self._results[result.id] = result

    def order(self, pool: Sequence[Child], count: int) -> list[int]:
        """Return the places, those that some part of the forest likes best first."""
        luck = [*range(len(pool))]
        random.shuffle(luck)
        forest = self._forest()
        if forest is None or not pool:
            return luck
        guesses = forest.guesses([child.described for child in pool])
        return _picked(guesses, count)

    # --- the model ----------------------------------------------------------------------------

    def _forest(self) -> _Forest | None:
        results = self._chosen_results()
        self._look([result.id for result in results])
        known = [result for result in results if self._seen[result.id] is not None]
        if len(known) < _ENOUGH:
            return None
        described = [self._seen[result.id] for result in known]
        return _Forest([d for d in described if d is not None], targets(known))

    def _chosen_results(self) -> list[Result]:
        """Return the results that the model is fitted on."""
        every = list(self._results.values())
        if len(every) <= _MOST:
            return every
        values = targets(every)
        best = set(np.argsort(values, kind="stable")[: _MOST // 2].tolist())
        others = [place for place in range(len(every)) if place not in best][-_MOST // 2 :]
        return [every[place] for place in sorted(best | {*others})]

    def _look(self, identifiers: Sequence[int]) -> None:
        new = [identifier for identifier in identifiers if identifier not in self._seen]
        read = {n: self._grammar.loads(genotype) for n in new if (genotype := self._said[n][0]) is not None}
        self._seen.update(zip(read, of_trees(list(read.values())), strict=True))
        for identifier in new:
            if identifier not in read:
                self._seen[identifier] = of_expression(parse(self._said[identifier][1]))


def targets(results: Sequence[Result]) -> Array:
    """Return what each would reach at the end by the first objective, shape (n,).

    Of one that was stopped at a rung it is what a straight line says, through those that went on from there.
    """
    values = np.array([result.points[max(result.points)][0] for result in results])
    for steps in {max(result.points) for result in results}:
        stopped = np.array([max(result.points) == steps < result.whole for result in results])
        if not stopped.any():
            continue
        pairs = [
            (result.points[steps][0], result.points[result.whole][0])
            for result in results
            if steps in result.points and result.whole in result.points
        ]
        slope, offset = _line(np.array(pairs).reshape(-1, 2))
        values[stopped] = offset + slope * values[stopped]
    return values


def _line(pairs: Array) -> tuple[float, float]:
    """Return slope and offset of a line through pairs, the slope not negative; the identity where there are few."""
    if len(pairs) < 3:
        return 1.0, 0.0
    early, late = pairs.T
    spread = early.var()
    slope = max(0.0, float(((early - early.mean()) * (late - late.mean())).mean() / spread)) if spread else 1.0
    return slope, float(late.mean() - slope * early.mean())


def new_forest(seed: int) -> ExtraTreesRegressor:
    """Return the forest, not fitted yet."""
    return ExtraTreesRegressor(_TREES, max_features=0.5, bootstrap=True, random_state=seed, n_jobs=1)


def components(described: Sequence[Described]) -> PCA:
    """Return the principal components of functions' standardised outputs."""
    rows = np.stack([each.row for each in described])
    return PCA(min(_COMPONENTS, len(rows) - 1), svd_solver="full").fit(rows)


def columns(described: Sequence[Described], parts: PCA) -> NDArray[np.float32]:
    """Return what the forest is fitted on, a row a function: its features, then the components of its outputs."""
    features = np.stack([each.features for each in described])
    return np.column_stack([features, parts.transform(np.stack([each.row for each in described]))]).astype(np.float32)


class _Forest:
    """Trees fitted on what was told."""

    def __init__(self, described: Sequence[Described], values: Array) -> None:
        self._parts = components(described)
        self._model = new_forest(random.getrandbits(31))
        self._model.fit(columns(described, self._parts), levelled(values))

    def guesses(self, described: Sequence[Described]) -> Array:
        """Return what each tree says of each function, shape (trees, n)."""
        table = columns(described, self._parts)
        return np.stack([tree.predict(table, check_input=False) for tree in self._model.estimators_])


def levelled(values: Array) -> Array:
    """Return values whose bad half is drawn together, so that trees tell the good ones apart."""
    middle = float(np.median(values))
    spread = float(middle - values.min()) or 1.0
    beyond = np.maximum(values - middle, 0.0)
    return np.minimum(values, middle) + spread * np.log1p(beyond / spread) / 2


def _picked(guesses: Array, count: int) -> list[int]:
    """Return places: for each of a batch the best by a few trees of its own, then the others by all trees."""
    mean = guesses.mean(axis=0)
    order: list[int] = []
    taken = np.zeros(guesses.shape[1], dtype=bool)
    for _ in range(min(count, guesses.shape[1])):
        trees = random.sample(range(len(guesses)), _VOTERS)
        said = guesses[trees].mean(axis=0)
        said[taken] = math.inf
        place = int(said.argmin())
        taken[place] = True
        order.append(place)
    rest = [int(place) for place in np.argsort(mean, kind="stable") if not taken[place]]
    return order + rest
