"""Is a function what was wished for? At a glance, of whole batches of trees, and of a formula, which decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from evaluators import assess
from evaluators.judging.looks import Looks
from evaluators.judging.properties.catalogue import PROPERTIES
from evaluators.judging.properties.curve import Curve
from primitives import Expression, get
from primitives.expression import X
from primitives.table import all_primitives, of_function
from search.space.describe import everything
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.space.planting import planted, varying_names
from search.space.wishes import Wishes

_SLACK = 1.25
"""A cost from arrays may be so many times that of the formula, in which equal parts are computed once."""


class Wished:
    """Holds functions against ``[wishes]``.

    Attributes:
        wishes: what is asked for.
    """

    def __init__(self, wishes: Wishes, grammar: Grammar) -> None:
        self.wishes, self._grammar = wishes, grammar

    # --- proposals, at a glance -----------------------------------------------------------------

    def grown(self, tree: Tree) -> Tree:
        """Return a tree that was drawn anew with the required primitives put into it, where that can be done."""
        return planted(self._grammar, tree, self.wishes.required)

    def likely_faults(self, trees: Sequence[Sequence[Any]], looks: Looks) -> Mapping[str, NDArray[np.bool_]]:
        """Return which of some trees seem not to be what is wished for, shape (n,), by reason."""
        found: dict[str, NDArray[np.bool_]] = {}
        if self.wishes.required:
            names = [varying_names(tree) for tree in trees]
            for wanted in self.wishes.required:
                found[_lacks(wanted)] = np.array([wanted not in own for own in names], dtype=bool)
        if self.wishes.max_cost is not None:
            found[_DEAR] = np.asarray(looks.costs > _SLACK * self.wishes.max_cost)
        for name in self.wishes.properties:
            found[PROPERTIES[name].lacking] = ~PROPERTIES[name].likely(looks)
        return found

    # --- a formula, exactly ---------------------------------------------------------------------

    def refusal(self, expression: Expression, tree: Tree | None, cost: float) -> str | None:
        """Return why a formula that passes the screen is not what is wished for, or ``None``.

        Args:
            expression: the formula as it is shown.
            tree: that says it; ``None`` where the grammar has none, and then what it is made of is found out.
            cost: of the formula.

        Raises:
            ActsearchError: a rule of somebody's own fails.
        """
        return (
            self._of_parts(expression, tree)
            or self._of_cost(cost)
            or self._of_scale(expression)
            or self._of_shape(expression)
        )

    def _of_parts(self, expression: Expression, tree: Tree | None) -> str | None:
        if not (self.wishes.forbidden or self.wishes.required):
            return None
        shown = shown_names(expression.body)
        tree = tree or everything().tree(expression)
        spelled = varying_names(tree or ())
        for name in self.wishes.forbidden:
            if name in shown or name in spelled:
                return f"it has {name}, which wishes.forbidden names"
        has = shown | {name for name in spelled if get(name).function is None}
        return next((_lacks(name) for name in self.wishes.required if name not in has), None)

    def _of_cost(self, cost: float) -> str | None:
        most = self.wishes.max_cost
        return f"its cost of {cost:g} is above wishes.max_cost = {most:g}" if most is not None and cost > most else None

    def _of_scale(self, expression: Expression) -> str | None:
        scale = self.wishes.input_scale
        if scale == 1:
            return None
        reason = assess(stretched(expression, scale)).rejection
        return f"{reason} at inputs of standard deviation {scale:g}" if reason else None

    def _of_shape(self, expression: Expression) -> str | None:
        if not self.wishes.properties:
            return None
        curve = Curve(expression)
        wanted = (PROPERTIES[name] for name in self.wishes.properties)
        return next((each.lacking for each in wanted if not each.holds(curve)), None)


def stretched(expression: Expression, scale: float) -> Expression:
    """Return a function whose input is multiplied by a number first."""
    return Expression(expression.body.xreplace({X: sympy.Float(scale) * X}), expression.initial)


_DEAR = "it costs more than wishes.max_cost"


def _lacks(name: str) -> str:
    return f"it lacks {name}, which wishes.required names"


def shown_names(body: sympy.Expr) -> frozenset[str]:
    """Return the primitives that a formula shows: named functions, and powers, of which ``x**2`` is ``square``."""
    found: set[str | None] = set()
    for node in sympy.preorder_traversal(body):
        entry = of_function(node.func)
        found.add(_power(node.exp) if isinstance(node, sympy.Pow) else entry.name if entry else None)
    return frozenset(name for name in found if name)


def _power(exponent: sympy.Expr) -> str | None:
    """Return the primitive that a power is; none is ``u**-0.5``, which the analytic quotient shows."""
    if not exponent.is_number:
        return "pow"
    named = next((entry.name for entry in all_primitives() if entry.exponent == exponent), None)
    if named or exponent == -sympy.Rational(1, 2):
        return named
    return "inverse" if exponent.is_Integer and exponent < 0 else "power"
