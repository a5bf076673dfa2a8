"""What a formula is exactly where two of its pieces meet: their common limit where they have one.

``sign(x)*log(1 + abs(x))`` has the slope 1 at 0 from both sides, but sign is 0 there, and a layer that starts at zero
would never move. Where the limits differ, torch's conventions stay (of sign, ``step`` and ``relu'`` at 0 they are 0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy

from primitives.derivative import derivative
from primitives.sampled import Values
from primitives.special import where
from primitives.table import absolute, relu, sign, step

_X = sympy.Symbol("x")
_WHERE = where(_X, _X, -_X).func
_PIECES = relu, absolute, sign, step
_FACTORS = (1.0, 0.83, 1.21)
"""Parameters are tried at their initial values and at these multiples: what agrees by chance does not count."""
_CLOSE = 1e-9


@dataclass(frozen=True)
class _Joint:
    """Jumps of one place: nodes of a formula with the direction in which what they look at rises, 1 or -1."""

    place: sympy.Expr
    jumps: tuple[tuple[sympy.Expr, int], ...]


def joined(body: sympy.Expr, initial: Sequence[tuple[str, float]]) -> sympy.Expr:
    """Return a formula that is its own limit at each of its joints where both sides have the same.

    Args:
        body: a value or a derivative.
        initial: names and initial values of its parameters.
    """
    if not body.has(sign, step, _WHERE):
        return body
    for joint in _joints(body, dict(initial)):
        if _has_a_limit(body, joint, initial):
            body = _replaced(body, joint, _closed)
    return body


def differentiable(body: sympy.Expr, initial: Sequence[tuple[str, float]]) -> sympy.Expr:
    """Return a formula spelled so that who differentiates it, once or twice, finds the limits at joints as well.

    Args:
        body: a value, or a slope.
        initial: names and initial values of its parameters.
    """
    if not body.has(*_PIECES, _WHERE):
        return body
    slope, values = derivative(body, _X), dict(initial)
    second = derivative(joined(slope, initial), _X)
    for joint in _joints(slope, values):
        if not _is_continuous(body, joint.place, initial):
            continue
        bends = _is_continuous(slope, joint.place, initial) and any(
            _has_a_limit(second, each, initial) for each in _joints_at(joint.place, second, values)
        )
        if bends or _has_a_limit(slope, joint, initial):
            pieces = [node for node in body.atoms(sympy.Function) if isinstance(node, (*_PIECES, _WHERE))]
            for node in sorted(pieces, key=lambda each: (sympy.count_ops(each), sympy.default_sort_key(each))):
                place = _place(node.args[0], values)
                if place is not None and place[0] == joint.place:
                    body = body.xreplace({node: _from_the_left(node, place[1])})
    return body


def _from_the_left(node: sympy.Expr, rises: int) -> sympy.Expr:
    """Return a piece as a case that at its place is what it is to the left, with the slope that it has there."""
    inner = node.args[0]
    right = rises * inner
    if isinstance(node, absolute):
        return where(right, right, -right)
    if isinstance(node, sign):
        return where(right, rises, -rises)
    if rises > 0:
        return node
    if isinstance(node, _WHERE):
        return where(right, node.args[2], node.args[1])
    return where(right, 0, inner if isinstance(node, relu) else 1)


def _has_a_limit(body: sympy.Expr, joint: _Joint, initial: Sequence[tuple[str, float]]) -> bool:
    """Tell whether both sides of a joint have the same limit, which the formula is not."""
    right, left = _sides(body, joint)
    return _agree(right, left, joint.place, initial) and not _agree(right, body, joint.place, initial)


def _sides(body: sympy.Expr, joint: _Joint) -> tuple[sympy.Expr, sympy.Expr]:
    """Return what a formula is to the right and to the left of a joint."""
    return _replaced(body, joint, partial(_taken, side=1)), _replaced(body, joint, partial(_taken, side=-1))


def _is_continuous(body: sympy.Expr, place: sympy.Expr, initial: Sequence[tuple[str, float]]) -> bool:
    """Tell whether both sides of a place agree."""
    there = _joints_at(place, body, dict(initial))
    return all(_agree(*_sides(body, each), place, initial) for each in there)


def _joints_at(place: sympy.Expr, body: sympy.Expr, initial: dict[str, float]) -> list[_Joint]:
    return [each for each in _joints(body, initial) if each.place == place]


def _joints(body: sympy.Expr, initial: dict[str, float]) -> list[_Joint]:
    found: dict[sympy.Expr, list[tuple[sympy.Expr, int]]] = {}
    jumps = [node for node in body.atoms(sympy.Function) if isinstance(node, (sign, step, _WHERE))]
    for node in sorted(jumps, key=sympy.default_sort_key):
        place = _place(node.args[0], initial)
        if place is not None:
            found.setdefault(place[0], []).append((node, place[1]))
    return [_Joint(place, tuple(nodes)) for place, nodes in found.items()]


def _place(inner: sympy.Expr, initial: dict[str, float]) -> tuple[sympy.Expr, int] | None:
    """Return where a straight line is 0, if that is a number, and whether it rises (1) or falls (-1) there."""
    line = sympy.expand(inner)
    rate = line.coeff(_X)
    rest = line - rate * _X
    if rate.is_zero or rest.has(_X) or rate.has(_X):
        return None
    place = sympy.cancel(-rest / rate) if rest.free_symbols else -rest / rate
    if not place.is_number:
        return None
    slope = float(rate.subs({sympy.Symbol(name): value for name, value in initial.items()}))
    return (place, 1 if slope > 0 else -1) if slope else None


def _replaced(body: sympy.Expr, joint: _Joint, by: Callable[[sympy.Expr, int], sympy.Expr]) -> sympy.Expr:
    """Return a formula with each jump of a joint replaced, what is inside of others first."""
    jumps = dict(joint.jumps)

    def walked(node: sympy.Expr) -> sympy.Expr:
        if not node.has(sign, step, _WHERE):
            return node
        arguments = tuple(walked(argument) for argument in node.args)
        new = node if arguments == node.args else node.func(*arguments)
        return by(new, jumps[node]) if node in jumps else new

    return walked(body)


def _taken(node: sympy.Expr, rises: int, side: int) -> sympy.Expr:
    """Return what a jump is on one side of its place."""
    positive = rises == side
    if isinstance(node, sign):
        return sympy.Integer(1 if positive else -1)
    if isinstance(node, step):
        return sympy.Integer(1 if positive else 0)
    return node.args[1] if positive else node.args[2]


def _closed(node: sympy.Expr, rises: int) -> sympy.Expr:
    """Return a jump that at its place is what it is on the right; at every other place it is the same."""
    inner = node.args[0]
    if isinstance(node, sign):
        return 1 - 2 * step(-inner) if rises > 0 else 2 * step(inner) - 1
    if rises < 0:
        return node
    return 1 - step(-inner) if isinstance(node, step) else where(-inner, node.args[2], node.args[1])


def _agree(one: sympy.Expr, other: sympy.Expr, place: sympy.Expr, initial: Sequence[tuple[str, float]]) -> bool:
    """Tell whether two formulas are the same finite number at a place, at several values of the parameters."""
    at = np.array([float(place)])
    for factor in _FACTORS if initial else _FACTORS[:1]:
        values = Values(at, {name: factor * value for name, value in initial})
        first, second = values.of(one), values.of(other)
        if first is None or second is None or not np.isfinite([first[0], second[0]]).all():
            return False
        if not abs(first[0] - second[0]) <= _CLOSE * max(1.0, abs(first[0])):
            return False
    return True
