"""What one element costs to evaluate, by a deterministic model.

Operations of the value and of the slopes are counted in the lowered program, with its shared
subexpressions, as a compiled kernel executes them, each in units of one float32 multiplication. The model is the
search objective, so that measurement noise never picks a winner.
"""

from __future__ import annotations

import sympy

from primitives import Expression
from primitives.lowering import program
from primitives.table import of_function

_DIVISION, _ROOT, _GENERAL_POWER = 4.0, 4.0, 16.0


def cost(expression: Expression) -> float:
    """Return the cost of forward plus backward for one element, in multiplications.

    ReLU costs 2: one for the value, one for the slope.
    """
    lowered = program([expression.kernel, *expression.slopes.values()])
    values = [*(value for _, value in lowered.assignments), *lowered.results]
    return float(sum(_operations(value) for value in values))


def _operations(node: sympy.Expr) -> float:
    if node.is_number or node.is_Symbol:
        return 0.0
    inner = sum(_operations(argument) for argument in node.args)
    if isinstance(node, sympy.Pow):
        return inner + _power(node.exp)
    if isinstance(node, sympy.Add):
        return inner + len(node.args) - 1.0
    if isinstance(node, sympy.Mul):  # a sign costs nothing
        return inner + sum(1.0 for argument in node.args if argument != -1) - 1.0
    primitive = of_function(node.func)
    return inner + (primitive.cost if primitive else _GENERAL_POWER)


def _power(exponent: sympy.Expr) -> float:
    if exponent == sympy.Rational(1, 2):
        return _ROOT
    if exponent.is_Integer:
        multiplications = abs(int(exponent)).bit_length() + abs(int(exponent)).bit_count() - 2
        return float(multiplications) + (_DIVISION if exponent < 0 else 0.0)
    return _ROOT + _DIVISION if exponent == sympy.Rational(-1, 2) else _GENERAL_POWER
