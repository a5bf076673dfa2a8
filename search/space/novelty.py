"""Is a function worth a training beside those already trained? Distance under a normal input.

The layers around an activation absorb its output's scale, sign and shift and a reflection of its
input, so the distance, ``sqrt(E[(u - v)^2])`` of standardised outputs, ignores them. Functions with different numbers
of learnable parameters are never near.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from evaluators.judging.looks import QUANTILES
from primitives.numeric import Array

Rows = NDArray[np.intp]

_DIRECTIONS = 6
_ROUNDING = 1e-9
_LEAST = 128
"""Functions from which on a tree is planted over them."""
_LEAF = 64
"""Functions that a tree does not part any more: in six dimensions a ball meets many small leaves."""
_MUCH = 4
"""How many times as large as the next a tree is at least."""


def _directions() -> Array:
    """Return orthonormal directions in which functions differ most: polynomials in the quantiles, shape (64, 6)."""
    powers = np.stack([QUANTILES**n for n in range(_DIRECTIONS + 1)], axis=1)
    return np.linalg.qr(powers)[0][:, 1:]


_BASIS = _directions()  # odd and even in turn


class Neighbourhood:
    """Remembers functions and finds the one that a new one is too near to; a look does not grow with the history."""

    def __init__(self, radius: float) -> None:
        self.radius = radius
        self._known: dict[int, _Group] = {}

    def add(self, identifier: int, parameters: int, row: Array) -> None:
        """Remember a function under an id.

        Args:
            identifier: of the function.
            parameters: how many learnable ones it has.
            row: its standardised outputs at :data:`evaluators.judging.looks.QUANTILES`.
        """
        self._known.setdefault(parameters, _Group()).add(identifier, row)

    def nearest(self, parameters: Sequence[int], rows: Array) -> list[tuple[int, float] | None]:
        """Return of each function id and distance of the nearest one within the radius, or ``None``.

        Args:
            parameters: how many learnable ones each function has.
            rows: as of :meth:`add`, one function each.
        """
        found: list[tuple[int, float] | None] = [None] * len(rows)
        for number, group in self._known.items():
            some = np.array([row for row, own in enumerate(parameters) if own == number], dtype=np.intp)
            if self.radius and len(some):
                for row, identifier, apart in group.nearest(rows[some], self.radius):
                    found[some[row]] = identifier, apart
        return found


class _Group:
    """Functions with equally many parameters, and trees over their projections.

    A projection makes no distance larger, so what is near in full is near in projection. A tree becomes one
    with the next that is not much larger, so that there are few and each function is planted a few times for each
    factor by which their number grows.
    """

    def __init__(self) -> None:
        self._rows, self._ids = np.empty((_LEAST, len(QUANTILES))), np.empty(_LEAST, dtype=np.intp)
        self._count = 0
        self._trees: list[tuple[int, KDTree]] = []  # where each begins, the largest first

    def add(self, identifier: int, row: Array) -> None:
        """Take in a function."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
        self._rows[self._count], self._ids[self._count] = _oriented(row[None])[0], identifier
        self._count += 1
        if self._count - self._planted == _LEAST:
            self._plant()

    @property
    def _planted(self) -> int:
        return self._trees[-1][0] + self._trees[-1][1].n if self._trees else 0

    def _plant(self) -> None:
        start, size = self._count - _LEAST, _LEAST
        while self._trees and self._trees[-1][1].n <= _MUCH * size:
            start, tree = self._trees.pop()
            size += tree.n
        self._trees.append((start, KDTree(self._rows[start : self._count] @ _BASIS, leafsize=_LEAF)))

    def nearest(self, rows: Array, radius: float) -> Iterator[tuple[int, int, float]]:
        """Yield row, id and distance of the nearest function of each row that has one within the radius."""
        reach = radius * np.sqrt(rows.shape[1]) + _ROUNDING
        asked, places = map(np.concatenate, zip(*self._pairs(rows, reach), strict=True))
        apart, ids = distances(self._rows[places], rows[asked]), self._ids[places]
        within = np.flatnonzero(apart < radius)
        order = within[np.lexsort((ids[within], apart[within], asked[within]))]
        whose, first = np.unique(asked[order], return_index=True)
        yield from zip(whose.tolist(), ids[order[first]].tolist(), apart[order[first]].tolist(), strict=True)

    def _pairs(self, rows: Array, reach: float) -> Iterator[tuple[Rows, Rows]]:
        points, owners = _orientations(rows, reach)
        for start, tree in self._trees:
            found: Any = tree.query_ball_point(points, reach, return_sorted=False)
            counts = np.fromiter(map(len, found), np.intp, len(found))
            flat = np.fromiter(itertools.chain.from_iterable(found), np.intp, int(counts.sum()))
            yield np.repeat(owners, counts), start + flat
        young = self._rows[self._planted : self._count].T
        alike = np.maximum(np.abs(rows @ young), np.abs(rows[:, ::-1] @ young))
        asked, places = np.nonzero(2 * rows.shape[1] - 2 * alike <= reach**2)
        yield asked, self._planted + places


def _oriented(rows: Array) -> Array:
    """Return rows reflected and signed so that their even and their odd leading part are not negative."""
    signed = np.where((rows @ _BASIS[:, 1] < 0)[:, None], -rows, rows)
    turned: Array = np.where((signed @ _BASIS[:, 0] < 0)[:, None], signed[:, ::-1], signed)
    return turned


def _orientations(rows: Array, reach: float) -> tuple[Array, Rows]:
    """Return the projections under which what is near may be kept, and the row of each.

    One, but where a leading part is so small that a near function may have the other sign.
    """
    oriented = _oriented(rows)
    projected = oriented @ _BASIS
    odd = np.tile([-1.0, 1.0], _DIRECTIONS // 2)
    small_odd, small_even = projected[:, 0] < reach, projected[:, 1] < reach
    every = np.arange(len(rows))
    points, owners = [projected], [every]
    for which, factors in ((small_odd, odd), (small_even, -odd), (small_odd & small_even, -np.ones(_DIRECTIONS))):
        points.append(projected[which] * factors)
        owners.append(every[which])
    return np.concatenate(points), np.concatenate(owners)


def distances(known: Array, rows: Array) -> Array:
    """Return the distance of each pair of standardised outputs, whichever the sign and reflection.

    Args:
        known: shape (n, quantiles).
        rows: of the same shape, or one row for all.
    """
    plain, turned = ((known * one).sum(axis=-1) for one in (rows, rows[..., ::-1]))
    alike = np.maximum(np.abs(plain), np.abs(turned)) / known.shape[-1]
    return np.asarray(np.sqrt(np.maximum(2 * (1 - alike), 0.0)))
