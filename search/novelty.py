"""Is a function worth a training beside those already trained? Distance under a normal input.

A next layer absorbs an output's scale, sign and shift, so outputs are standardised first: the
distance is ``sqrt(E[(u - v)^2])`` of two standardised outputs for standard normal input, 0 for
affine copies and at most ``sqrt(2)``. ReLU and LeakyReLU(0.01) are 0.009 apart, GELU and SiLU 0.10,
ReLU and tanh 0.59. Functions with different numbers of learnable parameters are never near.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from primitives import Expression, compile_expression

_COUNT = 256
_QUANTILES = stats.norm.ppf((np.arange(_COUNT) + 0.5) / _COUNT)


@dataclass
class Neighbourhood:
    """Remembers trained functions and finds the one that a new function is too near to."""

    radius: float
    _known: dict[int, dict[int, NDArray[np.float64]]] = field(default_factory=dict)

    def add(self, identifier: int, expression: Expression) -> None:
        """Remember a function under an id."""
        self._known.setdefault(len(expression.initial), {})[identifier] = standardised(expression)

    def nearest(self, expression: Expression) -> tuple[int, float] | None:
        """Return id and distance of the nearest function within the radius, or ``None``."""
        known = self._known.get(len(expression.initial))
        if not known or self.radius == 0:
            return None
        identifiers = sorted(known)
        difference = np.stack([known[i] for i in identifiers]) - standardised(expression)
        distances = np.sqrt(np.mean(difference**2, axis=1))
        at = int(np.argmin(distances))
        return (identifiers[at], float(distances[at])) if distances[at] < self.radius else None


def standardised(expression: Expression) -> NDArray[np.float64]:
    """Return the output at 256 normal quantiles with mean 0 and variance 1, its sign fixed."""
    x = torch.from_numpy(_QUANTILES)
    values = [torch.tensor(value, dtype=torch.float64) for _, value in expression.initial]
    outputs = compile_expression(expression).value(x, *values).expand_as(x).numpy()
    centred = outputs - outputs.mean()
    scaled: NDArray[np.float64] = centred / max(float(centred.std()), 1e-300)
    # Odd functions show their sign in their slope, even ones in their curvature.
    side = float(np.mean(scaled * _QUANTILES))
    side = side if abs(side) > 1e-6 else float(np.mean(scaled * _QUANTILES**2))
    return -scaled if side < 0 else scaled
