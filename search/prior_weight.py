"""How much the entropy prior counts: as much as it has been seen to predict in this campaign."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from scipy import stats

from search.config import Prior


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation between the prior and the measured error.

    Attributes:
        rho: the correlation; positive means that low entropy went with low error.
        low, high: 95 % interval by Fisher's transform (Bonett & Wright 2000 variance).
        count: candidates behind it.
    """

    rho: float
    low: float
    high: float
    count: int


@dataclass
class PriorWeight:
    """Estimates the weight from pairs of (prior, error); it is zero while the interval spans zero."""

    config: Prior
    _priors: list[float] = field(default_factory=list)
    _errors: list[float] = field(default_factory=list)

    def tell(self, prior: float, error: float) -> None:
        """Add one trained candidate."""
        self._priors.append(prior)
        self._errors.append(error)

    def correlation(self) -> Correlation | None:
        """Return the measured correlation, or ``None`` before it can be estimated."""
        count = len(self._priors)
        if count < self.config.evidence or len(set(self._priors)) < 3 or len(set(self._errors)) < 3:
            return None
        rho = float(stats.spearmanr(self._priors, self._errors).statistic)
        centre = math.atanh(max(-0.999999, min(0.999999, rho)))
        reach = 1.96 * math.sqrt((1 + rho**2 / 2) / (count - 3))
        return Correlation(rho, math.tanh(centre - reach), math.tanh(centre + reach), count)

    def weight(self) -> float:
        """Return the end of the interval nearest zero, zero when it spans zero.

        Before the evidence suffices it is the configured assumption. Positive prefers low entropy.
        """
        measured = self.correlation()
        if measured is None:
            return self.config.initial_weight
        if measured.low <= 0 <= measured.high:
            return 0.0
        return measured.low if measured.low > 0 else measured.high
