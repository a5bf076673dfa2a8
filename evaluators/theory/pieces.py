"""A function with kinks as smooth formulas on intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import Any

import sympy

from evaluators.theory.algebra import slope, tidy
from primitives.canonical import canonical
from primitives.expression import X
from primitives.primitive import exact
from primitives.table import of_function, step

_SWITCHES = (sympy.Max, sympy.Min, sympy.Abs, sympy.sign, sympy.Piecewise)
_MOST = 64
"""Branches from which on a function is taken whole."""


@dataclass(frozen=True)
class Piece:
    """One interval.

    Attributes:
        low, high: its ends, rational or infinite.
        body: the formula there, without kinks.
    """

    low: sympy.Expr
    high: sympy.Expr
    body: sympy.Expr

    @property
    def inside(self) -> sympy.Expr:
        """1 inside and 0 outside, as a formula in ``step``."""
        above = sympy.Integer(1) if self.low.is_infinite else step(X - self.low)
        below = sympy.Integer(1) if self.high.is_infinite else step(self.high - X)
        return above * below

    @property
    def where(self) -> str:
        """The interval as text: ``x < 0``, ``0 < x < 6``; empty for the whole line."""
        low, high = (str(float(end)).removesuffix(".0") for end in (self.low, self.high))
        if self.low.is_infinite and self.high.is_infinite:
            return ""
        if self.low.is_infinite:
            return f"x < {high}"
        return f"x > {low}" if self.high.is_infinite else f"{low} < x < {high}"


class _NoIntervals(Exception):
    """The kinks do not lie at fixed numbers, or there are too many."""


def pieces(body: sympy.Expr) -> tuple[Piece, ...]:
    """Return the smooth formulas of a function between its kinks, from left to right.

    Max, relu, abs, step, elu and the like are opened when what they switch on is linear in ``x``.
    Otherwise, as in ``max(x, sin(x))``, the whole function is the one piece.

    Example:
        >>> from primitives import parse
        >>> [str(piece.body) for piece in pieces(parse("relu6(x)").body)]
        ['0', 'x', '6']
    """
    try:
        opened = _opened(body)
        points = sorted(set(_points(opened)))
    except _NoIntervals:
        return (Piece(-sympy.oo, sympy.oo, body),)
    if not points:
        return (Piece(-sympy.oo, sympy.oo, body),)
    tests = [points[0] - 1, *((a + b) / 2 for a, b in pairwise(points)), points[-1] + 1]
    bodies = [canonical(tidy(_branch(opened, point))) for point in tests]
    return merged(tuple(map(Piece, (-sympy.oo, *points), (*points, sympy.oo), bodies)))


def merged(parts: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Join neighbours of the same formula."""
    joined: list[Piece] = []
    for part in parts:
        if joined and joined[-1].body == part.body:
            joined[-1] = Piece(joined[-1].low, part.high, part.body)
        else:
            joined.append(part)
    return tuple(joined)


def bends(body: sympy.Expr, floor: sympy.Expr) -> tuple[Piece, ...]:
    """Return f''/f' on each piece, or f' f''/(f'^2 + floor) when the floor is not 0.

    On a flat piece it is 0, the limit of a straight branch whose slope goes to 0.
    """
    return merged(tuple(Piece(part.low, part.high, _bend(part.body, floor)) for part in pieces(body)))


def _bend(body: sympy.Expr, floor: sympy.Expr) -> sympy.Expr:
    first = slope(body)
    second = slope(first)
    if second == 0:
        return sympy.Integer(0)
    return tidy(second / first) if floor == 0 else first * second / (first**2 + floor)


def joined(parts: tuple[Piece, ...]) -> sympy.Expr:
    """Return one formula for all pieces; 0 at the kinks themselves."""
    return parts[0].body if len(parts) == 1 else sympy.Add(*(part.inside * part.body for part in parts))


# --- opening kinks ---------------------------------------------------------------------------


@cache
def _is_kinked(function: Any) -> bool:
    primitive = of_function(function)
    if primitive is None or primitive.definition is None:
        return False
    definition = primitive.definition(*sympy.symbols(f"u:{primitive.arity}", real=True))
    return bool(definition.has(*_SWITCHES)) and not definition.has(sympy.besseli)


def _opened(body: sympy.Expr) -> sympy.Expr:
    """Return the body with sympy's own switches in place of our primitives'."""
    if body.is_Atom:
        return exact(body) if body.is_Float else body
    arguments = [_opened(argument) for argument in body.args]
    if not _is_kinked(body.func):
        return body.func(*arguments)
    primitive: Any = of_function(body.func)
    dummies = sympy.symbols(f"u:{primitive.arity}", real=True)
    definition = primitive.definition(*dummies)
    numbers = {number: exact(number) for number in definition.atoms(sympy.Float)}
    return _put(definition.xreplace(numbers), dict(zip(dummies, arguments, strict=True)))


def _put(node: sympy.Basic, values: Mapping[sympy.Basic, sympy.Expr]) -> sympy.Basic:
    """Put arguments into a definition without evaluating its switches, which takes sympy long."""
    if node in values:
        return values[node]
    if not node.args:
        return node
    arguments = [_put(argument, values) for argument in node.args]
    return node.func(*arguments, evaluate=False) if node.func in _SWITCHES else node.func(*arguments)


def _points(node: sympy.Basic) -> Iterator[sympy.Expr]:
    """Yield where a switch may turn."""
    for switch in node.atoms(*_SWITCHES):
        for difference in _differences(switch):
            line = sympy.Poly(difference, X) if difference.is_polynomial(X) else None
            if line is None or line.degree() > 1 or not all(c.is_number for c in line.all_coeffs()):
                raise _NoIntervals
            if line.degree() == 1:
                yield exact(-line.coeff_monomial(1) / line.coeff_monomial(X))


def _differences(switch: sympy.Basic) -> Iterator[sympy.Expr]:
    """Yield what may be zero where a switch turns."""
    if isinstance(switch, (sympy.Max, sympy.Min)):
        for a, b in product(*(_alternatives(argument) for argument in switch.args)):
            yield a - b
    elif isinstance(switch, sympy.Piecewise):
        condition = switch.args[0][1]
        for a, b in product(_alternatives(condition.gts), _alternatives(condition.lts)):
            yield a - b
    else:
        yield from _alternatives(switch.args[0])


def _alternatives(node: sympy.Expr) -> set[sympy.Expr]:
    """Return every formula without switches that a node may stand for."""
    if not node.has(*_SWITCHES):
        return {node}
    if isinstance(node, sympy.sign):
        return {sympy.Integer(1), sympy.Integer(-1)}
    if isinstance(node, sympy.Piecewise):
        return {sympy.Integer(0), sympy.Integer(1)}
    choices = [_alternatives(argument) for argument in node.args]
    if isinstance(node, (sympy.Max, sympy.Min)):
        found = set().union(*choices)
    elif isinstance(node, sympy.Abs):
        found = {s * a for a in choices[0] for s in (1, -1)}
    else:
        found = {node.func(*arguments) for arguments in product(*choices)}
    if len(found) > _MOST:
        raise _NoIntervals
    return found


def _branch(node: sympy.Basic, point: sympy.Expr) -> sympy.Expr:
    """Return the formula that holds around a point."""
    if not node.has(*_SWITCHES):
        return node
    if isinstance(node, sympy.Piecewise):
        condition = node.args[0][1]
        return sympy.Integer(int(bool(_branch(condition.gts - condition.lts, point).subs(X, point) > 0)))
    arguments = [_branch(argument, point) for argument in node.args]
    if isinstance(node, (sympy.Max, sympy.Min)):
        pick = max if isinstance(node, sympy.Max) else min
        return pick(arguments, key=lambda argument: float(argument.subs(X, point)))
    if isinstance(node, (sympy.Abs, sympy.sign)):
        side = 1 if arguments[0].subs(X, point) > 0 else -1
        return side * arguments[0] if isinstance(node, sympy.Abs) else sympy.Integer(side)
    return node.func(*arguments)
