"""Trees that are made to have what they lack: a primitive that each formula must have."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from search.space.cuts import Cut, cuts
from search.space.grammar import Grammar
from search.space.leaves import Constant, Exponent, Real, Tree, Weight

_TRIES = 8


def varying_names(tree: Sequence[Any]) -> frozenset[str]:
    """Return the primitives of a tree, but those of fixed numbers alone, which a formula does not show."""
    found: set[str] = set()
    stack: list[bool] = []
    for node in reversed(tree):
        varies = bool(node.arity) or not isinstance(node.value, Constant)
        if node.arity:
            varies = any(stack[-node.arity :])
            del stack[-node.arity :]
            if varies:
                found.add(node.name)
        stack.append(varies)
    return frozenset(found)


def planted(grammar: Grammar, tree: Tree, required: Sequence[str]) -> Tree:
    """Return a tree with the required primitives, each once at least, or as it is where that cannot be done.

    A primitive takes the place of another one that takes the same, or is put above a part of the tree. Draws from
    ``random``, and only where something is lacking.

    Args:
        grammar: of the tree.
        tree: complete, within the limits.
        required: primitives of the grammar.
    """
    missing = [name for name in required if name not in varying_names(tree)]
    for _ in range(_TRIES if missing else 0):
        grown = tree
        for name in random.sample(missing, len(missing)):
            grown = _with(grammar, grown, name, required)
        if grammar.fits(grown) and varying_names(grown) >= set(required):
            return grown
    return tree


def _with(grammar: Grammar, tree: Tree, name: str, required: Sequence[str]) -> Tree:
    """Return a tree with a primitive put into it somewhere."""
    top = grammar.primitives.mapping[name]
    places = cuts(grammar, tree)
    alike = [
        cut.start
        for cut in places
        if cut.kind == "x" and cut.parts and tree[cut.start].args == top.args and tree[cut.start].name not in required
    ]
    if alike and random.random() < 0.5:
        at = random.choice(alike)
        return Tree([*tree[:at], top, *tree[at + 1 :]])
    cut = random.choice([cut for cut in places if cut.kind == "x" and cut.type is Real])
    return Tree([*tree[: cut.start], top, *_arguments(grammar, tree, cut, top), *tree[cut.end :]])


def _arguments(grammar: Grammar, tree: Tree, cut: Cut, top: Any) -> list[Any]:
    """Return the nodes of a primitive's arguments: a part of the tree in one place, small things in the others."""
    real = [place for place, type_ in enumerate(top.args) if type_ is Real]
    for_part = random.choice(real)
    nodes: list[Any] = []
    for place, type_ in enumerate(top.args):
        if place == for_part:
            nodes += tree[cut.where]
        elif type_ is Real:
            nodes.append(grammar.primitives.mapping["x"])
        else:
            kind = {Weight: "learnable", Exponent: "constant"}[type_]
            nodes.append(grammar.number(kind, type_))
    return nodes
