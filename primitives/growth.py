"""How fast an activation grows towards each end: the class that says what its tails do to a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from primitives.expression import Expression
from primitives.module import compile_expression

Kind = Literal["vanishing", "constant", "logarithmic", "power", "exponential", "oscillating", "undefined"]

_OCTAVES = np.arange(6, 25)
_FRACTIONS = np.linspace(1.0, 1.93, 12)  # within one octave, so that an oscillation cannot hide
_GRID: NDArray[np.float64] = (2.0 ** _OCTAVES[:, None] * _FRACTIONS).ravel()


@dataclass(frozen=True)
class Tail:
    """What a function does towards one end.

    Attributes:
        kind: the class.
        order: the exponent of a power, e.g. 1.0 for a line; 0 otherwise.
    """

    kind: Kind
    order: float = 0.0

    def __str__(self) -> str:
        """Return a short name: ``0``, ``constant``, ``log``, ``x``, ``x^2``, ``exp``, …."""
        names = {"vanishing": "0", "logarithmic": "log", "exponential": "exp"}
        if self.kind == "power":
            return "x" if self.order == 1 else f"x^{self.order:g}"
        return names.get(self.kind, self.kind)


def growth(expression: Expression) -> tuple[Tail, Tail]:
    """Return the tails towards minus and plus infinity, at the initial parameter values.

    Measured in float64 between 2^6 and 2^25; a tail that settles later is misread.

    Example:
        >>> from primitives import resolve
        >>> [str(tail) for tail in growth(resolve("elu"))]
        ['constant', 'x']
    """
    compiled = compile_expression(expression)
    values = [torch.tensor(value, dtype=torch.float64) for _, value in expression.initial]
    x = torch.from_numpy(_GRID)
    lower, upper = (compiled.value(side * x, *values).expand_as(x).numpy() for side in (-1, 1))
    return _tail(lower), _tail(upper)


def _tail(y: NDArray[np.float64]) -> Tail:
    if np.isnan(y).any():
        # exp(x) times something that vanishes may be inf*0 far out; it was exponential before
        return Tail("exponential" if np.isinf(y).any() else "undefined")
    if np.isinf(y).any():
        return Tail("exponential")
    last = y[-4 * len(_FRACTIONS) :]
    steps = np.diff(last)
    noise = max(1e-9 * np.abs(last).max(), 1e-13 * _GRID[-1])  # what cancellation leaves of a settled tail
    if not (np.all(steps >= 0) or np.all(steps <= 0)) and np.ptp(last) > noise:
        return Tail("oscillating")
    octaves = y.reshape(len(_OCTAVES), -1)[:, 0]
    if np.abs(octaves[-1]) <= 1e-6 * max(1e-300, np.abs(octaves[0])) or np.abs(last).max() < 1e-12:
        return Tail("vanishing")
    order = float(np.mean(np.log2(np.abs(octaves[-3:] / octaves[-4:-1]))))
    if order < -0.05:
        return Tail("vanishing")
    if order > 0.1:
        return Tail("power", round(order, 2))
    rises = np.abs(np.diff(octaves[-3:]))
    settled = rises[-1] <= max(0.75 * rises[-2], 1e-6 * np.abs(octaves[-1]))
    return Tail("constant") if settled else Tail("logarithmic")
