"""The operators that make children: DEAP's on trees, ours on numbers, multipliers and by EAFO.

All draw from ``random``.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import sympy
from deap import gp

from evaluators.theory.correction import correction, with_term
from evaluators.theory.quadrature import NORMAL
from primitives import ActsearchError, Expression
from primitives.expression import X
from primitives.primitive import exact
from search.space.grammar import (
    Constant,
    Exponent,
    Grammar,
    Learnable,
    Real,
    Tree,
    Type,
    Weight,
    is_learnable,
    leaf,
    perturbed,
)

_ATTEMPTS = 10


def crossover(grammar: Grammar, first: Tree, second: Tree) -> Tree | None:
    """Return ``first`` with one of its subtrees replaced by one of ``second``'s (DEAP one-point)."""
    for _ in range(_ATTEMPTS):
        child, _ = gp.cxOnePoint(copy.copy(first), copy.copy(second))
        if grammar.fits(child):
            return child
    return None


def eafo_step(grammar: Grammar, parent: Tree) -> tuple[str, Tree] | None:
    """Return the parent plus a learnable multiple of its EAFO correction, as CRReLU is to ReLU, and the step's name.

    The correction is that for a standard normal input, at the parent's initial parameter values;
    see :mod:`evaluators.theory.correction`; the step is then called ``eafo``. Where the grammar
    cannot say it, or it is too long, it is that of a straight line, ``x*gaussian(x)``, which EAFO's
    authors also added to other functions, and the step is called ``bump``. The multiple starts at
    one of the grammar's learnable values, on either side of zero: which side is better is for
    training to say.
    """
    expression = grammar.expression(parent)
    if expression is None or not grammar.config.learnable:
        return None
    size = random.choice((-1, 1)) * random.choice(grammar.config.learnable)
    for name, corrected in (("eafo", expression), ("bump", Expression(X))):
        term = _correction_term(corrected)
        try:
            child = None if term is None else grammar.tree(with_term(expression, term, size))
        except ActsearchError:  # too many parameters
            child = None
        if child is not None and grammar.fits(child) and grammar.expression(child) is not None:
            return name, child
    return None


@lru_cache(maxsize=512)
def _correction_term(expression: Expression) -> sympy.Expr | None:
    """Return the correction of a function whose parameters have their initial values, ``None`` where it has none."""
    values = {sympy.Symbol(name): exact(value) for name, value in expression.initial}
    try:
        return correction(Expression(expression.body.subs(values)), NORMAL.density).term
    except ActsearchError:
        return None


def mutations(grammar: Grammar) -> dict[str, Callable[[Tree], Any]]:
    """Return the mutation operators by name; each changes the tree it is given, or leaves it where it cannot."""

    def subtree(pset: Any, type_: Type) -> list[Any]:  # noqa: ARG001  (DEAP calls it with both)
        return grammar.subtree(0, 2, type_)

    operators: dict[str, Callable[[Tree], Any]] = {
        "subtree": partial(gp.mutUniform, expr=subtree, pset=grammar.primitives),
        "change": partial(gp.mutNodeReplacement, pset=grammar.primitives),
        "insert": partial(gp.mutInsert, pset=grammar.primitives),
        "shrink": gp.mutShrink,
        "tune": _tune,
    }
    if grammar.config.max_parameters and grammar.config.learnable and (grammar.has("scale") or grammar.has("mul")):
        operators |= {"multiply": partial(_multiply, grammar), "unmultiply": _unmultiply}
    return operators


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
    """Move one number of the tree, fixed or initial, to a nearby value.

    Exponents stay: next to a whole one lie powers that no negative number has.
    """
    places = [i for i, node in enumerate(tree) if _is_number(node) and node.ret is not Exponent]
    if places:
        at = random.choice(places)
        value = tree[at].value
        tree[at] = leaf(type(value)(perturbed(value.value)), tree[at].ret)


def _multiply(grammar: Grammar, tree: Tree) -> None:
    """Put a learnable multiplier on one edge of the tree (PANGAEA), unless there are parameters enough.

    Numbers and what has a multiplier already are passed over: a second one says nothing new.
    """
    if sum(is_learnable(node) for node in tree) >= grammar.config.max_parameters:
        return
    multiplied = {i for at in range(len(tree)) if (kept := _multiplied(tree, at)) for i in (at, kept.start)}
    places = [i for i, node in enumerate(tree) if node.ret is Real and not _is_number(node) and i not in multiplied]
    if places:
        part = tree.searchSubtree(random.choice(places))
        name, type_ = ("scale", Weight) if grammar.has("scale") else ("mul", Real)
        weight = leaf(Learnable(random.choice(grammar.config.learnable)), type_)
        tree[part] = [grammar.primitives.mapping[name], weight, *tree[part]]


def _unmultiply(tree: Tree) -> None:
    """Take one learnable multiplier away."""
    places = [(at, kept) for at in range(len(tree)) if (kept := _multiplied(tree, at))]
    if places:
        at, kept = random.choice(places)
        tree[tree.searchSubtree(at)] = tree[kept]


def _multiplied(tree: Tree, at: int) -> slice | None:
    """Return where the subtree lies that a multiplier at that node multiplies, ``None`` if there is no multiplier."""
    if tree[at].name not in ("scale", "mul"):
        return None
    first: slice = tree.searchSubtree(at + 1)
    second: slice = tree.searchSubtree(first.stop)
    if is_learnable(tree[at + 1]):
        return second
    return first if is_learnable(tree[first.stop]) else None


def _is_number(node: Any) -> bool:
    return isinstance(getattr(node, "value", None), (Constant, Learnable))
