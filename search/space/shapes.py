"""Children of the two shapes that activations mostly have: one function on each side of zero, and a gate on the input.

Two sides (ELU, SELU, leaky ReLU): ``p(max(0, x)) + q(min(0, x))``, joined at zero but for what they are there. Gates
(SiLU, GELU, Mish): ``x*(c + q(x))``. Both draw from ``random``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from search.space.grammar import Grammar
from search.space.leaves import Constant, Learnable, Real, Tree, is_learnable, is_x, leaf
from search.space.variation import multiplier, multiplies

_WEIGHED = 0.7
"""How often a part gets a multiplier, where there may be one more; a gate's shift is as often learnable."""
_STRAIGHT = 0.5
"""How often the right side is the input itself."""


def can_have_sides(grammar: Grammar) -> bool:
    """Tell whether a grammar can say a function of two sides."""
    return grammar.has("add") and bool(_above(grammar) and _below(grammar))


def can_have_gates(grammar: Grammar) -> bool:
    """Tell whether a grammar can say a gate."""
    return grammar.has("mul")


def sided(grammar: Grammar, right: Tree, left: Tree) -> Tree | None:
    """Return a function that is one tree, or the input, above zero and another one below it.

    Returns:
        The tree; ``None`` where it is longer than the grammar allows.
    """
    straight = random.random() < _STRAIGHT
    above = _above(grammar) if straight else _of(right, _above(grammar))
    below = _of(left, _below(grammar))
    return _accepted(grammar, [grammar.primitives.mapping["add"], *above, *_weighed(grammar, below, above)])


def gated(grammar: Grammar, gate: Tree) -> Tree | None:
    """Return the input times a tree, or times one that is shifted and takes a multiple of the input.

    Returns:
        The tree; ``None`` where it is longer than the grammar allows.
    """
    mapping = grammar.primitives.mapping
    x = [mapping["x"]]
    opened = list(gate)
    if grammar.has("add") and random.random() < _WEIGHED:
        opened = [mapping["add"], _shift(grammar, opened), *_of(opened, _weighed(grammar, x, opened, spare=1))]
    return _accepted(grammar, [mapping["mul"], *x, *opened])


def _shift(grammar: Grammar, beside: Sequence[Any]) -> Any:
    learnable = multiplies(grammar) and sum(map(is_learnable, beside)) < grammar.config.max_parameters
    return leaf(Learnable(1.0) if learnable and random.random() < _WEIGHED else Constant(1.0), Real)


def _weighed(grammar: Grammar, part: list[Any], beside: Sequence[Any], spare: int = 0) -> list[Any]:
    """Return a part with a multiplier, at times, where beside the other there may be one more."""
    used = sum(map(is_learnable, [*part, *beside])) + spare
    if not multiplies(grammar) or used >= grammar.config.max_parameters or random.random() >= _WEIGHED:
        return part
    return [*multiplier(grammar, random.choice(grammar.config.learnable)), *part]


def _of(tree: Sequence[Any], inner: Sequence[Any]) -> list[Any]:
    """Return a tree of another one in the place of the input."""
    return [each for node in tree for each in (inner if is_x(node) else [node])]


def _above(grammar: Grammar) -> list[Any]:
    """Return ``max(0, x)`` in a grammar's own words, nothing where it has none."""
    mapping = grammar.primitives.mapping
    if grammar.has("relu"):
        return [mapping["relu"], mapping["x"]]
    return [mapping["max"], leaf(Constant(0.0), Real), mapping["x"]] if grammar.has("max") else []


def _below(grammar: Grammar) -> list[Any]:
    """Return ``min(0, x)`` in a grammar's own words, nothing where it has none."""
    mapping = grammar.primitives.mapping
    if grammar.has("min"):
        return [mapping["min"], leaf(Constant(0.0), Real), mapping["x"]]
    above = _above(grammar)
    return [mapping["neg"], *_of(above, [mapping["neg"], mapping["x"]])] if above and grammar.has("neg") else []


def _accepted(grammar: Grammar, nodes: list[Any]) -> Tree | None:
    """Return a tree that is within the limits and says something with each of its nodes."""
    tree = Tree(nodes)
    return tree if grammar.fits(tree) and not grammar.algebra.undone(tree) else None
