"""Every tree of a small space, one after the other: what :mod:`search.space.counting` counts, written out."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from search.space.algebra import View
from search.space.counting import Counts, Place
from search.space.grammar import Grammar
from search.space.leaves import KINDS, Exponent, Tree, Type, is_learnable, leaf


def how_many(grammar: Grammar, most: int) -> int:
    """Return how many trees :func:`trees` yields at least: numbers are counted by kind, whatever their value.

    Args:
        grammar: of the trees.
        most: nodes of a tree.
    """
    return sum(grammar.counts.trees(size) for size in range(1, min(most, grammar.counts.most) + 1))


def trees(grammar: Grammar, most: int) -> Iterator[Tree]:
    """Yield every tree of a grammar in which algebra undoes nothing, the small ones first.

    Of arguments that may be exchanged one order is yielded. Different trees may be the same function.

    Args:
        grammar: its numbers are taken with every value that it has.
        most: nodes of a tree.
    """
    counts, seen = grammar.counts, set[Hashable]()
    for size in range(1, min(most, counts.most) + 1):
        for nodes in _Enumeration(grammar, counts).at(counts.top, size):
            tree = Tree(nodes)
            key = grammar.algebra.key(tree)
            if key not in seen and grammar.fits(tree):  # but where limits of nesting are not counted with, it does
                seen.add(key)
                yield tree


class _Enumeration:
    """The trees of one grammar by place and size."""

    def __init__(self, grammar: Grammar, counts: Counts) -> None:
        self._grammar, self._counts = grammar, counts

    def at(self, place: Place, size: int) -> Iterator[list[Any]]:
        """Yield the nodes of every tree of that size that fits into a place."""
        if size == 1:
            yield [self._grammar.primitives.mapping["x"]]
        if size < 2 or not self._counts.count(place, size):
            return
        for view, inner in self._counts.fitting(place):
            yield from self._of(view, inner, size - 1)

    def _of(self, view: View, inner: Place, left: int) -> Iterator[list[Any]]:
        """Yield the trees with a view at their top and so many nodes below it."""
        top = self._grammar.primitives.mapping[view.name]
        left -= len(view.places) - view.varying
        if view.varying == 1:
            for part in self.at(inner, left):
                yield from ([top, *parts] for parts in self._filled(view, top.args, part))
        elif view.varying == 2:
            yield from ([top, *one, *other] for one, other in self._pairs(view, inner, left))

    def _filled(self, view: View, types: list[Type], part: list[Any]) -> Iterator[list[Any]]:
        """Yield the arguments of a view, its numbers with every value."""
        rows: list[list[Any]] = [[]]
        for kind, type_ in zip(view.places, types, strict=True):
            options = [part] if kind == "x" else [[number] for number in self._numbers(kind, type_)]
            rows = [[*row, *option] for row in rows for option in options]
        yield from rows

    def _numbers(self, kind: str, type_: Type) -> list[Any]:
        config = self._grammar.config
        values = config.exponents if type_ is Exponent else getattr(config, {"constant": "constants"}.get(kind, kind))
        return [leaf(KINDS[kind](value), type_) for value in values]

    def _pairs(self, view: View, inner: Place, left: int) -> Iterator[tuple[list[Any], list[Any]]]:
        algebra, grammar = self._counts.algebra, self._grammar
        for first in range(1, left):
            second = left - first
            if view.name in algebra.symmetric and first < second:
                continue
            for one in self.at(inner, first):
                rest = inner._replace(parameters=inner.parameters - grammar.learnable(one))
                for other in self.at(rest, second):
                    learns = any(map(is_learnable, (*one, *other)))
                    same = first == second and not learns and _written(one) == _written(other)
                    if same and view.name in algebra.equal:
                        continue
                    yield one, other


def _written(nodes: list[Any]) -> tuple[str, ...]:
    return tuple(node.name if node.arity else repr(node.value) for node in nodes)
