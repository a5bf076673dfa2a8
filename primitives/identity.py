"""When are two expressions the same function? Structure first, then values within a tolerance."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray

from primitives.errors import ExpressionError
from primitives.expression import Expression
from primitives.module import compile_expression
from primitives.parser import parse
from primitives.table import all_primitives

# Reaches past 6, so that ReLU and ReLU6 differ; multiples of the golden ratio share no period with
# anything; dense near 0, where kinks and poles are; symmetric, so that a reflection is the order reversed.
_POSITIVE = np.sort(
    np.concatenate(
        [
            [1e-8, 1.3e-3, 0.031],
            4.2 * ((np.arange(1, 49) * 0.6180339887498949) % 1.0),
            [5.2, 6.7, 8.9, 17.7, 41.9, 97.3, 200.0],
        ]
    )
)
POINTS = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE])
"""Inputs at which functions are compared, float64, increasing and symmetric, shape (117,)."""

_INNER = np.abs(POINTS) < 5
MOVES = ((-1.3, -0.21), (0.6, 0.83))
"""Factor and shift of every parameter, to where training may take it."""
ALONE = 0.37
"""Added to one parameter at a time."""
_UNDEFINED = 1e5
TOLERANCE = 1e-6
_ROUNDING = float(np.finfo(np.float32).eps)
Array = NDArray[np.float64]
Fingerprint = NDArray[np.float64]


def fingerprint(expression: Expression, *, absorbed: bool = False) -> Fingerprint:
    """Return what an expression does, as a vector that does not depend on how it is written.

    The vector holds the values on a fixed float64 grid of 117 points in [-200, 200], compressed by
    ``asinh`` so that one absolute tolerance (1e-6) serves small and large values: at the initial
    parameter values; with all parameters moved, twice, and with each moved alone, since training
    moves them (``abs(alpha)*x`` is not ``alpha*x``); and the slopes with respect to the parameters.
    The order is free of their names. Equal values have equal slopes, but where a primitive's slope is another
    function's by decree, as of ``floor_ste``: with one of those the slopes by ``x`` are in it as well.

    Args:
        expression: what to describe.
        absorbed: leave out what the layers around an activation absorb: ``c*f(x) + d`` and ``c*f(-x) + d`` have
            the print of ``f(x)`` for all numbers ``c`` but 0 and ``d``.
    """
    import torch

    function = compile_expression(expression)
    x = torch.from_numpy(POINTS)

    def at(values: Sequence[float]) -> Array:
        there: Array = function.value(x, *(torch.tensor(value, dtype=x.dtype) for value in values)).expand_as(x).numpy()
        return there

    decreed = is_decreed(expression.body)
    along, *slopes = function.slopes(x, *function.initial) if expression.initial or decreed else (x,)
    values = [at(parameters) for parameters in settings([value for _, value in expression.initial])]
    rows = np.stack([*values, *(slope.expand_as(x).numpy() for slope in slopes)])[None]
    print_: Fingerprint = prints(rows, absorbed=absorbed)[0]
    return with_slopes(print_, along.expand_as(x).numpy(), absorbed=absorbed) if decreed else print_


def is_decreed(body: sympy.Expr) -> bool:
    """Tell whether a formula has a primitive whose slope is not that of its values."""
    found: bool = body.has(*(each.function for each in all_primitives() if each.slope_of is not None and each.function))
    return found


def with_slopes(print_: Fingerprint, slopes: Array, *, absorbed: bool) -> Fingerprint:
    """Return a fingerprint with slopes at :data:`POINTS`: sizes in order, the largest 1, where a factor is absorbed."""
    if absorbed:
        slopes = np.sort(np.abs(slopes))
        slopes = slopes / slopes[-1] if 0 < slopes[-1] < np.inf else slopes
    return np.concatenate([print_, np.arcsinh(slopes)])


def settings(initial: Sequence[float]) -> list[list[float]]:
    """Return where the parameters are when functions are compared: as they start, moved, and each moved alone."""
    moved = [[factor * value + shift for value in initial] for factor, shift in MOVES] if initial else []
    alone = [[v + ALONE * (at == place) for at, v in enumerate(initial)] for place in range(len(initial))]
    return [list(initial), *moved, *alone]


def prints(rows: Array, *, absorbed: bool) -> Array:
    """Return the fingerprints of several functions with equally many parameters.

    Args:
        rows: at :data:`POINTS`, shape (n, 1 + 2 + 2*parameters, 117), or (n, 1, 117) without parameters: the initial
            values, those at the two :data:`MOVES`, those with one parameter moved by :data:`ALONE` each, and the
            slopes by each parameter.
        absorbed: see :func:`fingerprint`.

    Returns:
        Shape (n, rows*117), nan or infinite where the initial values or the slopes are.
    """
    with np.errstate(all="ignore"):
        count = max(0, (rows.shape[1] - 3) // 2)
        rows = rows.copy()
        moved, slopes = rows[:, 1 : 3 + count], rows[:, 3 + count :]
        np.nan_to_num(moved, copy=False, nan=_UNDEFINED, posinf=_UNDEFINED, neginf=_UNDEFINED)
        if count > 1:
            rows[:, 3 : 3 + count].sort(axis=1)
            slopes.sort(axis=1)
        if not absorbed:
            return np.arcsinh(rows).reshape(len(rows), -1)
        inner = rows[:, 0, _INNER]
        middle = inner.mean(axis=1)
        centred = inner - middle[:, None]
        size = np.sqrt((centred**2).mean(axis=1))
        size[size == 0] = 1.0
        rows[:, : 3 + count] -= middle[:, None, None]
        rows /= size[:, None, None]
        sizes = np.abs(centred)
        large = sizes > 0.999 * sizes.max(axis=1, keepdims=True)
        return _oriented(rows, np.arange(len(rows)), centred, large)


def _oriented(rows: Array, each: NDArray[np.int64], centred: Array, large: NDArray[np.bool_]) -> Array:
    """Return the compressed rows, or those of the reflected function, whichever projects higher.

    Of each, the value of largest size is positive, the first of equals.
    """
    first, last = large.argmax(axis=1), large.shape[1] - 1 - large[:, ::-1].argmax(axis=1)
    signs = (np.where(centred[each, at] < 0, -1.0, 1.0)[:, None, None] for at in (first, last))
    plain, mirrored = (
        np.arcsinh(_signed(sign, turned)).reshape(len(rows), -1)
        for sign, turned in zip(signs, (rows, rows[:, :, ::-1]), strict=True)
    )
    weights = _weights(plain.shape[1])
    higher = plain @ weights >= mirrored @ weights
    return np.where(higher[:, None], plain, mirrored)


def _signed(sign: Array, rows: Array) -> Array:
    """Return rows with a sign; those that are in an order free of names are brought to that order again."""
    signed: Array = sign * rows
    count = max(0, (rows.shape[1] - 3) // 2)
    if count > 1:
        signed[:, 3 : 3 + count].sort(axis=1)
        signed[:, 3 + count :].sort(axis=1)
    return signed


@lru_cache(maxsize=64)
def _weights(size: int) -> Array:
    """Return fixed uneven weights of sum 1: two prints within a tolerance project within it."""
    weights = 1.0 + np.sin(np.arange(size))
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True, slots=True)
class Mark:
    """What an index must know of an expression to look for it, so that it need not be read again.

    Attributes:
        key: its structure, see :attr:`Expression.key`.
        size: length of its fingerprint, 0 where it has none.
        projection: of its fingerprint.
    """

    key: str
    size: int = 0
    projection: float = 0.0


class IdentityIndex:
    """Finds the earlier expression that a new one equals, in logarithmic time.

    Fingerprints are kept sorted by one fixed projection; a look-up compares in full only the
    few whose projection is close, so the tolerance is honest (no rounding boundaries). They are kept in float32,
    3 KB for two parameters, and its rounding is allowed for.
    Of an expression that is known by its mark alone the fingerprint is made when it is compared for the first time;
    where its formula has none that is finite, as of a function that only arrays liked, the projection decides.

    An id stands for one expression: adding it again replaces what it stood for.
    """

    def __init__(self) -> None:
        self._ids: dict[str, set[int]] = {}
        self._keys: dict[int, str] = {}
        self._sorted: dict[int, tuple[list[float], list[int]]] = {}
        self._places: dict[int, tuple[int, float]] = {}
        self._prints: dict[int, NDArray[np.float32]] = {}
        self._texts: dict[int, str] = {}

    def find_structure(self, key: str) -> int | None:
        """Return the lowest id of an expression of that structure, see :attr:`Expression.key`, or ``None``."""
        return min(self._ids.get(key, ()), default=None)

    def find_values(self, print_: Fingerprint) -> int | None:
        """Return the id of an expression with the same values and parameter slopes, or ``None``."""
        if print_.size not in self._sorted:
            return None
        projection = _project(print_)
        if not math.isfinite(projection):
            return None
        reach = TOLERANCE * 1.01
        projections, identifiers = self._sorted[print_.size]
        for at in range(bisect.bisect_left(projections, projection - reach), len(projections)):
            if projections[at] > projection + reach:
                return None
            if self._same(identifiers[at], print_):
                return identifiers[at]
        return None

    def _same(self, identifier: int, print_: Fingerprint) -> bool:
        if identifier in self._texts:
            known = fingerprint(self._read(identifier), absorbed=True)
            if np.isfinite(known).all():
                self._prints[identifier] = known.astype(np.float32)
        if identifier not in self._prints:
            return True
        stored = self._prints[identifier]
        if stored.size != print_.size:
            return False
        beyond = np.abs(stored - print_) > TOLERANCE + _ROUNDING * np.abs(stored)
        return not np.count_nonzero(beyond)  # a tenth of what any() takes

    def _read(self, identifier: int) -> Expression:
        try:
            return parse(self._texts.pop(identifier))
        except ExpressionError as error:
            raise ExpressionError(f"candidate {identifier} cannot be read, was the run file edited? {error}") from None

    def restore(self, identifier: int, mark: Mark, text: str) -> None:
        """Remember an expression by its mark and its text, of which an absorbed fingerprint is made when needed."""
        self._take(identifier, mark.key)
        if mark.size:
            self._texts[identifier] = text
            self._insert(identifier, mark.size, mark.projection)

    def add(self, identifier: int, key: str, print_: Fingerprint | None) -> Mark:
        """Remember an expression under an id, without a fingerprint only its structure. Return its mark.

        What the index holds does not depend on the order of additions: of equal structures the
        lowest id counts.
        """
        self._take(identifier, key)
        if print_ is None or not np.isfinite(print_).all():
            return Mark(key)
        mark = Mark(key, print_.size, _project(print_))
        self._prints[identifier] = print_.astype(np.float32)
        self._insert(identifier, mark.size, mark.projection)
        return mark

    def _take(self, identifier: int, key: str) -> None:
        if identifier in self._keys:
            self._drop(identifier)
        self._keys[identifier] = key
        self._ids.setdefault(key, set()).add(identifier)

    def _insert(self, identifier: int, size: int, projection: float) -> None:
        projections, identifiers = self._sorted.setdefault(size, ([], []))
        at = bisect.bisect_left(projections, projection)
        while at < len(projections) and projections[at] == projection and identifiers[at] < identifier:
            at += 1
        projections.insert(at, projection)
        identifiers.insert(at, identifier)
        self._places[identifier] = (size, projection)

    def _drop(self, identifier: int) -> None:
        key = self._keys.pop(identifier)
        self._ids[key].remove(identifier)
        if not self._ids[key]:
            del self._ids[key]
        self._prints.pop(identifier, None)
        self._texts.pop(identifier, None)
        if place := self._places.pop(identifier, None):
            projections, identifiers = self._sorted[place[0]]
            at = identifiers.index(identifier, bisect.bisect_left(projections, place[1]))
            del projections[at], identifiers[at]


def _project(print_: Fingerprint) -> float:
    """Return an average with fixed uneven weights, nan or infinite of a print that is not finite."""
    return float(print_ @ _weights(print_.size))
