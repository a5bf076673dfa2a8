"""What one element costs to evaluate, by a deterministic model.

The operations of the lowered programs of forward and backward are counted, each program with its
shared subexpressions, as compiled kernels execute them: backward computes the slopes anew from the
input. The unit is one float32 multiplication; what a primitive takes was measured
(``search/studies/cost_calibration.py``) on one core of an x86-64 machine with AVX-512. The model
is the search objective, so that measurement noise never picks a winner.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import sympy

from primitives import Expression
from primitives.lowering import program
from primitives.primitive import Primitive
from primitives.table import of_function

DIVISION, ROOT, POWER = 5.0, 14.0, 167.0


def cost(expression: Expression) -> float:
    """Return the cost of forward plus backward for one element, in multiplications.

    ReLU costs 2: one for the value, one for the slope.
    """
    return _passes([expression.kernel]) + _passes(list(expression.slopes.values()))


@lru_cache(maxsize=512)
def primitive_costs(primitive: Primitive) -> tuple[float, float]:
    """Return the cost of one use of a primitive: of its value, and of its derivatives given its arguments."""
    symbols = primitive.symbols
    body = primitive.build(*symbols)
    return _passes([body]), _passes([body.diff(symbol) for symbol in symbols])


def _passes(expressions: Sequence[sympy.Expr]) -> float:
    """Return the operations of one program."""
    lowered = program(expressions)
    return float(sum(map(_operations, [*(value for _, value in lowered.assignments), *lowered.results])))


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
    return inner + (primitive.cost if primitive else POWER)


def _power(exponent: sympy.Expr) -> float:
    if exponent == sympy.Rational(1, 2):
        return ROOT
    if exponent.is_Integer:
        multiplications = abs(int(exponent)).bit_length() + abs(int(exponent)).bit_count() - 2
        return float(multiplications) + (DIVISION if exponent < 0 else 0.0)
    return ROOT + DIVISION if exponent == sympy.Rational(-1, 2) else POWER
