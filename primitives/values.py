"""Values of sympy formulas in numpy, part by part: for trying many formulas that share most of their parts."""

from __future__ import annotations

import numpy as np
import sympy

from primitives.derivative import derivative
from primitives.expression import Expression
from primitives.identity import POINTS, Fingerprint, prints, settings
from primitives.numeric import Array, numeric
from primitives.table import of_function


class Values:
    """Evaluates formulas at :data:`primitives.identity.POINTS`; what was evaluated before is not evaluated again."""

    def __init__(self, parameters: dict[str, float]) -> None:
        """Fix the values of the parameters."""
        self._known: dict[sympy.Expr, Array | float] = {
            sympy.Symbol("x"): POINTS,
            **{sympy.Symbol(name): value for name, value in parameters.items()},
        }

    def of(self, body: sympy.Expr) -> Array | None:
        """Return the values of a formula, float64, shape (117,); ``None`` where a part of it has no numpy kernel."""
        try:
            with np.errstate(all="ignore"):
                return np.broadcast_to(np.asarray(self._of(body), dtype=float), POINTS.shape)
        except (LookupError, TypeError, ValueError, ZeroDivisionError, OverflowError):
            return None

    def _of(self, node: sympy.Expr) -> Array | float:
        if node not in self._known:
            self._known[node] = self._new(node)
        return self._known[node]

    def _new(self, node: sympy.Expr) -> Array | float:
        if node.is_number:
            return float(node)
        values = [self._of(argument) for argument in node.args]
        if isinstance(node, sympy.Add):
            total: Array | float = sum(values[1:], start=values[0])
            return total
        if isinstance(node, sympy.Mul):
            product = values[0]
            for value in values[1:]:
                product = product * value
            return product
        if isinstance(node, sympy.Pow):
            return np.asarray(np.power(np.asarray(values[0], dtype=float), values[1]))
        primitive = of_function(node.func)
        if primitive is None:
            raise LookupError(str(node.func))
        found: Array | float = numeric(primitive).value(*(np.asarray(value, dtype=float) for value in values))
        return found


class Prints:
    """Fingerprints of formulas that have the same parameters, without generating code for them."""

    def __init__(self, initial: tuple[tuple[str, float], ...]) -> None:
        """Fix the parameters and their initial values."""
        self._symbols = [sympy.Symbol(name) for name, _ in initial]
        names = [name for name, _ in initial]
        self._at = [Values(dict(zip(names, each, strict=True))) for each in settings([value for _, value in initial])]

    def initially(self, body: sympy.Expr) -> Array | None:
        """Return the values at the initial parameter values, see :meth:`Values.of`."""
        return self._at[0].of(body)

    def of(self, expression: Expression) -> Fingerprint | None:
        """Return the fingerprint; ``None`` where it is not finite, or has a part without a numpy kernel."""
        values = [at.of(expression.body) for at in self._at]
        slopes = [self._at[0].of(derivative(expression.body, symbol)) for symbol in self._symbols]
        rows = [row for row in (*values, *slopes) if row is not None and np.isfinite(row).all()]
        if len(rows) < len(values) + len(slopes):
            return None
        print_: Fingerprint = prints(np.stack(rows)[None], absorbed=False)[0]
        return print_
