"""Is a function worth a training beside those already trained? Distance under a normal input.

The layers around an activation absorb its output's scale, sign and shift and a reflection of its
input, so the distance of :mod:`primitives.nearest` ignores them. Functions with different numbers
of learnable parameters are never near.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from primitives import Expression
from primitives.nearest import QUANTILES, distances, function_of, standardised


@dataclass
class Neighbourhood:
    """Remembers trained functions and finds the one that a new function is too near to."""

    radius: float
    _known: dict[int, dict[int, NDArray[np.float64]]] = field(default_factory=dict)

    def add(self, identifier: int, expression: Expression) -> None:
        """Remember a function under an id."""
        outputs = function_of(expression)(QUANTILES)
        self._known.setdefault(len(expression.initial), {})[identifier] = standardised(outputs)

    def nearest(self, expression: Expression) -> tuple[int, float] | None:
        """Return id and distance of the nearest function within the radius, or ``None``."""
        known = self._known.get(len(expression.initial))
        if not known or self.radius == 0:
            return None
        identifiers = sorted(known)
        rows = np.stack([known[i] for i in identifiers])
        outputs = standardised(function_of(expression)(QUANTILES))
        # The quantiles are symmetric, so the reversed outputs are those of the reflected function.
        apart = np.minimum(distances(rows, outputs), distances(rows, outputs[::-1]))
        at = int(np.argmin(apart))
        return (identifiers[at], float(apart[at])) if apart[at] < self.radius else None
