from __future__ import annotations

import pytest
import sympy
import torch
from hypothesis import given, settings

from primitives import all_primitives, compile_expression, parse
from primitives.canonical import canonical
from primitives.expression import X
from tests.strategies import expressions

SPELLINGS = {
    "x/(1 + exp(-x))": "silu(x)",
    "1/(1 + exp(-1.7*x))": "sigmoid(1.7*x)",
    "exp(x)/(1 + exp(x))": "sigmoid(x)",
    "exp(x)/(1 + exp(x))**2": "sigmoid(-x)*sigmoid(x)",
    "x*exp(x)/(exp(x) + 2)": "x*sigmoid(x - log(2))",
    "log(1 + exp(x))": "softplus(x)",
    "log(1 + x**2)": "log1p(x**2)",
    "log(1/(1 + exp(-x)))": "logsigmoid(x)",
    "2*exp(x) - 2 + x": "x + 2*expm1(x)",
    "x*exp(-x**2/2)": "x*gaussian(x)",
    "x*exp(-exp(-x))": "x*gompertz(x)",
    "x*(1 - exp(-exp(x)))": "x*cloglog(x)",
    "sin(3*x)/x": "3*sinc(3*x)",
    "sin(pi*x)/(pi*x)": "sinc(pi*x)",
    "x*(1 + erf(x/sqrt(2)))/2": "gelu(x)",
    "x*tanh(log(1 + exp(x)))": "mish(x)",
    "max(0, x) + eps*x*exp(-x^2/2)": "epsilon*x*gaussian(x) + relu(x); epsilon=1.0",
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_textbook_spelling_becomes_the_named_function(text):
    assert str(parse(text)) == SPELLINGS[text]


@pytest.mark.parametrize("text", SPELLINGS)
def test_it_is_finite_with_finite_slopes_where_the_textbook_form_overflows(text):
    expression = parse(text)
    compiled = compile_expression(expression)
    values = [torch.tensor(v) for _, v in expression.initial]
    x = torch.tensor([-200.0, -90.0, 0.0, 90.0, 200.0])
    growing = "expm1" in str(expression)
    kept = x[:3] if growing else x
    assert torch.isfinite(compiled.value(kept, *values)).all()
    assert torch.isfinite(compiled.slopes(kept, *values)[0]).all()


UNTOUCHED = [
    "1/(x + exp(x))",
    "sin(x)/x**2 + sin(x)",
    "exp(x) - 2",
    "x*sigmoid(2*x)",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_resembles_a_named_function_is_left_alone(text):
    names = {p.name for p in all_primitives() if p.function is not None and p.name not in ("exp", "log", "sin")}
    written = str(parse(text))
    assert not any(f"{name}(" in written for name in names - {"sigmoid"}), written


@settings(max_examples=150)
@given(expressions)
def test_the_canonical_form_is_a_fixed_point(expression):
    assert canonical(expression.body) == expression.body


def test_rules_are_identities_to_thirty_digits():
    definitions = {p.function: p.definition for p in all_primitives() if p.function is not None}

    def spelled(body):
        for function, definition in definitions.items():
            body = body.replace(function, definition)
        return body

    for text, named in SPELLINGS.items():
        names = {"max": sympy.Max, "eps": sympy.Symbol("epsilon")}
        raw = sympy.sympify(text.replace("^", "**"), locals=names, rational=True)
        body = spelled(spelled(parse(named).body))
        for point in (sympy.Rational(-17, 10), sympy.Rational(3, 7), sympy.Rational(23, 10)):
            difference = (raw - body).subs({X: point, sympy.Symbol("epsilon"): sympy.Rational(1, 3)})
            assert abs(sympy.N(difference, 40)) < sympy.Float("1e-30"), text
