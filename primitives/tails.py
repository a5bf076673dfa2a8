"""Slopes far out: kept at what they have settled to, where their spelling would overflow on the way.

The slope of ``x**5/(1 + x**4)`` is 1 from about 100 on, but holds ``x**8``, which float32 has not beyond 6e4. Such a
slope is computed at an ``x`` that is held within a bound: the largest power of ten where it is right and constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from primitives.registry import Kernels, auxiliary
from primitives.sampled import Values

_X = sympy.Symbol("x")
_HELD = '''\
def held(x, single, double):
    """Return x within the bound for its precision, beyond which a slope has settled."""
    bound = double if x.dtype == torch.float64 else single
    return x.clamp(-bound, bound)
'''
held: Any = auxiliary(
    "held",
    [lambda *_: sympy.Integer(1), lambda *_: sympy.Integer(0), lambda *_: sympy.Integer(0)],
    Kernels(
        "held({0}, single={1}, double={2})",
        "np.clip({0}, -{2}, {2})",
        "jnp.clip({0}, -{1}, {1})",
        (("torch", _HELD),),
    ),
    1,
    takes_numbers=True,
)
_FAR = {np.float32: (1e5, 1e8, 1e13, 1e18), np.float64: (1e19, 1e50, 1e100, 1e150)}
"""Beyond, squares themselves are infinite."""
_BOUNDS = {np.float32: (1e6, 1e5, 1e4, 1e3), np.float64: (1e16, 1e12, 1e8, 1e6)}
_RIGHT = {np.float32: 1e-5, np.float64: 1e-12}
_SETTLED = {np.float32: 3e-7, np.float64: 1e-13}
_FACTORS = (1.0, 0.5, 2.0)


def tamed(slope: sympy.Expr, initial: Sequence[tuple[str, float]]) -> sympy.Expr:
    """Return a slope that is right further out, if it is wrong far out and has settled before.

    Args:
        slope: the derivative by ``x``.
        initial: names and initial values of the parameters; it must have settled at half and twice these as well.
    """
    if not any(power.exp.is_number and abs(power.exp) > 1 and power.base.has(_X) for power in slope.atoms(sympy.Pow)):
        return slope
    if all(_is_right(slope, dtype, initial) for dtype in _FAR):
        return slope
    bounds = [_bound(slope, dtype, initial) for dtype in _FAR]
    if any(bound is None for bound in bounds):
        return slope
    return slope.xreplace({_X: held(_X, *(sympy.Integer(int(bound)) for bound in bounds if bound is not None))})


def _is_right(slope: sympy.Expr, dtype: Any, initial: Sequence[tuple[str, float]]) -> bool:
    """Tell whether a slope is far out what it is at the nearest of the bounds, or at least finite and no constant."""
    near = _at(slope, np.float64, (_BOUNDS[dtype][-1],), initial, 1.0)
    found = _at(slope, dtype, _FAR[dtype], initial, 1.0)
    if near is None or found is None:
        return True
    return bool(np.isfinite(found).all() and (np.abs(found - near[:, :1]) <= _RIGHT[dtype] * _size(near)).all())


def _bound(slope: sympy.Expr, dtype: Any, initial: Sequence[tuple[str, float]]) -> float | None:
    """Return the largest bound at which a slope is right and from which on it is constant."""
    for bound in _BOUNDS[dtype]:
        if all(_holds(slope, dtype, bound, initial, factor) for factor in (_FACTORS if initial else (1.0,))):
            return bound
    return None


def _holds(slope: sympy.Expr, dtype: Any, bound: float, initial: Sequence[tuple[str, float]], factor: float) -> bool:
    """Tell whether a slope is right at a bound, and ten times as far since code has another order than this."""
    there = _at(slope, dtype, (bound, 10 * bound), initial, factor)
    wanted = _at(slope, np.longdouble, (bound, 3 * bound, 10 * bound), initial, factor)
    if there is None or wanted is None or not (np.isfinite(there).all() and np.isfinite(wanted).all()):
        return False
    right = np.abs(there - wanted[:, ::2]) <= _RIGHT[dtype] * _size(wanted)
    settled = np.abs(wanted - wanted[:, :1]) <= _SETTLED[dtype] * _size(wanted)
    return bool(right.all() and settled.all())


def _size(values: NDArray[Any]) -> NDArray[Any]:
    """Return what a deviation is compared with, shape (2, 1)."""
    size: NDArray[Any] = np.maximum(1.0, np.abs(values[:, :1]))
    return size


def _at(
    slope: sympy.Expr, dtype: Any, points: Sequence[float], initial: Sequence[tuple[str, float]], factor: float
) -> NDArray[Any] | None:
    """Return a slope at both signs of points, shape (2, points), computed in a precision."""
    x = np.concatenate([np.array(points, dtype=dtype), -np.array(points, dtype=dtype)])
    found = Values(x, {name: factor * value for name, value in initial}, dtype).of(slope)
    return None if found is None else found.reshape(2, len(points))
