"""Values of sympy formulas in numpy, part by part: no code is generated for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from primitives.numeric import Array, numeric
from primitives.table import of_function


class Values:
    """Evaluates formulas at some points; what was evaluated before is not evaluated again."""

    def __init__(self, x: NDArray[Any], parameters: Mapping[str, float], dtype: Any = float) -> None:
        """Fix the points, shape (n,), the values of the parameters, and the precision, float64 unless given."""
        self._x, self._dtype = x, dtype
        self._known: dict[sympy.Expr, Any] = {
            sympy.Symbol("x"): x,
            **{sympy.Symbol(name): dtype(value) for name, value in parameters.items()},
        }

    def of(self, body: sympy.Expr) -> Array | None:
        """Return the values of a formula, float64, shape (n,); ``None`` where a part of it has no numpy kernel."""
        try:
            with np.errstate(all="ignore"):
                return np.broadcast_to(np.asarray(self._of(body), dtype=self._dtype), self._x.shape)
        except (LookupError, TypeError, ValueError, ZeroDivisionError, OverflowError):
            return None

    def _of(self, node: sympy.Expr) -> Array | float:
        if node not in self._known:
            self._known[node] = self._new(node)
        found: Array | float = self._known[node]
        return found

    def _new(self, node: sympy.Expr) -> Array | float:
        if node.is_number:
            number: float = self._dtype(node)
            return number
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
            return np.asarray(np.power(np.asarray(values[0], dtype=self._dtype), values[1]))
        primitive = of_function(node.func)
        if primitive is None:
            raise LookupError(str(node.func))
        found: Array | float = numeric(primitive).value(*(np.asarray(value, dtype=self._dtype) for value in values))
        return found
