"""The operators that make children: DEAP's on trees, one of ours on numbers. All draw from ``random``."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from functools import partial
from typing import Any

from deap import gp

from search.grammar import Constant, Grammar, Learnable, Tree, leaf, perturbed

_ATTEMPTS = 10


def crossover(grammar: Grammar, first: Tree, second: Tree) -> Tree | None:
    """Return ``first`` with one of its subtrees replaced by one of ``second``'s (DEAP one-point)."""
    for _ in range(_ATTEMPTS):
        child, _ = gp.cxOnePoint(copy.copy(first), copy.copy(second))
        if grammar.fits(child):
            return child
    return None


def mutations(grammar: Grammar) -> dict[str, Callable[[Tree], Any]]:
    """Return the mutation operators by name; each changes the tree it is given."""
    subtree = partial(gp.genHalfAndHalf, min_=0, max_=2)
    return {
        "subtree": lambda tree: gp.mutUniform(tree, expr=subtree, pset=grammar.primitives),
        "change": lambda tree: gp.mutNodeReplacement(tree, pset=grammar.primitives),
        "insert": lambda tree: gp.mutInsert(tree, pset=grammar.primitives),
        "shrink": gp.mutShrink,
        "tune": _tune,
    }


def mutate(grammar: Grammar, parent: Tree) -> tuple[str, Tree] | None:
    """Return a random operator's name and the child it makes, or ``None`` when none fits."""
    operators = mutations(grammar)
    for _ in range(_ATTEMPTS):
        name = random.choice(list(operators))
        child = copy.copy(parent)
        operators[name](child)
        if grammar.fits(child) and child != parent:
            return name, child
    return None


def _tune(tree: Tree) -> None:
    """Move one number of the tree, fixed or initial, to a nearby value."""
    places = [i for i, node in enumerate(tree) if isinstance(getattr(node, "value", None), (Constant, Learnable))]
    if places:
        at = random.choice(places)
        value = tree[at].value
        tree[at] = leaf(type(value)(perturbed(value.value)))
