from __future__ import annotations

import pytest
import sympy
from hypothesis import given, settings

from primitives import all_primitives
from primitives.check import expressed, uses
from primitives.derivative import derivative
from primitives.expression import X
from tests.strategies import expressions


@settings(max_examples=15, deadline=None)
@given(expressions)
def test_the_derivative_is_sympys_to_the_structure(expression):
    for symbol in (X, *map(sympy.Symbol, expression.parameters)):
        assert derivative(expression.kernel, symbol) == expression.kernel.diff(symbol)


@pytest.mark.parametrize("primitive", all_primitives(), ids=lambda primitive: primitive.name)
def test_the_derivatives_of_every_primitive_are_sympys_twice(primitive):
    expression = expressed(primitive, next(uses(primitive)))
    first = derivative(expression.kernel, X)
    assert first == expression.kernel.diff(X)
    if not first.has(sympy.Derivative):
        assert derivative(first, X) == first.diff(X)
