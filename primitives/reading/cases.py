"""Conditions of formulas by cases, and what they select, in our own infix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from primitives.errors import ExpressionError


@final
@dataclass(frozen=True)
class Positive:
    """That something is above zero, or at least zero.

    Attributes:
        text: infix.
        strictly: whether zero does not count.
    """

    text: str
    strictly: bool


@final
@dataclass(frozen=True)
class Both:
    """That two conditions hold."""

    one: Condition
    other: Condition


@final
@dataclass(frozen=True)
class Not:
    """That a condition does not hold."""

    what: Condition


@final
@dataclass(frozen=True)
class Certain:
    """That which holds always, or nearly: ``otherwise``, or a number other than one."""


Condition: TypeAlias = Positive | Both | Not | Certain


def either(one: Condition, other: Condition) -> Condition:
    """Return that one of two conditions holds."""
    return Not(Both(Not(one), Not(other)))


def compared(sides: Sequence[str], signs: Sequence[str]) -> Condition:
    """Return the condition of a chain such as ``-1 < x <= 1``.

    Args:
        sides: infix of what is compared, each safe within a difference.
        signs: between them.
    """
    found = [_one(left, sign, right) for left, sign, right in zip(sides[:-1], signs, sides[1:], strict=True)]
    condition = found[0]
    for each in found[1:]:
        condition = Both(condition, each)
    return condition


def _one(left: str, sign: str, right: str) -> Condition:
    if sign in ("==", "!="):
        return Certain() if sign == "!=" else Not(Certain())
    if (left, sign, right) == ("1", ">", "0"):
        return Certain()
    if sign.startswith("<"):
        left, right = right, left
    text = _negative(right) if left == "0" else left if right == "0" else f"{left} - {right}"
    return Positive(text, strictly="=" not in sign)


def _negative(text: str) -> str:
    """Return infix of what is positive where something is negative, plainly where that is easy."""
    if re.fullmatch(r"-\([^()]*\)", text):
        return text[2:-1]
    if difference := re.fullmatch(r"([\w.]+) - ([\w.]+)", text):
        return f"{difference[2]} - {difference[1]}"
    return f"-({text})"


def selected(condition: Condition, then: str, otherwise: str) -> str:
    """Return infix of one thing where a condition holds and of another one where it does not."""
    if isinstance(condition, Certain):
        return then
    if isinstance(condition, Not):
        return selected(condition.what, otherwise, then)
    if isinstance(condition, Positive):
        if condition.strictly:
            return f"where({condition.text}, {then}, {otherwise})"
        return f"where({_negative(condition.text)}, {otherwise}, {then})"
    if (joined := _joined(condition)) is not None:
        return selected(joined, then, otherwise)
    return selected(condition.one, selected(condition.other, then, otherwise), otherwise)


def _joined(both: Both) -> Condition | None:
    """Return two conditions of one kind as one: of the smaller of what is positive."""
    one, other = _simple(both.one), _simple(both.other)
    if isinstance(one, Positive) and isinstance(other, Positive) and one.strictly == other.strictly:
        return Positive(f"min({one.text}, {other.text})", one.strictly)
    return None


def _simple(condition: Condition) -> Condition:
    """Return a condition without a ``Not`` or ``Both`` at its top where it can be said without."""
    if isinstance(condition, Both):
        return _joined(condition) or condition
    if isinstance(condition, Not):
        inner = _simple(condition.what)
        if isinstance(inner, Positive):
            return Positive(_negative(inner.text), not inner.strictly)
        return inner.what if isinstance(inner, Not) else Not(inner)
    return condition


def piecewise(rows: Sequence[tuple[str, Condition]]) -> str:
    """Return infix of the first case whose condition holds; the last one is taken where none does.

    Raises:
        ExpressionError: there is no case.
    """
    if not rows:
        raise ExpressionError("a formula by cases needs values with conditions, as in Piecewise((x, x > 0), (0, True))")
    found = rows[-1][0]
    for value, condition in reversed(rows[:-1]):
        found = selected(condition, value, found)
    return found


def covers(rows: Sequence[tuple[str, Condition]]) -> bool:
    """Tell whether the last case surely holds where no other does."""
    last = rows[-1][1]
    if isinstance(last, Certain):
        return True
    first = _simple(Not(rows[0][1]))
    return len(rows) == 2 and first == last
