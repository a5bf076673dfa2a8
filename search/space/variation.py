"""The operators that make children: on subtrees, on numbers and on multipliers.

All draw from ``random``. A child differs from its parents where it says something: what is put into a cut differs
from what stood there, and a child in which algebra undoes more than in its parent is drawn anew. How often an
operator is drawn follows from how many different children it can make of that parent, so that one with few
does not make the same ones again and again.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from search.space.cuts import Cut, cuts
from search.space.grammar import Grammar
from search.space.leaves import Exponent, Learnable, Real, Tree, Weight, is_learnable, is_number, leaf, perturbed

_ATTEMPTS = 10
_MANY = 32
"""Different children from which on an operator is drawn as often as any other."""
_LARGEST_PART = 6
"""Nodes that a mutation puts in, at most."""
_WEIGHED = 0.3
"""How often what is joined gets a multiplier, where there may be one more."""


class Parent:
    """A tree that many children are made of; where it can be cut is found once.

    Attributes:
        tree: its nodes.
        places: its cuts.
    """

    def __init__(self, grammar: Grammar, tree: Tree) -> None:
        self.tree, self.places = tree, cuts(grammar, tree)
        self._grammar = grammar

    @cached_property
    def parts(self) -> list[Cut]:
        """The cuts that another parent may take a subtree from."""
        return [cut for cut in self.places if cut.parts or cut.type is not Real]

    @cached_property
    def operators(self) -> tuple[list[str], list[int]]:
        """Names of mutations, and how often each is drawn."""
        names = [name for name in OPERATORS if name not in ("multiply", "unmultiply") or multiplies(self._grammar)]
        return names, [min(_MANY, _different(self._grammar, name, self.tree, self.places)) for name in names]

    @cached_property
    def undone(self) -> int:
        """Nodes that say nothing."""
        return self._grammar.algebra.undone(self.tree)


def crossover(grammar: Grammar, first: Parent, second: Parent) -> Tree | None:
    """Return ``first`` with one of its subtrees replaced by another one of ``second``'s (Koza 1992)."""
    inner, others = first.places[1:], second.parts
    for _ in range(_ATTEMPTS if inner and others else 0):
        cut, other = random.choice(inner), random.choice(others)
        part = second.tree[other.where]
        if cut.type is not other.type or _are_equal(part, first.tree[cut.where]):
            continue
        child = replaced(first.tree, cut, part)
        if _accepted(grammar, child, first) and not _are_equal(child, second.tree):
            return child
    return None


def join(grammar: Grammar, first: Parent, other: Tree) -> Tree | None:
    """Return a parent beside another tree, under a primitive that takes both; the other may get a multiplier."""
    nodes = [node for node in grammar.primitives.primitives[Real] if node.args == [Real, Real]]
    learnable = sum(map(is_learnable, [*first.tree, *other])) < grammar.config.max_parameters
    for _ in range(_ATTEMPTS):
        node = random.choice(nodes)
        weighed = learnable and multiplies(grammar) and random.random() < _WEIGHED
        beside = [*multiplier(grammar, random.choice(grammar.config.learnable)), *other] if weighed else other
        parts = [first.tree, beside]
        random.shuffle(parts)
        child = Tree([node, *parts[0], *parts[1]])
        if _accepted(grammar, child, first):
            return child
    return None


def mutate(grammar: Grammar, parent: Parent) -> tuple[str, Tree] | None:
    """Return a random operator's name and the child it makes, or ``None`` when none fits."""
    names, weights = parent.operators
    if not any(weights):
        return None
    for _ in range(_ATTEMPTS):
        (name,) = random.choices(names, weights)
        child = OPERATORS[name](grammar, parent.tree, parent.places)
        if child is not None and _accepted(grammar, child, parent):
            return name, child
    return None


def _accepted(grammar: Grammar, child: Tree, parent: Parent) -> bool:
    """Tell whether a child may be proposed: within the limits, not its parent, and saying no less than it."""
    if _are_equal(child, parent.tree) or not grammar.fits(child):
        return False
    undone = grammar.algebra.undone(child)
    return undone == 0 or undone <= parent.undone


def replaced(tree: Tree, cut: Cut, part: Sequence[Any]) -> Tree:
    """Return a tree with other nodes in the place of one of its subtrees."""
    return Tree([*tree[: cut.start], *part, *tree[cut.end :]])


def _are_equal(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Tell whether two trees are written alike."""
    return len(one) == len(other) and all(
        a is b or (a.name == b.name and getattr(a, "value", None) == getattr(b, "value", None))
        for a, b in zip(one, other, strict=True)
    )


# --- mutations: each returns a child or, where it draws nothing that fits, None ------------------


def _subtree(grammar: Grammar, parent: Tree, places: list[Cut]) -> Tree | None:
    """Put a random subtree in the place of one."""
    cut = random.choice(places[1:] or places)
    if cut.type is not Real:
        return None
    part = _random_part(grammar, cut, random.randint(1, _LARGEST_PART))
    return None if part is None else replaced(parent, cut, part)


def _random_part(grammar: Grammar, cut: Cut, size: int) -> list[Any] | None:
    """Return a random subtree for a place; of one node it may be a number."""
    if size == 1:
        return [_random_leaf(grammar, cut.place.parameters)]
    return grammar.subtree(cut.place, size) if grammar.counts.count(cut.place, size) else None


def _random_leaf(grammar: Grammar, parameters: int) -> Any:
    """Return ``x`` or a number."""
    kinds = ["x", *(["constant"] if grammar.config.constants else [])]
    kinds += ["learnable"] if parameters > 0 and grammar.config.learnable else []
    kind = random.choice(kinds)
    return grammar.primitives.mapping["x"] if kind == "x" else grammar.number(kind)


def _change(grammar: Grammar, parent: Tree, places: list[Cut]) -> Tree | None:
    """Put another primitive, or another leaf, in the place of one node."""
    cut = random.choice(places)
    node = parent[cut.start]
    child = copy.copy(parent)
    if node.arity:
        options = [other for other in grammar.primitives.primitives[node.ret] if other.args == node.args]
        child[cut.start] = random.choice(options)
    elif cut.type is Real:
        child[cut.start] = _random_leaf(grammar, cut.place.parameters)
    else:
        child[cut.start] = grammar.number("learnable" if cut.type is Weight else "constant", cut.type)
    return child


def _insert(grammar: Grammar, parent: Tree, places: list[Cut]) -> Tree | None:
    """Put a primitive above a subtree; its other argument is a random one."""
    cut = random.choice([cut for cut in places if cut.type is Real])
    node = random.choice(grammar.primitives.primitives[Real])
    whole = [at for at, type_ in enumerate(node.args) if type_ is Real]
    kept = random.choice(whole)
    part: list[Any] = [node]
    spare = cut.place.parameters - sum(map(is_learnable, parent[cut.where]))
    for at, type_ in enumerate(node.args):
        if at == kept:
            part += parent[cut.where]
        elif type_ is Real:
            size = random.randint(1, _LARGEST_PART - 2)
            beside = cut.place._replace(above=None, depth=max(0, cut.place.depth - 1), parameters=max(0, spare))
            part += (
                [_random_leaf(grammar, spare)]
                if size == 1 or not grammar.counts.count(beside, size)
                else grammar.subtree(beside, size)
            )
        else:
            part.append(grammar.number("learnable" if type_ is Weight else "constant", type_))
    return replaced(parent, cut, part)


def _shrink(grammar: Grammar, parent: Tree, places: list[Cut]) -> Tree | None:  # noqa: ARG001
    """Put one of its arguments in the place of a subtree."""
    inner = [cut for cut in places if cut.parts and cut.type is Real]
    if not inner:
        return None
    cut = random.choice(inner)
    part = places[random.choice([part for part in cut.parts if places[part].type is Real])]
    return replaced(parent, cut, parent[part.where])


def _tune(grammar: Grammar, parent: Tree, places: list[Cut]) -> Tree | None:  # noqa: ARG001
    """Move one number of the tree, fixed or initial, to a nearby value.

    Exponents stay: next to a whole one lie powers that no negative number has.
    """
    numbers = [cut for cut in places if _is_tunable(parent, cut)]
    if not numbers:
        return None
    cut = random.choice(numbers)
    value = parent[cut.start].value
    return replaced(parent, cut, [leaf(type(value)(perturbed(value.value)), cut.type)])


def _is_tunable(tree: Tree, cut: Cut) -> bool:
    return is_number(tree[cut.start]) and cut.type is not Exponent


def _multiply(grammar: Grammar, parent: Tree, places: list[Cut]) -> Tree | None:
    """Put a learnable multiplier on one edge of the tree (PANGAEA), unless there are parameters enough.

    Numbers and what has a multiplier already are passed over: a second one says nothing new.
    """
    free = _without_multiplier(grammar, parent, places)
    if not free:
        return None
    cut = random.choice(free)
    return replaced(parent, cut, [*multiplier(grammar, random.choice(grammar.config.learnable)), *parent[cut.where]])


def multiplier(grammar: Grammar, value: float) -> list[Any]:
    """Return the nodes that multiply the subtree after them by a learnable number with this initial value."""
    name, type_ = ("scale", Weight) if grammar.has("scale") else ("mul", Real)
    return [grammar.primitives.mapping[name], leaf(Learnable(value), type_)]


def _without_multiplier(grammar: Grammar, parent: Tree, places: list[Cut]) -> list[Cut]:
    if sum(map(is_learnable, parent)) >= grammar.config.max_parameters:
        return []
    multiplied = {at for cut, kept in multipliers(parent, places) for at in (cut.start, kept.start)}
    free = [cut for cut in places if cut.type is Real and cut.start not in multiplied]
    return [cut for cut in free if not is_number(parent[cut.start])]


def _unmultiply(grammar: Grammar, parent: Tree, places: list[Cut]) -> Tree | None:  # noqa: ARG001
    """Take one learnable multiplier away."""
    found = multipliers(parent, places)
    if not found:
        return None
    cut, kept = random.choice(found)
    return replaced(parent, cut, parent[kept.where])


def multipliers(tree: Tree, places: list[Cut]) -> list[tuple[Cut, Cut]]:
    """Return every subtree with a learnable multiplier at its top, and what that multiplies."""
    found = []
    for cut in places:
        if tree[cut.start].name in ("scale", "mul"):
            first, second = (places[part] for part in cut.parts)
            if is_learnable(tree[first.start]):
                found.append((cut, second))
            elif is_learnable(tree[second.start]):
                found.append((cut, first))
    return found


def multiplies(grammar: Grammar) -> bool:
    """Tell whether there are learnable multipliers in a grammar."""
    config = grammar.config
    return bool(config.max_parameters and config.learnable) and (grammar.has("scale") or grammar.has("mul"))


Operator = Callable[[Grammar, Tree, list[Cut]], Tree | None]
OPERATORS: dict[str, Operator] = {
    "subtree": _subtree,
    "change": _change,
    "insert": _insert,
    "shrink": _shrink,
    "tune": _tune,
    "multiply": _multiply,
    "unmultiply": _unmultiply,
}
"""The mutations by name."""


def _different(grammar: Grammar, name: str, parent: Tree, places: list[Cut]) -> int:
    """Return about how many different children a mutation can make of a parent."""
    match name:
        case "shrink":
            return sum(len(cut.parts) for cut in places)
        case "tune":
            return _MANY * any(_is_tunable(parent, cut) for cut in places)
        case "multiply":
            return len(_without_multiplier(grammar, parent, places))
        case "unmultiply":
            return len(multipliers(parent, places))
    return _MANY
