"""``exp(-|x|) In(x)/x**n``: the derivatives of the scaled Bessel functions are made of it without cancelling at 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from primitives.kernels import BESSEL_RATIO, JAX_BESSEL_RATIO, NUMPY_BESSEL_RATIO
from primitives.registry import Kernels, auxiliary

_HIGHEST = 4


def bessel_ratio(sign: Callable[[sympy.Expr], sympy.Expr]) -> Any:
    """Make the one of order 1, whose derivative knows the next, and so on to order 4.

    Args:
        sign: the primitive.
    """

    def of_order(order: int, following: Callable[[sympy.Expr], sympy.Expr]) -> Any:
        call = f"bessel_ratio({{0}}, {order})"
        helpers = (("torch", BESSEL_RATIO), ("numpy", NUMPY_BESSEL_RATIO), ("jax", JAX_BESSEL_RATIO))
        kernels = Kernels(call, call, call, helpers)
        name = "i1e_ratio" if order == 1 else f"bessel_ratio_{order}"
        made: Any = auxiliary(
            name, [lambda x: x * following(x) - sign(x) * made(x)], kernels, 1046 if order == 1 else 3500
        )
        return made

    found: Any = lambda x: sympy.Derivative(found_last(x), x)  # noqa: E731
    found_last: Any = None
    for order in range(_HIGHEST, 0, -1):
        found = of_order(order, found)
        found_last = found_last or found
    return found
