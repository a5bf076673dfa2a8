"""Smaller formulas for the same function, found by trying rather than by algebra.

``sympy.simplify`` is slow and often makes a formula longer. Here every node is tried without its
outer function, and a shorter formula counts only when its values are the same on the whole
fingerprint grid: ``sin(min(x, relu(x)))`` becomes ``sin(x)``, ``relu(x**2)`` becomes ``x**2``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sympy

from primitives.errors import ExpressionError
from primitives.expression import Expression
from primitives.identity import TOLERANCE, fingerprint
from primitives.numeric import Array
from primitives.values import Prints


def simplify(expression: Expression) -> Expression:
    """Return an expression of the same values and parameters with no needless node.

    The values agree within the fingerprint's tolerance on 117 points in [-200, 200].

    Example:
        >>> from primitives import parse
        >>> str(simplify(parse("sin(min(x, relu(x))) + relu(x**2)")))
        'x**2 + sin(x)'
    """
    prints, found = Prints(expression.initial), expression
    improved = True
    while improved:
        improved = False
        for shorter in _shorter(found, prints):
            if _are_same(prints, expression, shorter):
                found, improved = shorter, True
                break
    return found


def _are_same(prints: Prints, one: Expression, other: Expression) -> bool:
    """Tell whether two fingerprints are the same, those of the generated code where numpy's are not finite."""
    first, second = prints.of(one), prints.of(other)
    if first is None or second is None:
        first, second = fingerprint(one), fingerprint(other)
    return first.shape == second.shape and np.allclose(first, second, rtol=0, atol=TOLERANCE)


def unscaled(expression: Expression) -> Expression:
    """Return the expression without a numeric factor in front: the gain fixes the scale anyway.

    ``0.5*x*tanh(x)`` becomes ``x*tanh(x)``; a sum is divided by a factor that all its terms share.
    """
    terms = sympy.Add.make_args(expression.body)
    factors = {abs(term.as_coeff_Mul()[0]) for term in terms}
    if len(factors) != 1:
        return expression
    (factor,) = factors
    sign = -1 if all(term.could_extract_minus_sign() for term in terms) else 1
    return (
        Expression(sympy.Add(*(sign * term / factor for term in terms)), expression.initial) if factor else expression
    )


def _shorter(expression: Expression, prints: Prints) -> Iterator[Expression]:
    """Yield the expression with one node replaced by one of its own arguments, largest node first.

    Where the values at the initial parameter values show the difference, no expression is made.
    """
    body = expression.body
    wanted = prints.initially(body)
    for node in sympy.preorder_traversal(body):
        if node.is_Atom or node.is_number:
            continue
        for part in _parts(node):
            replaced = body.xreplace({node: part})
            if _are_different(wanted, prints.initially(replaced)):
                continue
            try:
                shorter = Expression(replaced, expression.initial)
            except ExpressionError:
                continue
            if shorter.initial == expression.initial and shorter.complexity < expression.complexity:
                yield shorter


def _are_different(wanted: Array | None, found: Array | None) -> bool:
    """Tell whether values are surely not the same by more than the order of sums explains."""
    if wanted is None or found is None:
        return False
    with np.errstate(all="ignore"):
        return bool((np.abs(np.arcsinh(wanted) - np.arcsinh(found)) > 2 * TOLERANCE).any())


def _parts(node: sympy.Expr) -> Iterator[sympy.Expr]:
    """Yield what could stand for a node: its arguments, and for sums and products all but one."""
    arguments = [argument for argument in node.args if not argument.is_number]
    yield from arguments
    if isinstance(node, (sympy.Add, sympy.Mul)) and len(node.args) > 2:
        for index in range(len(node.args)):
            yield node.func(*node.args[:index], *node.args[index + 1 :])
