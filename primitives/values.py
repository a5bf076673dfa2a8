"""Fingerprints of sympy formulas in numpy: for trying many formulas that share most of their parts."""

from __future__ import annotations

import numpy as np
import sympy

from primitives.derivative import derivative
from primitives.expression import Expression, X
from primitives.identity import POINTS, Fingerprint, is_decreed, prints, settings, with_slopes
from primitives.numeric import Array
from primitives.sampled import Values


class Prints:
    """Fingerprints of formulas that have the same parameters, without generating code for them."""

    def __init__(self, initial: tuple[tuple[str, float], ...]) -> None:
        """Fix the parameters and their initial values."""
        self._symbols = [sympy.Symbol(name) for name, _ in initial]
        names = [name for name, _ in initial]
        self._at = [
            Values(POINTS, dict(zip(names, each, strict=True))) for each in settings([value for _, value in initial])
        ]

    def initially(self, body: sympy.Expr) -> Array | None:
        """Return the values at the initial parameter values, see :meth:`Values.of`."""
        return self._at[0].of(body)

    def of(self, expression: Expression) -> Fingerprint | None:
        """Return the fingerprint; ``None`` where it is not finite, or has a part without a numpy kernel."""
        values = [at.of(expression.body) for at in self._at]
        slopes = [self._at[0].of(derivative(expression.body, symbol)) for symbol in self._symbols]
        along = [self._at[0].of(derivative(expression.body, X))] if is_decreed(expression.body) else []
        rows = [row for row in (*values, *slopes, *along) if row is not None and np.isfinite(row).all()]
        if len(rows) < len(values) + len(slopes) + len(along):
            return None
        print_: Fingerprint = prints(np.stack(rows[: len(rows) - len(along)])[None], absorbed=False)[0]
        return with_slopes(print_, rows[-1], absorbed=False) if along else print_
