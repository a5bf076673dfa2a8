"""A forest over what arrays say of functions, and what it is fitted on.

Breiman 2001 for forests, Geurts et al. 2006 for the kind of tree.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor

from evaluators.judging.features.catalogue import quick
from primitives.numeric import Array
from search.space.describe import Described
from search.strategies.choice import Result

Mask: TypeAlias = NDArray[np.bool_]
Table: TypeAlias = NDArray[np.float32]
TREES = 50
_COMPONENTS = 12


def new_forest(seed: int) -> ExtraTreesRegressor:
    """Return the forest, not fitted yet."""
    return ExtraTreesRegressor(TREES, max_features=0.5, bootstrap=True, random_state=seed, n_jobs=1)


def components(described: Sequence[Described]) -> PCA:
    """Return the principal components of functions' standardised outputs."""
    rows = np.stack([each.row for each in described])
    return PCA(min(_COMPONENTS, len(rows) - 1), svd_solver="full").fit(rows)


def columns(described: Sequence[Described], parts: PCA) -> Table:
    """Return what the forest is fitted on, a row a function: its features, then the components of its outputs."""
    features = np.stack([each.features for each in described])
    return np.column_stack([features, parts.transform(np.stack([each.row for each in described]))]).astype(np.float32)


class Forest:
    """Trees fitted on features of functions and the principal components of their standardised outputs."""

    def __init__(self, described: Sequence[Described], values: Array, without: Collection[str] = ()) -> None:
        """Fit it.

        Args:
            described: functions.
            values: of each what is foretold, shape (n, objectives).
            without: features that it does not see, by name.
        """
        self._hidden = [place for place, name in enumerate(quick()) if name in without]
        self._parts = components(described)
        self._objectives = values.shape[1]
        self._model = new_forest(random.getrandbits(31))
        self._model.fit(self._seen(described), values.ravel() if self._objectives == 1 else values)

    def _seen(self, described: Sequence[Described]) -> Table:
        return np.delete(columns(described, self._parts), self._hidden, axis=1)

    def guesses(self, described: Sequence[Described]) -> Array:
        """Return what each tree says of each function, shape (trees, n, objectives)."""
        table = self._seen(described)
        said = [tree.predict(table, check_input=False) for tree in self._model.estimators_]
        return np.stack(said).reshape(len(said), len(table), self._objectives)


def targets(results: Sequence[Result]) -> Array:
    """Return what each would reach at the end, shape (n, objectives).

    Of one that was stopped at a rung it is what straight lines say, through those that went on from there.
    """
    reached = np.array([max(result.points) for result in results])
    whole = np.array([result.whole for result in results])
    values = np.array([result.points[steps] for result, steps in zip(results, reached, strict=True)], dtype=float)
    for steps in {*reached[reached < whole].tolist()}:
        both = [r for r in results if steps in r.points and r.whole in r.points]
        stopped = (reached == steps) & (reached < whole)
        for column in range(values.shape[1]):
            pairs = np.array([(r.points[steps][column], r.points[r.whole][column]) for r in both]).reshape(-1, 2)
            slope, offset = _line(pairs)
            values[stopped, column] = offset + slope * values[stopped, column]
    return values


def _line(pairs: Array) -> tuple[float, float]:
    """Return slope and offset of a line through pairs, the slope not negative; the identity where there are few."""
    if len(pairs) < 3:
        return 1.0, 0.0
    early, late = pairs.T
    spread = early.var()
    slope = max(0.0, float(((early - early.mean()) * (late - late.mean())).mean() / spread)) if spread else 1.0
    return slope, float(late.mean() - slope * early.mean())


def levelled(values: Array) -> Array:
    """Return values whose bad half is drawn together, column by column, so that trees tell the good ones apart."""
    middle = np.median(values, axis=0)
    spread = middle - values.min(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    beyond = np.maximum(values - middle, 0.0)
    levels: Array = np.minimum(values, middle) + spread * np.log1p(beyond / spread) / 2
    return levels
