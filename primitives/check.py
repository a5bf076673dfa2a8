"""Is a primitive what it says it is? Its kernels and its slope against its definition, on a wide grid.

The reference is arithmetic with 50 digits on the textbook definition, which may overflow or cancel
where a kernel must not.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import sympy
import torch

from primitives.expression import Expression, X
from primitives.module import compile_expression
from primitives.primitive import Domain, Primitive

POINTS = (-200.0, -20.0, -7.7, -3.3, -1.7, -1.1, -0.4, -1e-8, 1e-8, 0.3, 0.9, 1.6, 2.7, 5.3, 20.0, 200.0)
"""Where every primitive is compared with its definition."""
TOLERANCE = {torch.float64: 2e-12, torch.float32: 3e-5}
# A slope such as 1 - tanh(x)**2 cancels: its error is small beside one, not beside itself.
ABSOLUTE = {torch.float64: 1e-15, torch.float32: 3e-6}
LARGEST = {torch.float64: 1e300, torch.float32: 1e38}


def arguments(primitive: Primitive, x: Any, swapped: bool = False) -> tuple[Any, ...]:
    """Return what a primitive is applied to: ``x``; for a binary one also ``x/2 + 1/3`` or an exponent."""
    if primitive.arity == 1:
        return (x,)
    if "exponent" in primitive.types:
        return x, sympy.Rational(3, 2)
    second = x / 2 + sympy.Rational(1, 3)
    return (second, x) if swapped else (x, second)


def applied(primitive: Primitive, swapped: bool = False) -> sympy.Expr:
    """Return the primitive as a function of ``x`` alone, see :func:`arguments`."""
    return primitive.build(*arguments(primitive, X, swapped))


def inside(domain: Domain, point: float) -> bool:
    """Tell whether a point belongs to the domain of a unary primitive."""
    tests = {"positive": point > 0, "nonnegative": point >= 0, "nonzero": point != 0, "above -1": point > -1}
    return tests.get(domain, True)


def reference(primitive: Primitive, point: float, swapped: bool = False) -> tuple[Any, Any] | None:
    """Return value and slope with 50 digits by the definition, or ``None`` where it is not real."""
    definition: Any = primitive.definition

    def function(x: Any) -> Any:
        value = sympy.Add(definition(*arguments(primitive, sympy.Float(str(x), 60), swapped))).evalf(50)
        if not (value.is_real and value.is_finite):
            raise ValueError
        return mpmath.mpf(str(value))

    with mpmath.workdps(50):
        try:
            return function(mpmath.mpf(point)), mpmath.diff(function, mpmath.mpf(point), h=mpmath.mpf("1e-20"))
        except (ValueError, ZeroDivisionError):
            return None


def fault(primitive: Primitive) -> str | None:
    """Return what is wrong with a primitive, or ``None``."""
    if primitive.definition is None:
        return "it has no definition to compare with"
    if primitive.function is not None and not primitive.cost > 0:
        return f"its cost is {primitive.cost:g}; a kernel costs more than nothing"
    if primitive.weight < 1:
        return f"its complexity weight is {primitive.weight}; it must be 1 or more"
    for kernel in (primitive.torch, primitive.numpy, primitive.jax):
        if primitive.function is not None and not all(f"{{{i}}}" in kernel for i in range(primitive.arity)):
            return f"the kernel '{kernel}' does not say where every argument goes: {{0}}, and {{1}} for a second"
    try:
        expression = Expression(applied(primitive))
        for swapped in (False, True)[: primitive.arity]:
            for dtype in TOLERANCE:
                if reason := _wrong_in(primitive, swapped, dtype):
                    return reason
        return _wrong_elsewhere(expression) or _wrong_at_nan(primitive, expression) or _wrong_facts(primitive)
    except Exception as error:  # a user's kernel may raise anything
        return f"{type(error).__name__}: {error}"


def _wrong_in(primitive: Primitive, swapped: bool, dtype: torch.dtype) -> str | None:
    """Compare value and slope in one precision, point by point."""
    compiled = compile_expression(Expression(applied(primitive, swapped)))
    for point in POINTS:
        x = torch.tensor([point], dtype=dtype)
        exact = reference(primitive, float(x), swapped)
        if exact is None:
            if primitive.arity == 1 and inside(primitive.domain, point):
                return f"it is not a finite real number at {point:g}, inside its domain ({primitive.domain})"
            continue
        results = compiled.value(x).expand_as(x), compiled.slopes(x)[0].expand_as(x)
        room = ABSOLUTE[dtype] * abs(point), ABSOLUTE[dtype]
        for name, result, wanted, absolute in zip(("value", "slope"), results, exact, room, strict=True):
            if abs(wanted) > LARGEST[dtype]:
                continue
            expected = torch.tensor([float(wanted)], dtype=torch.float64).to(dtype)
            if not torch.isclose(result, expected, rtol=TOLERANCE[dtype], atol=absolute).item():
                kind = str(dtype).removeprefix("torch.")
                return (
                    f"the {name} at {point:g} is {result.item():.9g} in {kind} but {expected.item():.9g} by definition"
                )
    return None


def _wrong_elsewhere(expression: Expression) -> str | None:
    """Compare the numpy kernel with the torch one."""
    x = np.concatenate([np.linspace(-5.97, 6.03, 121), [-20.0, 20.0]])
    wanted = compile_expression(expression).value(torch.from_numpy(x)).expand(x.size).numpy()
    with np.errstate(all="ignore"):
        found = np.broadcast_to(compile_expression(expression).numpy(x), wanted.shape)
    wrong = ~np.isclose(found, wanted, rtol=1e-9, atol=1e-12, equal_nan=True)
    if not wrong.any():
        return None
    at = int(np.argmax(wrong))
    return f"at {x[at]:g} its numpy kernel gives {found[at]:.9g}, its torch kernel {wanted[at]:.9g}"


def _wrong_at_nan(primitive: Primitive, expression: Expression) -> str | None:
    """A missing number never turns into a plausible one; torch defines sign and ``>`` as 0 at nan."""
    result = compile_expression(expression).value(torch.tensor([float("nan")]))
    exempt = primitive.name in ("step", "sign") or X not in expression.body.free_symbols
    return None if exempt or torch.isnan(result).all() else "it turns nan into a number"


def _wrong_facts(primitive: Primitive) -> str | None:
    """Check parity, boundedness and monotony on a dense grid."""
    if primitive.arity == 2:
        return None
    x = torch.arange(-600, 601, dtype=torch.float64) / 20
    y = compile_expression(Expression(applied(primitive))).value(x).expand_as(x)
    finite = torch.isfinite(y)
    if primitive.parity == "even" and not torch.allclose(y, y.flip(0), equal_nan=True):
        return "it is not even"
    if primitive.parity == "odd" and not torch.allclose(y[finite], -y.flip(0)[finite], equal_nan=True):
        return "it is not odd"
    if primitive.bounded and y[finite].abs().max() > 10:
        return "it is not bounded"
    steps = y[finite].diff()
    if primitive.monotone and not ((steps >= -1e-12).all() or (steps <= 1e-12).all()):
        return "it is not monotone"
    return None
