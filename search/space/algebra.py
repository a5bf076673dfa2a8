"""What algebra undoes: which node directly below which says nothing that fewer nodes would not say.

Found by trying, on the numpy kernels, so that a primitive of one's own is known as well: ``neg(neg(x))`` is ``x``,
``abs(square(x))`` is ``square(x)``, ``cos(neg(x))`` is ``cos(x)``, ``max(x, x)`` is ``x``, and of two multipliers
or two shifts on one edge one is enough.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from primitives import get
from primitives.identity import POINTS
from primitives.numeric import Array, numeric
from primitives.primitive import Primitive
from search.space.leaves import Learnable, is_number

Kind: TypeAlias = Literal["x", "constant", "learnable"]

_TOLERANCE = 1e-12
_NUMBERS = (0.7310585786, -1.618033988)


class View(NamedTuple):
    """A primitive with what stands in each of its places: something with ``x`` in it, or a number.

    Attributes:
        name: of the primitive.
        places: e.g. ``("x", "constant")``.
    """

    name: str
    places: tuple[Kind, ...]

    @property
    def varying(self) -> int:
        """In how many places there is an ``x``."""
        return self.places.count("x")


@dataclass(frozen=True)
class Algebra:
    """What trees of some primitives need not contain.

    Attributes:
        views: all ways of using the primitives, in their order.
        below: for each, the views that say nothing new directly below it.
        at_top: views that say nothing new at the top of a tree: they scale, shift or turn the sign of the whole.
        equal: binary primitives that say nothing new of two equal arguments.
        symmetric: binary primitives whose arguments may be exchanged.
    """

    views: tuple[View, ...]
    below: dict[View, frozenset[View]]
    at_top: frozenset[View]
    equal: frozenset[str]
    symmetric: frozenset[str]

    def key(self, tree: Any) -> Hashable:
        """Return how a tree is written, whatever the order of arguments that may be exchanged."""
        stack: list[Any] = []
        for node in reversed(tree):
            if not node.arity:
                stack.append((kind_of(node), node.value.value) if is_number(node) else "x")
                continue
            arguments = stack[: -node.arity - 1 : -1]
            del stack[-node.arity :]
            if node.name in self.symmetric:
                arguments.sort(key=repr)
            stack.append((node.name, *arguments))
        key: Hashable = stack.pop()
        return key

    def undone(self, tree: Any) -> int:
        """Return how many nodes of a tree say nothing, numbers of numbers among them."""
        count = 0
        stack: list[tuple[Kind, View | None, Any, bool]] = []
        for node in reversed(tree):
            if not node.arity:
                kind = kind_of(node)
                stack.append((kind, None, kind if kind == "x" else node.value, kind == "learnable"))
                continue
            arguments = stack[: -node.arity - 1 : -1]
            del stack[-node.arity :]
            view = View(node.name, tuple(argument[0] for argument in arguments))
            learns = any(argument[3] for argument in arguments)
            count += not view.varying
            undone = self.below.get(view, frozenset())
            count += sum(argument[1] in undone for argument in arguments)
            if view.varying == 2 and view.name in self.equal and not learns:
                count += arguments[0][2] == arguments[1][2]
            kind = "x" if view.varying else "learnable" if learns else "constant"
            stack.append((kind, view, (view.name, *(argument[2] for argument in arguments)), learns))
        return count + (stack.pop()[1] in self.at_top)


def kind_of(node: Any) -> Kind:
    """Return what a leaf is."""
    if not is_number(node):
        return "x"
    return "learnable" if isinstance(node.value, Learnable) else "constant"


def views(names: Iterable[str], constants: bool, learnable: bool) -> tuple[View, ...]:
    """Return every way of using primitives that has an ``x`` in it.

    Args:
        names: of the primitives.
        constants: whether there are fixed numbers.
        learnable: whether there are learnable ones.
    """
    numbers: dict[Kind, bool] = {"constant": constants, "learnable": learnable}
    real: tuple[Kind, ...] = ("x", *(kind for kind, there in numbers.items() if there))
    found = []
    for name in names:
        kinds: list[tuple[Kind, ...]] = []
        for type_ in get(name).types:
            kinds.append({"real": real, "weight": ("learnable",), "exponent": ("constant",)}[type_])
        found += [View(name, places) for places in product(*kinds) if "x" in places]
    return tuple(found)


def algebra(names: Iterable[str], constants: bool, learnable: bool) -> Algebra:
    """Return what trees of these primitives need not contain; arguments as of :func:`views`."""
    found = views(names, constants, learnable)
    single = [view for view in found if view.varying == 1]
    plain = {view: _of(view, POINTS, _NUMBERS[0]) for view in single}
    unary = [view for view in single if len(view.places) == 1]
    simple = np.stack([POINTS, *(plain[view] for view in unary)])
    scaling = {view for view in single if _scales(plain[view])}
    shifting = {view for view in single if _shifts(plain[view])}
    numbers = {view for view in found if _is_flat(plain.get(view))}
    below: dict[View, frozenset[View]] = {}
    for view in found:
        undone = set(numbers)
        if view in scaling:
            undone |= scaling
        if view in shifting:
            undone |= shifting
        if view in unary:
            undone |= {inner for inner in unary if _says_nothing(view, inner, plain, simple, scaling)}
        below[view] = frozenset(undone)
    fixed = {view for view in scaling | shifting if "learnable" not in view.places} | numbers
    pairs = [view for view in found if view.varying == len(view.places) == 2]
    equal = {view.name for view in pairs if _is_simple_of_equals(get(view.name), simple)}
    symmetric = {view.name for view in pairs if _is_symmetric(get(view.name))}
    return Algebra(found, below, frozenset(fixed), frozenset(equal), frozenset(symmetric))


def _is_symmetric(primitive: Primitive) -> bool:
    value, other = numeric(primitive).value, np.roll(POINTS, 29)
    with np.errstate(all="ignore"):
        return bool(np.array_equal(value(POINTS, other), value(other, POINTS), equal_nan=True))


def _says_nothing(outer: View, inner: View, plain: dict[View, Array], simple: Array, scaling: set[View]) -> bool:
    """Tell whether one of two unary primitives is enough, or a minus sign inside could as well stand outside."""
    values = _of(outer, plain[inner], 0.0)
    return _known(values, simple) or (inner in scaling and outer not in scaling and _known(-values, simple))


def _of(view: View, values: Array, number: float) -> Array:
    """Return a view of values, its number being another one than a campaign's, so that nothing falls together."""
    with np.errstate(all="ignore"):
        exponent = "exponent" in get(view.name).types
        other = np.full_like(values, 1.5 if exponent else number)
        result = numeric(get(view.name)).value(*(values if place == "x" else other for place in view.places))
    return np.broadcast_to(result, values.shape)


def _is_simple_of_equals(primitive: Primitive, simple: Array) -> bool:
    with np.errstate(all="ignore"):
        values = np.broadcast_to(numeric(primitive).value(POINTS, POINTS), POINTS.shape)
    return _known(values, simple) or _is_flat(values) or _scales(values)


def _known(values: Array, simple: Array) -> bool:
    """Tell whether values are those of ``x`` or of one unary primitive, or constant."""
    if not np.isfinite(values).all():
        return False
    size = _TOLERANCE * (1 + np.abs(values))
    with np.errstate(all="ignore"):
        return _is_flat(values) or bool((np.abs(simple - values) <= size).all(axis=1).any())


def _is_flat(values: Array | None) -> bool:
    return values is not None and bool(np.isfinite(values).all() and np.ptp(values) <= _TOLERANCE)


def _scales(values: Array) -> bool:
    """Tell whether values are a multiple of ``x``."""
    factor = values[-1] / POINTS[-1]
    return bool(np.isfinite(factor) and np.allclose(values, factor * POINTS, rtol=1e-12, atol=1e-300) and factor)


def _shifts(values: Array) -> bool:
    """Tell whether values are ``x`` or ``-x`` plus a number."""
    for sign in (1, -1):
        rest = values - sign * POINTS
        if np.isfinite(rest).all() and np.ptp(rest) <= 1e-9:
            return True
    return False
