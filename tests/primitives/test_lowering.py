from __future__ import annotations

import pytest
import sympy
import torch

from primitives import compile_expression, parse
from primitives.lowering import program


def operations(text):
    body = parse(text).body
    lowered = program([body])
    return sum(sympy.count_ops(v) for _, v in lowered.assignments) + sum(map(sympy.count_ops, lowered.results))


def test_no_general_power_is_left():
    for text in ("x**7 + x**4", "(x**2 + 1)**1.5", "1/(x**2 + 1)**2.5 + sqrt(x**2 + 1)", "x**-5"):
        body = parse(text).body
        lowered = program([body])
        for value in [*(v for _, v in lowered.assignments), *lowered.results]:
            for power in value.atoms(sympy.Pow):
                assert power.exp in (2, 3, -1, -2, -3, sympy.Rational(1, 2), sympy.Rational(-1, 2)), (text, power)


def test_a_polynomial_takes_one_multiplication_a_degree():
    assert operations("1 + 2*x + 3*x**2 + 4*x**3 + 5*x**4 + 6*x**5") == 10


@pytest.mark.parametrize(
    "text", ["x*tanh(exp(x))", "x*erf(alpha*exp(beta*x)); alpha=0.75; beta=0.75", "x*tanh(0.6*exp(x))"]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_exponential_under_a_saturating_function_never_makes_zero_times_infinity(text, dtype):
    expression = parse(text)
    values = [torch.tensor(v, dtype=dtype) for _, v in expression.initial]
    x = torch.tensor([-200.0, -50.0, 0.0, 50.0, 100.0, 200.0], dtype=dtype)
    compiled = compile_expression(expression)
    torch.testing.assert_close(compiled.value(x, *values)[3:], x[3:])
    for slope in compiled.slopes(x, *values):
        assert torch.isfinite(slope).all()
    torch.testing.assert_close(compiled.slopes(x, *values)[0][3:], torch.ones(3, dtype=dtype))


def test_an_exponential_that_is_free_to_grow_grows():
    x = torch.tensor([80.0], dtype=torch.float64)
    assert compile_expression(parse("exp(x) + tanh(exp(x))")).value(x).item() == pytest.approx(5.54062238439351e34)
    assert compile_expression(parse("asinh(exp(x))")).value(x).item() == pytest.approx(80.69314718055995)


def test_a_cap_never_reaches_what_stands_outside_or_a_tiny_factor():
    x = torch.tensor([70.0, 80.0], dtype=torch.float64)
    slope = compile_expression(parse("tanh(exp(x)) + expm1(x)")).slopes(x)[0]
    torch.testing.assert_close(slope, torch.exp(x))
    both = compile_expression(parse("tanh(0.01*asinh(exp(x))) + sigmoid(exp(x))")).value(x)
    torch.testing.assert_close(both, torch.tanh(0.01 * torch.asinh(torch.exp(x))) + 1)
    tiny = compile_expression(parse("tanh(1e-28*exp(x))")).value(x)
    torch.testing.assert_close(tiny, torch.tanh(1e-28 * torch.exp(x)))
