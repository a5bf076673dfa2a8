"""How much the theory counts: as much as it has been seen to predict in this campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluators.judging.features.catalogue import FEATURES
from runs.correlation import Correlation, correlation
from search.configuration.config import Prior

Features = Mapping[str, float]

_GROWTH = 0.01
"""Share by which the evidence grows before it is looked at again, for a look takes time in proportion to it."""


def predictors() -> tuple[str, ...]:
    """Return the features that a choice may go by, by name."""
    return tuple(name for name, feature in FEATURES.items() if feature.predicts)


def features(facts: Mapping[str, float]) -> dict[str, float]:
    """Return those of a candidate's facts that a choice may go by; those that were not assessed are left out."""
    return {name: facts[name] for name in predictors() if name in facts}


@dataclass
class PriorWeight:
    """Finds the feature that predicts the error, and how surely, from pairs of (features, error).

    All evidence counts up to 100 candidates; from there on it is looked at again whenever it has
    grown by a hundredth. When that is follows from what was told alone, so that a resumed
    campaign weighs as the uninterrupted one did.
    """

    config: Prior
    _evidence: list[tuple[Features, float]] = field(default_factory=list)
    _counted: int = 0
    _found: dict[str, Correlation] | None = None

    def tell(self, features: Features, error: float) -> None:
        """Add one trained candidate."""
        self._evidence.append((features, error))
        if len(self._evidence) >= (1 + _GROWTH) * self._counted:
            self._counted = len(self._evidence)
            self._found = None

    def correlations(self) -> Mapping[str, Correlation]:
        """Return the measured correlations by feature; empty before they can be estimated."""
        if self._found is None:
            estimates = {name: self._estimate(name) for name in predictors()}
            self._found = {name: estimate for name, estimate in estimates.items() if estimate is not None}
        return self._found

    def _estimate(self, name: str) -> Correlation | None:
        pairs = [(row[name], error) for row, error in self._evidence[: self._counted] if name in row]
        values, errors = zip(*pairs, strict=True) if pairs else ((), ())
        return correlation(values, errors, self.config.evidence)

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
