"""Is a primitive what it says it is? Its kernels and its slopes against its definition, on a wide grid.

The reference is arithmetic with 50 digits on the textbook definition, which may overflow or cancel
where a kernel must not. A binary primitive is tried as a function of ``x`` in every way in which a
formula may use it: of two expressions, of equal ones, with a number and with a learnable parameter
in either place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import sympy
import torch

from primitives.errors import ExpressionError
from primitives.expression import Expression, X
from primitives.module import Compiled, compile_expression
from primitives.primitive import Domain, Primitive

POINTS = (-200.0, -20.0, -7.7, -3.3, -1.7, -1.1, -0.4, -1e-8, 1e-8, 0.3, 0.9, 1.6, 2.7, 5.3, 20.0, 200.0)
"""Where every primitive is compared with its definition."""
FEWER_POINTS = (-200.0, -3.3, -0.4, 1e-8, 0.9, 5.3, 200.0)
"""Where it is compared in the other ways of using a binary one."""
TOLERANCE = {torch.float64: 2e-12, torch.float32: 3e-5}
# A slope such as 1 - tanh(x)**2 cancels: its error is small beside one, not beside itself.
ABSOLUTE = {torch.float64: 1e-15, torch.float32: 3e-6}
LARGEST = {torch.float64: 1e300, torch.float32: 1e38}

_CONSTANTS = (sympy.Integer(2), sympy.Rational(-7, 9))
_ALPHA, _INITIAL = sympy.Symbol("alpha"), sympy.Rational(5, 8)
_BOUND = 10.0
_COUNTS = {2: "two", 3: "three"}
_WIDE = [-30.0, -6.1, -1.3, -0.2, 0.0, 0.4, 1.0, 2.7, 9.5, 30.0]


@dataclass(frozen=True)
class Use:
    """A way of using a primitive as a function of ``x``.

    Attributes:
        arguments: what it is applied to, in ``x`` and perhaps ``alpha``.
        points: where it is compared with its definition.
    """

    arguments: tuple[sympy.Expr, ...]
    points: tuple[float, ...] = FEWER_POINTS

    def __str__(self) -> str:
        """Return how a message calls it."""
        return ", ".join(str(argument) for argument in self.arguments)

    @property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """What its slopes are taken by."""
        free = set().union(*(argument.free_symbols for argument in self.arguments))
        return tuple(symbol for symbol in (X, _ALPHA) if symbol == X or symbol in free)


def arguments(primitive: Primitive, x: Any, swapped: bool = False) -> tuple[Any, ...]:
    """Return what a primitive is applied to: ``x``; of more arguments also ``x/2 + 1/3`` or an exponent."""
    if primitive.arity == 1:
        return (x,)
    if "exponent" in primitive.types:
        return x, sympy.Rational(3, 2)
    second = x / 2 + sympy.Rational(1, 3)
    if primitive.arity == 3:
        return (second, -x, x) if swapped else (x, second, 1 - x)
    return (second, x) if swapped else (x, second)


def applied(primitive: Primitive, swapped: bool = False) -> sympy.Expr:
    """Return the primitive as a function of ``x`` alone, see :func:`arguments`."""
    return primitive.build(*arguments(primitive, X, swapped))


def uses(primitive: Primitive) -> Iterator[Use]:
    """Yield the ways of using a primitive, the plainest first."""
    yield Use(arguments(primitive, X), POINTS)
    if primitive.arity == 1 or "exponent" in primitive.types:
        return
    yield Use(arguments(primitive, X, swapped=True), POINTS)
    if primitive.arity == 3:
        yield Use((X, _ALPHA, _CONSTANTS[0]))
        yield Use((_ALPHA - X, 3 * X, _ALPHA))
        return
    yield Use((X, X))
    for other in (*_CONSTANTS, _ALPHA):
        yield Use((X, other))
        yield Use((other, X))


def expressed(primitive: Primitive, use: Use) -> Expression | None:
    """Return a use as an expression, ``None`` where there is none: a negative number to a varying power."""
    try:
        return Expression(primitive.build(*use.arguments), ((_ALPHA.name, float(_INITIAL)),))
    except ExpressionError:
        return None


def inside(domain: Domain, point: float) -> bool:
    """Tell whether a point belongs to the domain of a unary primitive."""
    tests = {
        "positive": point > 0,
        "nonnegative": point >= 0,
        "nonzero": point != 0,
        "above -1": point > -1,
        "above 1": point > 1,
        "above -1/e": point > -math.exp(-1),
        "between -1 and 1": abs(point) < 1,
    }
    return tests.get(domain, True)


def reference(primitive: Primitive, use: Use, point: float) -> tuple[Any, ...] | None:
    """Return the value and the slope by each symbol with 50 digits by the definition, ``None`` where it is not real."""
    definition, of_slope = primitive.definition, primitive.slope_of or primitive.definition

    def function(*values: Any, definition: Any = definition) -> Any:
        there = {symbol: sympy.Float(str(value), 60) for symbol, value in zip(use.symbols, values, strict=True)}
        value = sympy.Add(definition(*(argument.xreplace(there) for argument in use.arguments))).evalf(50)
        if not (value.is_real and value.is_finite):
            raise ValueError
        return mpmath.mpf(str(value))

    with mpmath.workdps(50):
        at = tuple(mpmath.mpf(v) for v in (point, float(_INITIAL)))[: len(use.symbols)]
        try:
            sloping = partial(function, definition=of_slope)
            return function(*at), *(_slope(sloping, at, place) for place in range(len(at)))
        except (ValueError, ZeroDivisionError):
            return None


def _slope(function: Any, at: Sequence[Any], place: int) -> Any:
    """Return the slope towards the right, which a step at the point itself does not spoil."""
    step = mpmath.mpf("1e-20")
    return mpmath.diff(lambda v: function(*at[:place], v, *at[place + 1 :]), at[place], h=step, direction=1)


def fault(primitive: Primitive) -> str | None:
    """Return what is wrong with a primitive, or ``None``."""
    if reason := _wrong_entry(primitive) or _misplaced_fact(primitive):
        return reason
    where = ""
    try:
        if reason := _wrong_symmetry(primitive):
            return reason
        for use in uses(primitive):
            where = f"as {primitive.name}({use}): " if primitive.arity == 2 else ""
            if reason := _wrong_use(primitive, use):
                return where + reason
        where = ""
        return _wrong_facts(primitive)
    except Exception as error:  # a user's kernel may raise anything
        return f"{where}{type(error).__name__}: {error}"


def _wrong_entry(primitive: Primitive) -> str | None:
    """Check what needs no computing."""
    if primitive.definition is None:
        return "it has no definition to compare with"
    if primitive.function is not None and not primitive.cost > 0:
        return f"its cost is {primitive.cost:g}; a kernel costs more than nothing"
    if primitive.weight < 1:
        return f"its complexity weight is {primitive.weight}; it must be 1 or more"
    for kernel in (primitive.torch, primitive.numpy, primitive.jax):
        if primitive.function is None or (kernel == primitive.jax == ""):
            continue
        if not all(f"{{{i}}}" in kernel for i in range(primitive.arity)):
            return f"the kernel '{kernel}' does not say where every argument goes: {{0}}, and {{1}} for a second"
    return None


def _misplaced_fact(primitive: Primitive) -> str | None:
    """Refuse facts that say nothing of a primitive of its arity."""
    if primitive.arity == 1:
        return "only a binary primitive can be symmetric" if primitive.symmetric else None
    facts = {"parity": primitive.parity is not None, "domain": primitive.domain != "real", "native": primitive.native}
    facts |= {"boundedness": primitive.bounded, "monotony": primitive.monotone} if primitive.arity > 2 else {}
    for fact, given in facts.items():
        if given:
            return f"it has {_COUNTS[primitive.arity]} arguments, and {fact} says something of one only; leave it out"
    return None


def _wrong_symmetry(primitive: Primitive) -> str | None:
    """Compare the definition with itself, its arguments exchanged."""
    if not primitive.symmetric or primitive.definition is None:
        return None
    for a, b in pairwise(_WIDE):
        one, other = (_number(primitive.definition, pair) for pair in ((a, b), (b, a)))
        if not np.isclose(one, other, rtol=1e-12, atol=0, equal_nan=True):
            return f"it is not symmetric: of ({a:g}, {b:g}) it is {one:.9g} and of ({b:g}, {a:g}) {other:.9g}"
    return None


def _number(definition: Any, values: Sequence[float]) -> float:
    value = sympy.Add(definition(*(sympy.Float(v, 30) for v in values))).evalf(20)
    return float(value) if value.is_real and value.is_finite else float("nan")


def _wrong_use(primitive: Primitive, use: Use) -> str | None:
    """Compare one way of using a primitive with the definition, in every language and precision."""
    expression = expressed(primitive, use)
    if expression is None:
        real = [point for point in use.points if reference(primitive, use, point) is not None]
        return f"it is no expression, but real at {real[0]:g} by definition" if real else None
    for dtype in TOLERANCE:
        if reason := _wrong_in(primitive, use, expression, dtype):
            return reason
    return _wrong_elsewhere(expression) or _wrong_at_nan(primitive, expression) or _wrong_stacked(expression)


def _wrong_in(primitive: Primitive, use: Use, expression: Expression, dtype: torch.dtype) -> str | None:
    """Compare value and slopes in one precision, point by point."""
    compiled = compile_expression(expression)
    constants = _constants(compiled, dtype)
    for point in use.points:
        x = torch.tensor([point], dtype=dtype)
        exact = reference(primitive, use, float(x))
        if exact is None:
            if primitive.arity == 1 and inside(primitive.domain, point):
                return f"it is not a finite real number at {point:g}, inside its domain ({primitive.domain})"
            continue
        found = [compiled.value(x, *constants), *compiled.slopes(x, *constants)]
        names = ["value", "slope", *(f"derivative by {name}" for name, _ in expression.initial)]
        room = [ABSOLUTE[dtype] * abs(point), *(ABSOLUTE[dtype] for _ in names[1:])]
        for name, result, wanted, absolute in zip(names, found, exact, room, strict=False):
            if result.dtype != dtype:
                return f"the {name} is {result.dtype} where x is {dtype}"
            if abs(wanted) > LARGEST[dtype]:
                continue
            expected = torch.tensor([float(wanted)], dtype=torch.float64).to(dtype)
            if not torch.isclose(result.expand_as(x), expected, rtol=TOLERANCE[dtype], atol=absolute).item():
                kind = str(dtype).removeprefix("torch.")
                return (
                    f"the {name} at {point:g} is {result.item():.9g} in {kind} but {expected.item():.9g} by definition"
                )
    return None


def _constants(compiled: Compiled, dtype: torch.dtype) -> list[torch.Tensor]:
    return [value.to(dtype) for value in compiled.initial]


def _wrong_elsewhere(expression: Expression) -> str | None:
    """Compare the numpy kernel with the torch one."""
    x = np.concatenate([np.linspace(-5.97, 6.03, 121), [-20.0, 20.0]])
    compiled = compile_expression(expression)
    wanted = compiled.at(x)
    with np.errstate(all="ignore"):
        found = np.broadcast_to(compiled.numpy(x, *(value for _, value in expression.initial)), wanted.shape)
    wrong = ~np.isclose(found, wanted, rtol=1e-9, atol=1e-12, equal_nan=True)
    if not wrong.any():
        return None
    at = int(np.argmax(wrong))
    return f"at {x[at]:g} its numpy kernel gives {found[at]:.9g}, its torch kernel {wanted[at]:.9g}"


def _wrong_at_nan(primitive: Primitive, expression: Expression) -> str | None:
    """A missing number never turns into a plausible one; torch defines sign and ``>`` as 0 at nan."""
    compiled = compile_expression(expression)
    result = compiled.value(torch.tensor([float("nan")]), *_constants(compiled, torch.float32))
    exempt = primitive.hides_nan or X not in expression.body.free_symbols
    return None if exempt or torch.isnan(result).all() else "it turns nan into a number"


def _wrong_stacked(expression: Expression) -> str | None:
    """Compare a stack of members, each with a parameter of its own as cohorts train them, with each of them alone."""
    if not expression.initial:
        return None
    x = torch.tensor([[-1.7, 0.3, 2.2], [0.9, -0.4, 5.1]], dtype=torch.float64)
    values = torch.tensor([[0.625], [1.75]], dtype=torch.float64)
    both = compile_expression(expression).value_and_slopes
    alone = [both(row, value) for row, value in zip(x, values[:, 0], strict=True)]
    for place, stacked in enumerate(both(x, values)):
        wanted = torch.stack([each[place].expand_as(x[0]) for each in alone])
        if not torch.allclose(stacked.expand_as(x), wanted, rtol=1e-12, atol=1e-300, equal_nan=True):
            return "a column of parameters, one a member, does not give what each gives alone"
    return None


def _wrong_facts(primitive: Primitive) -> str | None:
    """Check parity, boundedness and monotony on a dense grid."""
    if primitive.arity > 1:
        return _wrong_facts_of_two(primitive)
    x = torch.arange(-600, 601, dtype=torch.float64) / 20
    y = compile_expression(Expression(applied(primitive))).value(x).expand_as(x)
    finite = torch.isfinite(y)
    if primitive.parity == "even" and not torch.allclose(y, y.flip(0), equal_nan=True):
        return "it is not even"
    if primitive.parity == "odd" and not torch.allclose(y[finite], -y.flip(0)[finite], equal_nan=True):
        return "it is not odd"
    if primitive.bounded and y[finite].abs().max() > _BOUND:
        return "it is not bounded"
    return "it is not monotone" if primitive.monotone and not _is_monotone(y[finite]) else None


def _is_monotone(y: torch.Tensor) -> bool:
    steps = y.diff()
    return bool((steps >= -1e-12).all() or (steps <= 1e-12).all())


def _wrong_facts_of_two(primitive: Primitive) -> str | None:
    """Check boundedness, and monotony in each argument, by the definition on a grid of both."""
    if not (primitive.bounded or primitive.monotone):
        return None
    table = torch.tensor([[_number(primitive.definition, (a, b)) for b in _WIDE] for a in _WIDE], dtype=torch.float64)
    if primitive.bounded and table[torch.isfinite(table)].abs().max() > _BOUND:
        return "it is not bounded"
    for name, lines in (("first", table.T), ("second", table)):
        if primitive.monotone and not all(_is_monotone(line[torch.isfinite(line)]) for line in lines):
            return f"it is not monotone in its {name} argument"
    return None
