"""The surrogate's own forest, fitted on part of a table and judged on the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.inspection import permutation_importance

from evaluators.judging.features.catalogue import GROUPS
from primitives.numeric import Array
from search.strategies.model import columns, components, levelled, new_forest
from search.studies.entropy.correlate import rank_correlations, spearman
from search.studies.worth.sheet import COMPONENTS, NETWORK, Sheet, group_of, named

Places = NDArray[np.intp]
Table = NDArray[np.float32]
Row = dict[str, Any]
NOTHING: Mapping[str, Array] = MappingProxyType({})

_PERMUTATIONS = 5
_RESAMPLES = 1000


@dataclass(frozen=True)
class Regime:
    """How much a forest is fitted on.

    Attributes:
        name: in files.
        folds: of the cross-validation.
        repeats: of it, with other folds and another forest.
        most: functions that one forest is fitted on.
    """

    name: str
    folds: int
    repeats: int
    most: int | None = None

    def splits(self, count: int, seed: int) -> Iterator[tuple[int, Places, Places]]:
        """Yield repeat, functions to fit on and functions to judge by; each is judged once a repeat."""
        for repeat in range(self.repeats):
            order = np.random.default_rng((seed, repeat)).permutation(count)
            for part in np.array_split(order, self.folds):
                others = order[~np.isin(order, part)]
                yield repeat, others[: self.most], part


MANY = Regime("four fifths", 5, 2)
FEW = Regime("100", 2, 6, 100)


@dataclass(frozen=True)
class Case:
    """What a forest may see.

    Attributes:
        name: in files.
        only: groups that it sees; all when ``None``.
        hidden: groups that it does not.
    """

    name: str
    only: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()

    def sees(self, group: str) -> bool:
        """Tell whether it sees a group."""
        return group not in self.hidden and (self.only is None or group in self.only)


ALL = Case("all", hidden=frozenset({NETWORK}))
ABLATIONS = (
    ALL,
    *(Case(f"without {group}", hidden=frozenset({group})) for group in (*GROUPS, COMPONENTS)),
    Case("components only", only=frozenset({COMPONENTS})),
)
"""The surrogate as it is, and with less."""
ADDITIONS = (
    ALL,
    Case("with network"),
    Case("network only", only=frozenset({NETWORK})),
    Case("components only", only=frozenset({COMPONENTS})),
    Case("network and components", only=frozenset({NETWORK, COMPONENTS})),
)
"""Where the dear features are known too; AQuaSurF's is the last."""


def design(sheet: Sheet, fitted: Places, more: Mapping[str, Array], case: Case) -> tuple[tuple[str, ...], Table]:
    """Return names and columns that a forest sees, components being those of the functions that it is fitted on.

    Args:
        sheet: the functions.
        fitted: places of those.
        more: features of a network by name, shape (n,).
        case: tells which groups.
    """
    found = columns(sheet.described, components([sheet.described[n] for n in fitted]))
    names = named(sheet.names, found.shape[1])
    groups = [*map(group_of, names), *(NETWORK for _ in more)]
    table = np.column_stack([found, *more.values()]).astype(np.float32)
    kept = [place for place, group in enumerate(groups) if case.sees(group)]
    return tuple((*names, *more)[place] for place in kept), table[:, kept]


def predictions(sheet: Sheet, regime: Regime, case: Case, more: Mapping[str, Array] = NOTHING, seed: int = 0) -> Array:
    """Return what a forest that has not seen it says of each function, shape (repeats, n)."""
    said = np.full((regime.repeats, len(sheet)), np.nan)
    for place, (repeat, fitted, judged) in enumerate(regime.splits(len(sheet), seed)):
        _, table = design(sheet, fitted, more, case)
        said[repeat, judged] = _fitted(sheet, table, fitted, seed, place).predict(table[judged])
    return said


def _fitted(sheet: Sheet, table: Table, fitted: Places, seed: int, place: int) -> Any:
    own = int(np.random.default_rng((seed, place, 1)).integers(2**31))
    return new_forest(own).fit(table[fitted], levelled(sheet.scores[fitted]))


def importances(
    sheet: Sheet, regime: Regime, more: Mapping[str, Array] = NOTHING, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """Return by how much the rank correlation with held-out scores falls when a feature is shuffled there.

    Breiman 2001, section 10. The interval is a t-interval over splits whose variance is corrected for what their fits
    share (Nadeau & Bengio 2003, doi 10.1023/A:1024068626366).

    Returns:
        Mean, lower and upper end of the 95 % interval by feature and component.
    """
    drops: list[Array] = []
    names: tuple[str, ...] = ()
    share = 0.0
    for place, (_, fitted, judged) in enumerate(regime.splits(len(sheet), seed)):
        names, table = design(sheet, fitted, more, Case("everything"))
        forest = _fitted(sheet, table, fitted, seed, place)
        found = permutation_importance(
            forest, table[judged], sheet.scores[judged], scoring=_agrees, n_repeats=_PERMUTATIONS, random_state=place
        )
        drops.append(found.importances_mean)
        share = len(judged) / len(fitted)
    return {name: _interval(np.array(values), share) for name, values in zip(names, np.transpose(drops), strict=True)}


def _agrees(forest: Any, table: Table, scores: Array) -> float:
    return spearman(forest.predict(table), scores)


def _interval(values: Array, share: float) -> tuple[float, float, float]:
    mean, count = float(values.mean()), len(values)
    reach = float(stats.t.ppf(0.975, count - 1)) * math.sqrt(float(values.var(ddof=1)) * (1 / count + share))
    return mean, mean - reach, mean + reach


def compared(sheet: Sheet, said: Mapping[str, Array], seed: int = 0) -> list[Row]:
    """Return how each model ranks the better half of the functions, and by how much that differs from the first one's.

    Args:
        sheet: the functions.
        said: predictions by name, shape (repeats, n).
        seed: of the bootstrap over functions, the same draws for all.

    Returns:
        One row a model: mean rank correlation over repeats, its difference, and 95 % percentile intervals of both.
    """
    places = np.flatnonzero(sheet.better)
    draws = places[np.random.default_rng(seed).integers(len(places), size=(_RESAMPLES, len(places)))]
    rows: list[Row] = []
    first: tuple[float, Array] | None = None
    for name, values in said.items():
        value = float(np.mean([spearman(own[places], sheet.scores[places]) for own in values]))
        drawn = _correlations(values, sheet.scores, draws)
        first = first or (value, drawn)
        rows.append(
            {"case": name, "judged": len(places), **_ends("rho", value, drawn)}
            | _ends("difference", value - first[0], drawn - first[1])
        )
    return rows


def _correlations(said: Array, scores: Array, draws: Places) -> Array:
    """Return the mean over repeats for each draw, shape (draws,)."""
    mean: Array = np.mean([rank_correlations(own[draws], scores[draws]) for own in said], axis=0)
    return mean


def _ends(name: str, value: float, drawn: Array) -> dict[str, float]:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
