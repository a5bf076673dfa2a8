"""Everything that is known about an expression before any training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluators import screen
from evaluators.cost import cost
from evaluators.eafo.entropy import output
from evaluators.quadrature import gain, sample
from primitives import Expression


@dataclass(frozen=True)
class Assessment:
    """What the screen and the theory say.

    Attributes:
        rejection: why it must not be trained, or ``None``.
        straight: whether that is only because it is a straight line.
        cost: forward + backward of one element in float32 multiplications (ReLU: 2).
        complexity: nodes of the formula.
        prior: standardised output entropy in nats, at most 1.4239, lower is better by EAFO;
            ``None`` when rejected.
        correction: size of the remaining EAFO correction, the norm of that entropy's first
            variation, dimensionless; zero for a straight line; ``None`` when rejected.
        gain: initialisation factor for the layer after the activation; ``None`` when rejected.
    """

    rejection: str | None
    cost: float
    complexity: int
    prior: float | None = None
    correction: float | None = None
    gain: float | None = None
    straight: bool = False


def assess(expression: Expression) -> Assessment:
    """Screen an expression and, when it passes, compute its prior and gain. No training.

    Example:
        >>> from primitives import resolve
        >>> round(assess(resolve("relu")).gain, 4)
        1.4142
    """
    price, size = cost(expression), expression.complexity
    if reason := screen.not_finite(expression):
        return Assessment(reason, price, size)
    samples = sample(expression)
    if not (np.isfinite(samples.values).all() and np.isfinite(samples.slopes).all()):
        return Assessment("it is not finite on [-8, 8]", price, size)
    if reason := screen.degenerate(samples):
        return Assessment(reason, price, size, straight=screen.affine(samples))
    out = output(samples)
    return Assessment(None, price, size, out.entropy, out.correction, gain(samples))
