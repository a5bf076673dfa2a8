"""How much the theory counts: as much as it has been seen to predict in this campaign."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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


def features(candidate: Candidate) -> dict[str, float]:
    """Return a candidate's features by name; those that were not assessed, or not yet known, are left out."""
    values = {name: getattr(candidate, name) for name in FEATURES}
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class PriorWeight:
    """Finds the feature that predicts the error, and how surely, from pairs of (features, error)."""

    config: Prior
    _features: list[Features] = field(default_factory=list)
    _errors: list[float] = field(default_factory=list)

    def tell(self, features: Features, error: float) -> None:
        """Add one trained candidate."""
        self._features.append(features)
        self._errors.append(error)

    def correlations(self) -> dict[str, Correlation]:
        """Return the measured correlations by feature; empty before they can be estimated."""
        found = {}
        for name in FEATURES:
            pairs = [(row[name], error) for row, error in zip(self._features, self._errors, strict=True) if name in row]
            values, errors = zip(*pairs, strict=True) if pairs else ((), ())
            if len(pairs) >= self.config.evidence and min(len(set(values)), len(set(errors))) > 2:
                found[name] = _correlation(values, errors)
        return found

    def best(self) -> tuple[str, float]:
        """Return the feature that counts in the choice of what to train, and its weight; positive prefers low values.

        The weight is the end nearest zero of the measured interval, zero when that spans zero; the
        feature is the one for which it is largest in size. Only one counts, because the two say
        much the same. Before the evidence suffices it is the entropy with the configured assumption.
        """
        measured = self.correlations()
        if not measured:
            return "prior", self.config.initial_weight
        return max(((name, found.certain) for name, found in measured.items()), key=lambda pair: abs(pair[1]))


def _correlation(values: Sequence[float], errors: Sequence[float]) -> Correlation:
    count = len(values)
    rho = float(stats.spearmanr(values, errors).statistic)
    centre = math.atanh(max(-0.999999, min(0.999999, rho)))
    reach = 1.96 * math.sqrt((1 + rho**2 / 2) / (count - 3))
    return Correlation(rho, math.tanh(centre - reach), math.tanh(centre + reach), count)
