"""Spearman's rank correlation with an interval: how surely a number that is known before training goes with a score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

LEAST = 4
"""Pairs below which there is no interval."""


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


def correlation(values: Sequence[float], errors: Sequence[float], least: int = LEAST) -> Correlation | None:
    """Return the correlation of two sequences of equal length.

    Args:
        values: of a feature.
        errors: of the same candidates.
        least: pairs that are needed, 4 or more.

    Returns:
        ``None`` where there are fewer pairs, or where one of the two has fewer than three different values.
    """
    enough = len(values) >= max(LEAST, least) and min(len(set(values)), len(set(errors))) > 2
    return _correlation(values, errors) if enough else None


def _correlation(values: Sequence[float], errors: Sequence[float]) -> Correlation:
    count = len(values)
    rho = float(stats.spearmanr(values, errors).statistic)
    centre = math.atanh(max(-0.999999, min(0.999999, rho)))
    reach = 1.96 * math.sqrt((1 + rho**2 / 2) / (count - 3))
    return Correlation(rho, math.tanh(centre - reach), math.tanh(centre + reach), count)
