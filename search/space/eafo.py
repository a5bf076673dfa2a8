"""The EAFO step as a variation operator: the parent plus a learnable multiple of its correction, as CRReLU is to ReLU.

The correction is that for a standard normal input, at the parent's initial parameter values; see
:mod:`evaluators.theory.correction`; the step is then called ``eafo``. Where the grammar cannot say it, or it is too
long, it is that of a straight line, ``x*gaussian(x)``, which EAFO's authors also added to other functions, and the step
is called ``bump``. The multiple starts at one of the grammar's learnable values or near it, on either side of zero:
which side is better is for training to say.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import sympy

from evaluators.theory.correction import unrefined
from evaluators.theory.quadrature import NORMAL
from primitives import ActsearchError, Expression
from primitives.expression import X
from primitives.primitive import exact
from primitives.table import gaussian
from search.space.grammar import Grammar
from search.space.leaves import Learnable, Tree, is_learnable, leaf, perturbed

_AT_ONCE = 1
"""Parents whose correction is derived for one ``ask``."""
_SHARE = 4
"""A parent longer than this part of what the grammar allows has no correction that fits beside it: of 90 random ones
between a quarter and the whole, one had."""


class EafoSteps:
    """Makes children by EAFO.

    A correction takes sympy a tenth of a second. It is derived once a parent, and of one short parent for each
    ``ask`` at most; the others get the bump. Which one follows from the draws alone, not from what was derived
    before, so that a resumed campaign makes the same children.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._terms: dict[Hashable, list[Any] | None] = {}
        self._bump = self._as_nodes(X * gaussian(X))
        self._short: dict[Hashable, Expression | None] = {}
        self._chosen: set[Hashable] = set()

    def begin(self) -> None:
        """Begin an ``ask``: another parent may have its correction derived."""
        self._chosen.clear()

    def step(self, parent: Tree) -> tuple[str, Tree] | None:
        """Return the step's name and a child, ``None`` where the grammar can say neither."""
        grammar = self._grammar
        if not (grammar.config.learnable and grammar.config.max_parameters and grammar.has("add")):
            return None
        size = random.choice((-1, 1)) * random.choice(grammar.config.learnable)
        size = perturbed(size) if random.random() < 0.5 else size
        for name, term in (("eafo", self._term(parent)), ("bump", self._bump)):
            child = None if term is None else self._with(parent, term, size)
            if child is not None and grammar.fits(child):
                return name, child
        return None

    def _with(self, parent: Tree, term: list[Any], size: float) -> Tree | None:
        """Return the parent plus a term of which the grammar's own multiplier has another initial value."""
        mapping = self._grammar.primitives.mapping
        return Tree([mapping["add"], *parent, *(_starting(node, size) for node in term)])

    def _term(self, parent: Tree) -> list[Any] | None:
        key = self._grammar.algebra.key(parent)
        if key not in self._short:
            expression = self._grammar.expression(parent)
            fits = expression and _SHARE * expression.complexity <= self._grammar.config.max_complexity
            self._short[key] = expression if fits else None
        expression = self._short[key]
        if expression is None or (key not in self._chosen and len(self._chosen) == _AT_ONCE):
            return None
        self._chosen.add(key)
        if key not in self._terms:
            term = correction_term(expression)
            self._terms[key] = None if term is None else self._as_nodes(term)
        return self._terms[key]

    def _as_nodes(self, term: sympy.Expr) -> list[Any] | None:
        """Return a learnable multiple of a term as nodes, ``None`` where the grammar cannot say it."""
        try:
            tree = self._grammar.tree(Expression(sympy.Symbol("epsilon") * term, (("epsilon", 1.0),)))
        except ActsearchError:
            return None
        return None if tree is None else list(tree)


def _starting(node: Any, size: float) -> Any:
    """Return a node of a term, its learnable multiplier with an initial value."""
    return leaf(Learnable(size), node.ret) if is_learnable(node) else node


@lru_cache(maxsize=512)
def correction_term(expression: Expression) -> sympy.Expr | None:
    """Return the correction of a function whose parameters have their initial values, ``None`` where it has none."""
    body = expression.body.subs({sympy.Symbol(name): exact(value) for name, value in expression.initial})
    term = unrefined(body, NORMAL.density)
    return term if X in term.free_symbols else None
