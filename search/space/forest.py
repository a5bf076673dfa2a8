"""Trees as arrays: values and slopes of whole batches straight from the numpy kernels, common subtrees once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import sympy
from numpy.typing import NDArray

from evaluators.judging.cost import primitive_costs
from evaluators.judging.looks import AT_POINTS, GRID, Looks
from primitives import Expression, get
from primitives.expression import X
from primitives.identity import ALONE, MOVES, prints, with_slopes
from primitives.numeric import Array, Numeric, Slope, numeric
from primitives.primitive import Primitive
from search.space.leaves import Constant, Learnable

Rows: TypeAlias = NDArray[np.intp]

_LARGEST = float(np.finfo(np.float32).max)
_AT_A_TIME = 256
"""Trees whose arrays are in memory at once: 30 MB."""


@dataclass(frozen=True, eq=False)
class Looked:
    """What arrays say of a batch of trees.

    Attributes:
        looks: screen and features, one tree a row.
        parameters: how many learnable ones each has.
        prints: of each, absorbed, see :func:`primitives.identity.fingerprint`; nan or infinite where the function is.
    """

    looks: Looks
    parameters: tuple[int, ...]
    prints: tuple[Array, ...]


def look(trees: Sequence[Sequence[Any]]) -> Iterator[tuple[range, Looked]]:
    """Yield what arrays say of trees, some at a time, with their places among all of them."""
    for start in range(0, len(trees), _AT_A_TIME):
        some = trees[start : start + _AT_A_TIME]
        yield range(start, start + len(some)), _Forest(some).looked()


def values(trees: Sequence[Sequence[Any]], points: Array) -> Array:
    """Return what trees are at points, at the initial parameter values, shape (trees, points)."""
    parts = [trees[start : start + _AT_A_TIME] for start in range(0, len(trees), _AT_A_TIME)]
    return np.concatenate([_Forest(part).values(points) for part in parts] or [np.zeros((0, len(points)))])


@lru_cache(maxsize=512)
def _own(primitive: Primitive) -> tuple[float, float, int]:
    """Return what one use of a primitive adds: cost of its value, cost of its slopes, nodes of a formula."""
    arguments = (X, sympy.Symbol("alpha"), sympy.Symbol("beta"))[: primitive.arity]
    if "exponent" in primitive.types:
        arguments = (X, sympy.Rational(3, 2))
    return *primitive_costs(primitive), Expression(primitive.build(*arguments)).complexity - primitive.arity


_BOUNDED: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "max": lambda a, b: (1.0 * (a > b), 1.0 * (b > a)),
    "min": lambda a, b: (1.0 * (a < b), 1.0 * (b < a)),
}
"""Slopes of what has a bound that is a number, which has no part in a tie."""


class _Forest:
    """Unique subtrees of some trees, each a number; arguments come before what they are arguments of."""

    def __init__(self, trees: Sequence[Sequence[Any]]) -> None:
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._names: list[str] = []
        self._arguments: list[tuple[int, ...]] = []
        self._levels: list[int] = []
        self._counts: list[int] = []
        self._numeric: list[bool] = []
        self._decreed: set[int] = set()
        self._leaves: dict[int, Constant | Learnable | None] = {}
        self._roots = [self._plant(tree) for tree in trees]

    def _plant(self, tree: Sequence[Any]) -> int:
        stack: list[int] = []
        for node in reversed(tree):
            if arity := node.arity:
                arguments = tuple(stack[: -arity - 1 : -1])
                del stack[-arity:]
                key = (node.name, *arguments)
                number = self._numbers.get(key)
                if number is None:
                    number = self._new(key, arguments)
            else:
                value = node.value if isinstance(node.value, (Constant, Learnable)) else None
                number = self._numbers.get((value,))
                if number is None:
                    number = self._new_leaf(value)
            stack.append(number)
        return stack.pop()

    def _new(self, key: tuple[Any, ...], arguments: tuple[int, ...]) -> int:
        level = 1 + max(self._levels[argument] for argument in arguments)
        count = sum(self._counts[argument] for argument in arguments)
        number = self._append(key, arguments, level, count, all(self._numeric[argument] for argument in arguments))
        if get(key[0]).slope_of is not None or not self._decreed.isdisjoint(arguments):
            self._decreed.add(number)
        return number

    def _new_leaf(self, value: Constant | Learnable | None) -> int:
        number = self._append((value,), (), 0, int(isinstance(value, Learnable)), value is not None)
        self._leaves[number] = value
        return number

    def _append(self, key: tuple[Any, ...], arguments: tuple[int, ...], level: int, count: int, is_number: bool) -> int:
        number = len(self._names)
        self._numbers[key] = number
        self._names.append(key[0] if arguments else "")
        self._arguments.append(arguments)
        self._levels.append(level)
        self._counts.append(count)
        self._numeric.append(is_number)
        return number

    def _groups(self) -> Iterator[_Group]:
        """Yield the subtrees with equal primitive and kinds of arguments, lower ones first."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for number, (level, name) in enumerate(zip(self._levels, self._names, strict=True)):
            if level:
                inner = self._arguments[number]
                varying = tuple(not self._numeric[argument] for argument in inner)
                bound = name in _BOUNDED and any(self._numeric[each] and not self._counts[each] for each in inner)
                found.setdefault((level, name, varying, bound), []).append(number)
        for (_, name, varying, bound), numbers in sorted(found.items()):
            arguments = np.array([self._arguments[number] for number in numbers]).T
            kernel = numeric(get(name))
            kernel = Numeric(kernel.value, _BOUNDED[name]) if bound else kernel
            yield _Group(kernel, np.array(numbers), tuple(arguments), varying)

    # --- what is asked ------------------------------------------------------------------------

    def values(self, points: Array) -> Array:
        """Return the trees at points."""
        table = self._planted(points)
        with np.errstate(all="ignore"):
            for group in self._groups():
                table[group.numbers] = group.kernel.value(*(table[argument] for argument in group.arguments))
        return table[self._roots]

    def _planted(self, points: Array) -> Array:
        """Return a table with a row a subtree, in which only leaves are filled in."""
        table = np.empty((len(self._names), len(points)))
        for number, value in self._leaves.items():
            table[number] = points if value is None else value.value
        return table

    def looked(self) -> Looked:
        """Return everything that is said of the trees."""
        grown = _Grown(self._planted(GRID), np.array(self._counts))
        for number, value in self._leaves.items():
            grown.leaf(number, value)
        with np.errstate(all="ignore"):
            for group in self._groups():
                grown.group(group)
        roots = np.array(self._roots, dtype=np.intp)
        costs, complexities = self._sizes()
        looks = Looks(*grown.of(roots), costs[roots], complexities[roots])
        return Looked(looks, tuple(grown.counts[roots].tolist()), grown.prints(roots, self._decreed))

    def _sizes(self) -> tuple[Array, Array]:
        """Return estimates of cost and complexity of every subtree; equal parts are counted each time."""
        own = {name: _own(get(name)) for name in set(self._names) if name}
        costs, complexities = [0.0] * len(self._names), [1.0] * len(self._names)
        for number, (name, arguments) in enumerate(zip(self._names, self._arguments, strict=True)):
            if not arguments or (self._numeric[number] and not self._counts[number]):
                continue  # a number
            value, slope, nodes = own[name]
            costs[number] = value + slope
            complexities[number] = nodes
            for argument in arguments:
                complexities[number] += complexities[argument]
                if costs[argument]:  # backward computes it anew and multiplies its slope
                    costs[number] += costs[argument] + own[self._names[argument]][0] + 1.0
        return np.array(costs), np.array(complexities)


@dataclass(frozen=True, eq=False)
class _Group:
    """Subtrees with equal primitive.

    Attributes:
        kernel: of the primitive.
        numbers: of the subtrees.
        arguments: of each place, the numbers of the arguments.
        varying: of each place, whether ``x`` is in it.
    """

    kernel: Numeric
    numbers: Rows
    arguments: tuple[Rows, ...]
    varying: tuple[bool, ...]


class _Grown:
    """Arrays of all subtrees of a forest: values, slopes, and what parameters do."""

    def __init__(self, table: Array, counts: Rows) -> None:
        self.table, self.counts = table, counts
        self._slopes = np.zeros_like(table)
        self._first = np.cumsum(counts) - counts
        total = int(counts.sum())
        self._by = np.empty((total, table.shape[1]))
        points = table[:, AT_POINTS].shape[1]
        self._moved = [np.empty((len(table), points)) for _ in MOVES]
        self._alone = np.empty((total, points))

    def leaf(self, number: int, value: Constant | Learnable | None) -> None:
        """Fill in a leaf."""
        if value is None:
            self._slopes[number] = 1.0
        start = value.value if value else 0.0
        for moved, (factor, shift) in zip(self._moved, MOVES, strict=True):
            moved[number] = factor * start + shift if isinstance(value, Learnable) else self.table[number, AT_POINTS]
        if isinstance(value, Learnable):
            self._by[self._first[number]] = 1.0
            self._alone[self._first[number]] = start + ALONE

    def group(self, group: _Group) -> None:
        """Fill in a group."""
        arguments = [self.table[argument] for argument in group.arguments]
        self.table[group.numbers] = _as_float32_overflows(np.asarray(group.kernel.value(*arguments)))
        partial = group.kernel.slopes(*arguments)
        terms = [
            _times(partial[place], self._slopes[argument])
            for place, argument in enumerate(group.arguments)
            if group.varying[place]
        ]
        slopes = sum(terms[1:], start=terms[0]) if terms else np.zeros((1, self.table.shape[1]))
        self._slopes[group.numbers] = slopes  # large as they may be: a flat tanh of exp(x) makes them small again
        for moved in self._moved:
            moved[group.numbers] = self.table[group.numbers, AT_POINTS]
        learns = np.flatnonzero(self.counts[group.numbers])
        if len(learns):
            self._learning(group, learns, partial)

    def _learning(self, group: _Group, learns: Rows, partial: tuple[Slope, ...]) -> None:
        """Fill in what parameters do in those of a group that have some."""
        numbers, arguments = group.numbers[learns], [argument[learns] for argument in group.arguments]
        for moved in self._moved:
            moved[numbers] = group.kernel.value(*(moved[argument] for argument in arguments))
        rows = self._first[numbers].copy()
        for place, argument in enumerate(arguments):
            local, within = _each(self.counts[argument])
            below, above = self._first[argument][local] + within, rows[local] + within
            slope = partial[place]
            self._by[above] = _times(slope[learns[local]] if isinstance(slope, np.ndarray) else slope, self._by[below])
            inputs = [
                self._alone[below] if at == place else self.table[other[local], AT_POINTS]
                for at, other in enumerate(arguments)
            ]
            self._alone[above] = group.kernel.value(*inputs)
            rows += self.counts[argument]

    def of(self, roots: Rows) -> tuple[Array, Array, Array, Rows]:
        """Return values, slopes, slopes by parameters and the owners of those."""
        owners, rows = self._parameters(roots)
        return self.table[roots], _as_float32_overflows(self._slopes[roots]), self._by[rows], owners

    def _parameters(self, roots: Rows) -> tuple[Rows, Rows]:
        owners, within = _each(self.counts[roots])
        return owners, self._first[roots][owners] + within

    def prints(self, roots: Rows, decreed: Set[int]) -> tuple[Array, ...]:
        """Return the fingerprint of each.

        Args:
            roots: numbers of subtrees.
            decreed: those that have a slope by decree.
        """
        found: list[Array] = [np.zeros(0)] * len(roots)
        for count in np.unique(self.counts[roots]):
            places = np.flatnonzero(self.counts[roots] == count)
            some = roots[places]
            rows = [self.table[some, AT_POINTS][:, None]]
            if count:
                _, at = self._parameters(some)
                shape = (len(some), count, -1)
                rows += [moved[some][:, None] for moved in self._moved]
                rows += [self._alone[at].reshape(shape), self._by[at][:, AT_POINTS].reshape(shape)]
            for place, print_ in zip(places, prints(np.concatenate(rows, axis=1), absorbed=True), strict=True):
                found[place] = print_
        for index, root in enumerate(roots.tolist()):
            if root in decreed:
                found[index] = with_slopes(found[index], self._slopes[root, AT_POINTS], absorbed=True)
        return tuple(found)


def _each(counts: Rows) -> tuple[Rows, Rows]:
    """Return, for so many things of each owner, whose each is and which of its owner's, in order."""
    owners = np.repeat(np.arange(len(counts)), counts)
    return owners, np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)


def _as_float32_overflows(rows: Array) -> Array:
    """Return rows in which what float32 cannot hold is infinite, as it is in training."""
    large = np.abs(rows) > _LARGEST
    return np.where(large, np.copysign(np.inf, rows), rows) if large.any() else rows


def _times(slope: Slope, rows: Array) -> Array:
    return rows if isinstance(slope, (int, float)) and slope == 1 else slope * rows
