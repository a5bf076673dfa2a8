"""The derivatives of sin(x)/x: each has a limit at 0, which needs a series of its own."""

from __future__ import annotations

from typing import Any

import sympy

from primitives.kernels import (
    JAX_SINC_DERIVATIVE,
    JAX_SINC_SLOPE,
    NUMPY_SINC_DERIVATIVE,
    NUMPY_SINC_SLOPE,
    SINC_DERIVATIVE,
    SINC_SLOPE,
)
from primitives.registry import Kernels, auxiliary


def _of_order(order: int, following: Any) -> Any:
    """Make the derivative of an order of 2 or more, given the next."""
    call = f"sinc_derivative({{0}}, {order})"
    helpers = (("torch", SINC_DERIVATIVE), ("numpy", NUMPY_SINC_DERIVATIVE), ("jax", JAX_SINC_DERIVATIVE))
    return auxiliary(f"sinc_derivative_{order}", [following], Kernels(call, call, call, helpers), 90 + 40 * order)


_fourth: Any = _of_order(4, lambda x: sympy.Derivative(_fourth(x), x))
sinc_slope: Any = auxiliary(
    "sinc_slope",
    [_of_order(2, _of_order(3, _fourth))],
    Kernels(
        "sinc_slope({0})",
        "sinc_slope({0})",
        "sinc_slope({0})",
        (("torch", SINC_SLOPE), ("numpy", NUMPY_SINC_SLOPE), ("jax", JAX_SINC_SLOPE)),
    ),
    84,
)
"""The first derivative, which knows the second, and so on to the fourth."""
