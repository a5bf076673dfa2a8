"""How fast an activation grows towards each end: the class that says what its tails do to a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
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

    Measured in float64 between 2^6 and 2^25. A factor as slow as a logarithm shows as an odd
    exponent (``x*asinh(x)`` as ``x^1.06``); a tail that settles later than that is misread.

    Example:
        >>> from primitives import resolve
        >>> [str(tail) for tail in growth(resolve("elu"))]
        ['constant', 'x']
    """
    compiled = compile_expression(expression)
    return _tail(compiled.at(-_GRID)), _tail(compiled.at(_GRID))


def _tail(y: NDArray[np.float64]) -> Tail:
    finite = np.isfinite(y)
    if not finite.all():
        return _broken(y[: int(np.argmin(finite))], bool(np.isinf(y).any()))
    last = y[-4 * len(_FRACTIONS) :]
    noise = max(1e-9 * np.abs(last).max(), 1e-13 * _GRID[-1])  # what cancellation leaves of a settled tail
    steps = np.diff(last)
    if not (np.all(steps >= 0) or np.all(steps <= 0)) and np.ptp(last) > noise:
        return Tail("oscillating")
    octaves = y.reshape(len(_OCTAVES), -1)[:, 0]
    small = np.abs(last).max() <= 1e-6 * max(1e-300, np.abs(octaves[0])) or np.abs(last).max() < 1e-12
    if small or np.ptp(last) <= noise:
        return Tail("vanishing" if small or np.abs(last).max() <= noise else "constant")
    # Differences of octaves, because a constant beside a power would bend the logarithm of the values.
    rises = np.abs(np.diff(octaves[-5:]))
    order = float(np.mean(np.log2(np.maximum(rises[1:], 1e-300) / np.maximum(rises[:-1], 1e-300))))
    if order > 0.1:
        nearest = round(2 * order) / 2
        return Tail("power", nearest if abs(order - nearest) < 0.02 else round(order, 2))
    if order > -0.1:
        return Tail("logarithmic")
    return Tail("vanishing" if np.abs(octaves[-1]) < np.abs(octaves[-4]) / 2 else "constant")


def _broken(y: NDArray[np.float64], overflows: bool) -> Tail:
    """Classify a tail by what it did before it stopped being finite."""
    if len(y) < 2 * len(_FRACTIONS):
        return Tail("exponential" if overflows and len(y) else "undefined")
    if np.abs(y[-1]) < 1e-12 * np.abs(y).max() or np.abs(y[-1]) < 1e-12:
        return Tail("vanishing")
    return Tail("exponential" if overflows and np.abs(y[-1]) > 1e6 else "undefined")
