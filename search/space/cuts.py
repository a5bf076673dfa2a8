"""Where a tree can be cut, and what fits into each cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from search.space.algebra import Kind, View, kind_of
from search.space.counting import Place
from search.space.grammar import Grammar
from search.space.leaves import Real, Tree, Type


@dataclass(frozen=True)
class Cut:
    """A subtree of a tree.

    Attributes:
        start, end: of its nodes.
        kind: whether there is an ``x`` in it, else which kind of number it is.
        type: of the place where it stands.
        place: what a tree must fit into that stands there instead.
        parts: where its arguments start.
        above: where the node above it stands; ``None`` at the top.
    """

    start: int
    end: int
    kind: Kind
    type: Type
    place: Place
    parts: tuple[int, ...]
    above: int | None

    @property
    def where(self) -> slice:
        """Its nodes in the tree."""
        return slice(self.start, self.end)


def cuts(grammar: Grammar, tree: Tree) -> list[Cut]:
    """Return every subtree of a tree, by its first node."""
    extents = _extents(tree)
    limits, spare = grammar.counts.limits, grammar.config.max_parameters - extents[0].learnable
    places = [grammar.counts.top] * len(tree)
    types: list[Type] = [Real] * len(tree)
    above: list[int | None] = [None] * len(tree)
    found = []
    for at, (node, extent) in enumerate(zip(tree, extents, strict=True)):
        place = places[at]._replace(parameters=max(0, spare + extent.learnable))
        found.append(Cut(at, extent.end, extent.kind, types[at], place, extent.parts, above[at]))
        if node.arity:
            view = View(node.name, tuple(extents[part].kind for part in extent.parts))
            left = limits.spent(place.budget, node.name) or (0,) * len(place.budget)
            below = Place(view, max(0, place.depth - 1), left, 0)
            for part, type_ in zip(extent.parts, node.args, strict=True):
                places[part], types[part], above[part] = below, type_, at
    return found


class _Extent(NamedTuple):
    """How far a subtree goes, what it is, how many learnable leaves it has, and where its arguments start."""

    end: int
    kind: Kind
    learnable: int
    parts: tuple[int, ...]


def _extents(tree: Tree) -> list[_Extent]:
    """Return the extent of every subtree, by its first node."""
    found: list[_Extent] = [_Extent(0, "x", 0, ())] * len(tree)
    stack: list[int] = []
    for at in range(len(tree) - 1, -1, -1):
        if arity := tree[at].arity:
            parts = tuple(stack[: -arity - 1 : -1])
            del stack[-arity:]
            kinds = {found[part].kind for part in parts}
            kind: Kind = "x" if "x" in kinds else "learnable" if "learnable" in kinds else "constant"
            found[at] = _Extent(found[parts[-1]].end, kind, sum(found[part].learnable for part in parts), parts)
        else:
            kind = kind_of(tree[at])
            found[at] = _Extent(at + 1, kind, int(kind == "learnable"), ())
        stack.append(at)
    return found
