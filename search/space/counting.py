"""How many trees of each size there are, counted exactly, and random ones drawn evenly by size and shape.

A tree counts here if every node but a number has an ``x`` in it and nothing in it is undone by algebra
(:mod:`search.space.algebra`); numbers count by kind, fixed or learnable, whatever their value, and arguments are equal
that are written alike but for those values, in the same order. Counts are of trees within the limits of depth, nesting
and parameters, by dynamic programming over (depth left, nesting left, what stands above).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from search.space.algebra import Algebra, View

Budget: TypeAlias = tuple[int, ...]
Table: TypeAlias = tuple[tuple[int, ...], ...]
"""Numbers of trees by size, from 0, and by how many learnable parameters they have."""


@dataclass(frozen=True)
class Limits:
    """What a tree may be.

    Attributes:
        depth: edges from the top to a leaf, at most.
        parameters: learnable ones, at most.
        nesting: families of primitives, and how many of each one path may hold.
    """

    depth: int
    parameters: int
    nesting: tuple[tuple[frozenset[str], int], ...] = ()

    def spent(self, budget: Budget, name: str) -> Budget | None:
        """Return what a node leaves of a nesting budget for what is below it, ``None`` if it is too many."""
        if name not in self._limited:
            return budget
        left = tuple(n - (name in names) for n, (names, _) in zip(budget, self.nesting, strict=True))
        return None if min(left, default=0) < 0 else left

    @cached_property
    def _limited(self) -> frozenset[str]:
        return frozenset[str]().union(*(names for names, _ in self.nesting))

    @property
    def budget(self) -> Budget:
        """The nesting budget of a whole tree."""
        return tuple(most for _, most in self.nesting)


class Place(NamedTuple):
    """Where a tree stands.

    Attributes:
        above: the view directly above; ``None`` at the top of a whole tree.
        depth: edges that it may be deep.
        budget: what may be nested in it.
        parameters: learnable ones that it may have.
    """

    above: View | None
    depth: int
    budget: Budget
    parameters: int


class Counts:
    """Trees of a grammar by size.

    Example:
        >>> from search.space.algebra import algebra
        >>> some = Counts(algebra(("add", "sin", "abs"), constants=False, learnable=False), Limits(3, 0), 5)
        >>> [some.trees(size) for size in range(1, 6)]  # x; sin(x), abs(x); 3 chains, no abs(abs(x)); …
        [1, 2, 3, 9, 16]
    """

    def __init__(self, algebra: Algebra, limits: Limits, most: int) -> None:
        """Count.

        Args:
            algebra: of the grammar.
            limits: of a tree.
            most: nodes that a tree has at most.
        """
        self.algebra, self.limits, self.most = algebra, limits, most
        self._kinds = {_kind(view) for view in algebra.views}
        self._alike: dict[frozenset[View], View | None] = {}
        self._of_view = lru_cache(maxsize=None)(self._count_view)
        self._of_place = lru_cache(maxsize=None)(self._count_place)
        self._by_size = lru_cache(maxsize=None)(self._cumulated)
        self._leasts = lru_cache(maxsize=None)(self._all_leasts)
        self._shapes = lru_cache(maxsize=None)(self._count_shapes)
        self._options = lru_cache(maxsize=None)(self._all_options)

    def trees(self, size: int) -> int:
        """Return how many trees have that many nodes."""
        return self.count(self.top, size)

    @property
    def top(self) -> Place:
        """The place of a whole tree."""
        return Place(None, self.limits.depth, self.limits.budget, self.limits.parameters)

    def count(self, place: Place, size: int) -> int:
        """Return how many trees of that many nodes fit into a place; none of more than are counted."""
        if size > self.most:
            return 0
        return self._by_size(self._forbidden(place.above), place.depth, place.budget, place.parameters)[size]

    def fitting(self, place: Place) -> Iterator[tuple[View, Place]]:
        """Yield the views that may stand at a place, and the place below each."""
        forbidden = self._forbidden(place.above)
        for view in self.algebra.views if place.depth else ():
            if view in forbidden or self.limits.spent(place.budget, view.name) is None:
                continue
            inner = self._below(place, view)
            if inner.parameters >= 0:
                yield view, inner

    # --- counting -----------------------------------------------------------------------------

    def _forbidden(self, above: View | None) -> frozenset[View]:
        return self.algebra.at_top if above is None else self.algebra.below.get(above, frozenset())

    def _cumulated(self, forbidden: frozenset[View], depth: int, budget: Budget, parameters: int) -> tuple[int, ...]:
        return tuple(sum(row[: parameters + 1]) for row in self._of_place(forbidden, depth, budget))

    def _count_place(self, forbidden: frozenset[View], depth: int, budget: Budget) -> Table:
        """Return the trees whose top is none of the forbidden views."""
        width = self.limits.parameters + 1
        total = [[0] * width for _ in range(self.most + 1)]
        total[1][0] = 1  # x
        if depth:
            for view in self.algebra.views:
                if view not in forbidden:
                    for row, more in zip(total, self._of_view(view, depth, budget), strict=True):
                        for at, count in enumerate(more):
                            row[at] += count
        return tuple(map(tuple, total))

    def _count_view(self, view: View, depth: int, budget: Budget) -> Table:
        """Return the trees with that view at their top."""
        width = self.limits.parameters + 1
        total = [[0] * width for _ in range(self.most + 1)]
        left = self.limits.spent(budget, view.name)
        if left is None:
            return tuple(map(tuple, total))
        inner = self._of_place(self._forbidden(view), depth - 1, left)
        numbers, learnable = len(view.places) - view.varying, view.places.count("learnable")
        if view.varying == 1:
            for size in range(1, self.most - numbers):
                for at in range(width - learnable):
                    total[size + 1 + numbers][at + learnable] += inner[size][at]
            return tuple(map(tuple, total))
        for first in range(1, self.most - 1):
            for second in range(1, self.most - first):
                row = total[first + second + 1]
                for one, count in enumerate(inner[first]):
                    for other in range(width - one):
                        row[one + other] += count * inner[second][other]
            if view.name in self.algebra.equal and 2 * first < self.most:
                total[2 * first + 1][0] -= inner[first][0]
        return tuple(map(tuple, total))

    def _count_shapes(self, size: int, depth: int) -> int:
        """Return how many shapes a tree may have: chains, chains with a number beside, and forks."""
        if size < 2:
            return size
        if not depth:
            return 0
        return sum(self._shapes_of(cut, depth) for cut in self._cuts(size))

    def _cuts(self, size: int) -> list[tuple[int, ...]]:
        """Return how the nodes below the top may be shared out in this grammar; see :func:`_cuts`."""
        return [cut for cut in _cuts(size) if (len(cut), cut.count(0)) in self._kinds]

    def _shapes_of(self, cut: tuple[int, ...], depth: int) -> int:
        shapes = 1
        for part in cut:
            shapes *= self._shapes(part, depth - 1) if part else 1
        return shapes

    # --- drawing ------------------------------------------------------------------------------

    def draw(self, place: Place, size: int) -> list[View | str]:
        """Return a random tree in prefix order: views, ``"x"``, and numbers as ``"constant"`` or ``"learnable"``.

        Its shape is drawn evenly, then each primitive evenly among those that fit.

        Raises:
            ValueError: no such tree fits.
        """
        if not self.count(place, size):
            raise ValueError(f"no tree of {size} nodes fits there")
        if size == 1:
            return ["x"]
        options, weights = self._options(self._simplest(place), size)
        ((cut, views),) = random.choices(options, cum_weights=weights)
        view = random.choice(views)
        inner = self._below(place, view)
        parts = self._parts(view, inner, cut)
        while view.varying == 2 and view.name in self.algebra.equal and _are_equal(*parts):
            parts = self._parts(view, inner, cut)
        return [view, *(node for part in parts for node in part)]

    def _parts(self, view: View, inner: Place, cut: tuple[int, ...]) -> list[list[View | str]]:
        """Return random arguments of a view."""
        parts: list[list[View | str]] = []
        sizes = [part for part in cut if part]
        for kind in view.places:
            if kind != "x":
                parts.append([kind])
                continue
            size, *sizes = sizes
            kept = sum(self._least(inner, other) for other in sizes)
            part = self.draw(inner._replace(parameters=inner.parameters - kept), size)
            inner = inner._replace(parameters=inner.parameters - part.count("learnable"))
            parts.append(part)
        return parts

    def _least(self, place: Place, size: int) -> int:
        """Return how many learnable parameters a tree of that size has there at least, too many if there is none."""
        least = self._leasts(self._forbidden(place.above), place.depth, place.budget)[size]
        return least if least <= place.parameters else self.limits.parameters + 1

    def _all_leasts(self, forbidden: frozenset[View], depth: int, budget: Budget) -> tuple[int, ...]:
        none = self.limits.parameters + 1
        rows = self._of_place(forbidden, depth, budget)
        return tuple(next((n for n, count in enumerate(row) if count), none) for row in rows)

    def _below(self, place: Place, view: View) -> Place:
        left = self.limits.spent(place.budget, view.name)
        if left is None:
            raise ValueError(f"{view.name} does not fit there")
        return Place(view, place.depth - 1, left, place.parameters - view.places.count("learnable"))

    def _simplest(self, place: Place) -> Place:
        """Return a place where the same trees fit: the first that was met of those that forbid the same views."""
        return place._replace(above=self._alike.setdefault(self._forbidden(place.above), place.above))

    def _all_options(self, place: Place, size: int) -> tuple[list[tuple[tuple[int, ...], list[View]]], list[int]]:
        """Return how a tree may go on, and how many shapes each way has, summed up."""
        options = [(cut, views) for cut in self._cuts(size) if (views := self._fitting(place, cut))]
        return options, [*accumulate(self._shapes_of(cut, place.depth) for cut, _ in options)]

    def _fitting(self, place: Place, cut: tuple[int, ...]) -> list[View]:
        """Return the views that may stand at a place with arguments of these sizes, 0 being a number."""
        kind, parts = (len(cut), cut.count(0)), [part for part in cut if part]
        return [view for view, inner in self.fitting(place) if _kind(view) == kind and self._fill(view, inner, parts)]

    def _fill(self, view: View, inner: Place, parts: Sequence[int]) -> bool:
        """Tell whether arguments of these sizes exist, two different ones where equal ones say nothing."""
        if sum(self._least(inner, part) for part in parts) > inner.parameters:
            return False  # too many parameters, or none of that size at all
        if view.varying == 2 and view.name in self.algebra.equal and parts[0] == parts[1]:
            return self.count(inner, parts[0]) ** 2 > self.count(inner._replace(parameters=0), parts[0])
        return True


def _kind(view: View) -> tuple[int, int]:
    """Return how many arguments a view has, and how many of them are numbers."""
    return len(view.places), len(view.places) - view.varying


def _are_equal(one: list[View | str], other: list[View | str]) -> bool:
    return one == other and "learnable" not in one


@lru_cache(maxsize=256)
def _cuts(size: int) -> tuple[tuple[int, ...], ...]:
    """Return how the nodes below the top of a tree may be shared out: sizes of its arguments, 0 for a number."""
    forks = [(first, size - 1 - first) for first in range(1, size - 1)]
    beside = [(0, size - 2)] if size > 2 else []
    return ((size - 1,), *beside, *forks)
