"""Everything that is known about an expression before any training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from evaluators.judging import screen
from evaluators.judging.features.catalogue import kept
from evaluators.judging.features.feature import Subject
from evaluators.theory.finite import not_finite
from primitives import Expression
from primitives.errors import ActsearchError


@dataclass(frozen=True)
class Assessment:
    """What the screen and the theory say.

    Attributes:
        rejection: why it must not be trained, or ``None``.
        facts: its features by name, see :func:`evaluators.judging.features.catalogue.kept`; of what is rejected only
            those of the formula alone.
        straight: whether the rejection is only because it is a straight line.
    """

    rejection: str | None
    facts: Mapping[str, float] = field(default_factory=dict, hash=False)
    straight: bool = False

    @property
    def gain(self) -> float | None:
        """The initialisation factor for the layer after the activation; ``None`` when rejected."""
        return self.facts.get("gain")


def assess(expression: Expression) -> Assessment:
    """Screen an expression and, when it passes, compute its features. No training.

    Example:
        >>> from primitives import resolve
        >>> round(assess(resolve("relu")).gain, 4)
        1.4142
    """
    subject = Subject(expression)
    try:
        facts = {feature.name: feature.value(subject) for feature in kept().values() if feature.formula}
    except ActsearchError as error:
        return Assessment(str(error))
    if reason := not_finite(expression):
        return Assessment(reason, facts)
    samples = subject.samples
    if not (np.isfinite(samples.values).all() and np.isfinite(samples.slopes).all()):
        return Assessment("it is not finite on [-8, 8]", facts)
    if reason := screen.degenerate(samples):
        return Assessment(reason, facts, straight=screen.affine(samples))
    try:
        return Assessment(None, {**facts, **_values(subject)})
    except ActsearchError as error:
        return Assessment(str(error), facts)


def _values(subject: Subject) -> dict[str, float]:
    return {feature.name: feature.value(subject) for feature in kept().values() if not feature.formula}
