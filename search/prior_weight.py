"""How much the theory counts: as much as its features have been seen to predict in this campaign."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from scipy import stats

from runs import Candidate
from search.config import Prior

FEATURES = {"prior": "entropy prior", "correction": "size of the remaining correction"}
"""What the theory says of a function before training: the candidate's attribute, and what reports call it."""

Features = Mapping[str, float]


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation between a feature and the measured error.

    Attributes:
        rho: the correlation; positive means that a low value went with low error.
        low, high: 95 % interval by Fisher's transform (Bonett & Wright 2000 variance).
        count: candidates behind it.
    """

    rho: float
    low: float
    high: float
    count: int

    @property
    def certain(self) -> float:
        """The end of the interval nearest zero, zero when it spans zero."""
        if self.low <= 0 <= self.high:
            return 0.0
        return self.low if self.low > 0 else self.high


def features(candidate: Candidate) -> dict[str, float] | None:
    """Return a candidate's features by name, ``None`` when it was not assessed that far."""
    values = {name: getattr(candidate, name) for name in FEATURES}
    return None if None in values.values() else values


@dataclass
class PriorWeight:
    """Estimates each feature's weight from pairs of (feature, error)."""

    config: Prior
    _features: list[Features] = field(default_factory=list)
    _errors: list[float] = field(default_factory=list)

    def tell(self, features: Features, error: float) -> None:
        """Add one trained candidate."""
        self._features.append(features)
        self._errors.append(error)

    def correlations(self) -> dict[str, Correlation]:
        """Return the measured correlations by feature; empty before they can be estimated."""
        if len(self._errors) < self.config.evidence or len(set(self._errors)) < 3:
            return {}
        columns = {name: [row[name] for row in self._features] for name in FEATURES}
        return {name: _correlation(column, self._errors) for name, column in columns.items() if len(set(column)) > 2}

    def weights(self) -> dict[str, float]:
        """Return each feature's weight in the choice of what to train; positive prefers low values.

        It is the end nearest zero of the measured interval, zero when that spans zero. Before the
        evidence suffices the entropy's is the configured assumption and the other's is zero. The
        squares add up to at most one.
        """
        measured = self.correlations()
        if measured:
            weights = {name: found.certain for name, found in measured.items()}
        else:
            weights = {"prior": self.config.initial_weight}
        size = max(1.0, math.hypot(*weights.values()))
        return {name: weight / size for name, weight in weights.items() if weight}


def _correlation(values: list[float], errors: list[float]) -> Correlation:
    count = len(values)
    rho = float(stats.spearmanr(values, errors).statistic)
    centre = math.atanh(max(-0.999999, min(0.999999, rho)))
    reach = 1.96 * math.sqrt((1 + rho**2 / 2) / (count - 3))
    return Correlation(rho, math.tanh(centre - reach), math.tanh(centre + reach), count)
