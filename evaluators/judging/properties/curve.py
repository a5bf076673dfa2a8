"""A formula on a dense grid, for what is judged of it exactly: values, slopes, and where they jump."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np

from evaluators.theory.density import Array
from primitives import Expression, compile_expression
from primitives.module import derivative_at

_POSITIVE = np.concatenate([np.arange(1, 20 * 64 + 1) / 64, np.arange(20.5, 200.1, 0.5)])
DENSE: Array = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE])
"""Inputs from -200 to 200, symmetric about 0: 64 a unit up to 20 and 2 a unit beyond, shape (3281,)."""
_HALVINGS = 32
_WEIGHTS = np.where(np.abs(DENSE) <= 8, np.exp(-(DENSE**2) / 2), 0.0)
_WEIGHTS /= _WEIGHTS.sum()
_SHIFT = np.sqrt(2) / 1024
"""Bends lie on round numbers, and intervals that are halved there would end on them."""


class Curve:
    """A formula at its initial parameter values; what several rules need is computed once.

    Attributes:
        expression: the function, which passed the screen.
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self._compiled = compile_expression(expression)

    def at(self, x: Array) -> Array:
        """Return the values at ``x``, float64."""
        return self._compiled.at(x)

    @cached_property
    def values(self) -> Array:
        """The values at :data:`DENSE`."""
        return self.at(DENSE)

    @cached_property
    def slopes(self) -> Array:
        """The slopes at :data:`DENSE`."""
        return self._compiled.slope_at(DENSE)

    @cached_property
    def size(self) -> float:
        """The root mean square of the values under a standard normal input."""
        return float(np.sqrt(self.values**2 @ _WEIGHTS))

    @cached_property
    def steepness(self) -> float:
        """The root mean square of the slopes under a standard normal input."""
        return float(np.sqrt(self.slopes**2 @ _WEIGHTS))

    def bends_at(self, x: Array) -> Array:
        """Return the second derivatives at ``x``, float64; not finite where its formula cannot be computed."""
        bends: Array = derivative_at(self.expression, 2, x)
        return bends

    @cached_property
    def bentness(self) -> float:
        """The root mean square of the second derivatives under a standard normal input."""
        return float(np.sqrt(np.nan_to_num(self.bends_at(DENSE + _SHIFT), posinf=0, neginf=0) ** 2 @ _WEIGHTS))

    def jumps(self, of: Literal["value", "slope", "bend"], least: float) -> bool:
        """Tell whether value, slope or second derivative changes by a share of its size however short the interval is.

        Intervals are halved 32 times; that half is kept in which more changes. Of what is continuous next to nothing
        remains.

        Args:
            of: what may jump.
            least: share of the root mean square, and of the values beside it, that is a jump.
        """
        read = {"value": self.at, "slope": self._compiled.slope_at, "bend": self.bends_at}[of]
        size = self.size if of == "value" else self.steepness if of == "slope" else self.bentness
        left, right = DENSE[:-1] + _SHIFT, DENSE[1:] + _SHIFT
        low, high = read(left), read(right)
        for _ in range(_HALVINGS):
            middle = (left + right) / 2
            there = read(middle)
            first = np.abs(there - low) > np.abs(high - there)
            left, low = np.where(first, left, middle), np.where(first, low, there)
            right, high = np.where(first, middle, right), np.where(first, there, high)
            changes = np.abs(high - low) > least * (size + np.abs(low) + np.abs(high))
            if not changes.any():
                return False
            left, low, right, high = (ends[changes] for ends in (left, low, right, high))
        return True
