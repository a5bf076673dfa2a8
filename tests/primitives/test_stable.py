"""Formulas whose spelling overflows are computed without: value and slopes against 60 digits of the spelling itself."""

from __future__ import annotations

import ast

import mpmath
import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators import assess
from primitives import compile_expression, nearest_known, parse, resolve
from primitives.joints import joined
from primitives.module import derivative_at
from primitives.stable import stable

X = sympy.Symbol("x")
POINTS = [-2000.0, -89.0, -20.0, -1e-8, 0.7, 20.0, 89.0, 2000.0]
ABSOLUTE = {torch.float64: 1e-14, torch.float32: 3e-6}  # a slope such as 1 - tanh(x)**2 cancels

FUNCTIONS = {
    "exp": mpmath.exp, "log": mpmath.log, "sinh": mpmath.sinh, "cosh": mpmath.cosh, "tanh": mpmath.tanh,
    "atan": mpmath.atan, "sqrt": mpmath.sqrt, "abs": abs, "sign": mpmath.sign, "relu": lambda v: max(v, 0),
    "max": max, "min": min, "step": lambda v: 1 if v > 0 else 0, "where": lambda c, a, b: a if c else b,
}  # fmt: skip


def spelled(text, **values):
    """Evaluate a formula of this file as it is spelled, with as many digits as mpmath has now."""
    node = ast.parse(text.split(";")[0].replace("^", "**"), mode="eval").body

    def walk(node):
        if isinstance(node, ast.Constant):
            return mpmath.mpf(node.value)
        if isinstance(node, ast.Name):
            return values[node.id]
        if isinstance(node, ast.UnaryOp):
            return -walk(node.operand)
        if isinstance(node, ast.Compare):
            return walk(node.left) > walk(node.comparators[0])
        if isinstance(node, ast.Call):
            return FUNCTIONS[node.func.id](*map(walk, node.args))
        left, right = walk(node.left), walk(node.right)
        return {
            ast.Add: lambda: left + right, ast.Sub: lambda: left - right, ast.Mult: lambda: left * right,
            ast.Div: lambda: left / right, ast.Pow: lambda: left**right,
        }[type(node.op)]()  # fmt: skip

    return walk(node)


def right_ones(text, names, values):
    """Return the value of a formula and its derivative by each name."""

    def function(*each):
        return spelled(text, **dict(zip(names, each, strict=True)))

    def by(place):
        moved = lambda v: function(*values[:place], v, *values[place + 1 :])  # noqa: E731
        return mpmath.diff(moved, values[place], h=mpmath.mpf("1e-18"))

    return [function(*values), *map(by, range(len(values)))]


OVERFLOWING = [
    "max(0,x)+min(0,exp(x)-1)", "1.0507*(max(0,x)+min(0,1.67326*(exp(x)-1)))",
    "max(0,x)+min(0,alpha*(exp(x)-1)); alpha=1.5",
    "max(0,x)+min(0,alpha*(exp(x/alpha)-1)); alpha=2", "relu(x) + step(-x)*(exp(x)-1)", "min(1, exp(x))",
    "min(2, 3*exp(x))",
    "max(0,x)/(1+exp(-x)) + min(0,(exp(x)-1)/(1+exp(-x)))", "1/cosh(x)", "x/cosh(x)", "x/cosh(2*x)^3",
    "2/(exp(x)+exp(-x))", "log(cosh(x))",
    "atan(sinh(x))", "atan(exp(x))", "sinh(x)/(1+cosh(x))", "1/(1+cosh(x))", "log(exp(x)+exp(-x))", "log(2+exp(x))",
    "exp(x)/(exp(x)+exp(-x))",
    "x*(exp(2*x)+2*exp(x))/(exp(2*x)+2*exp(x)+2)", "x*log(1+exp(x))/(x+1.16*exp(-x))", "exp(x)/(1+exp(x)^2)",
    "relu(x)^alpha; alpha=2", "x*(1+exp(-x))^-alpha; alpha=2",
    "(1-exp(alpha*x))/(1+exp(beta*x)); alpha=-2; beta=-2", "(1-exp(alpha*x))/(1+exp(beta*x)); alpha=1; beta=2",
    "(exp(alpha*x)-exp(-beta*x))/(exp(gamma*x)+exp(-delta*x)); alpha=1; beta=1; gamma=1; delta=1",
    "alpha*x+(1-alpha)*x/sqrt(1+beta*exp(-x)); alpha=0.25; beta=1", "log(alpha+exp(x)); alpha=0.5", "2^x/(1+2^x)",
    "sinh(x)/cosh(2*x)",
    "cosh(x)/cosh(3*x)", "1/(1+exp(-x))^0.5", "exp(x)*exp(-exp(x))", "log(1+exp(x)+exp(2*x))", "x*exp(x)/(2+exp(2*x))",
    "where(x > 0, x, exp(x) - 1)", "where(x > 1, 1, exp(3*x) - exp(2*x))", "(exp(x)-1)/(exp(2*x)+1)",
    "x*(exp(x)-1)/(exp(x)+3)",
]  # fmt: skip


@pytest.mark.parametrize("text", OVERFLOWING)
def test_a_spelling_that_overflows_is_computed_without(text):
    expression = parse(text)
    names = [name for name, _ in expression.initial]
    compiled = compile_expression(expression)
    for dtype, rtol in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        x = torch.tensor(POINTS, dtype=dtype)
        parameters = [value.to(dtype) for value in compiled.initial]
        rows = [compiled.value(x, *parameters), *compiled.slopes(x, *parameters)]
        with mpmath.workdps(45):
            for at, point in enumerate(x.tolist()):
                values = [mpmath.mpf(point), *(mpmath.mpf(value) for _, value in expression.initial)]

                wanted = right_ones(text, ["x", *names], values)
                for name, row, right in zip(["value", "x", *names], rows, wanted, strict=True):
                    found = row.expand_as(x)[at].item()
                    assert found == pytest.approx(float(right), rel=rtol, abs=ABSOLUTE[dtype]), (name, point)


@pytest.mark.parametrize("text", OVERFLOWING)
def test_the_screen_takes_what_is_finite(text):
    assert assess(parse(text)).rejection is None


KNOWN = {
    "max(0,x)+min(0,exp(x)-1)": "elu(x)", "1/cosh(x)": "sech(x)", "log(cosh(x))": "logcosh(x)",
    "sinh(x)/cosh(x)": "tanh(x)",
    "(exp(x)-exp(-x))/(exp(x)+exp(-x))": "tanh(x)", "x*step(x)": "relu(x)", "sin(omega*x)/(omega*x)": "sinc(omega*x)",
    "exp(x)/(exp(x)+exp(-x))": "sigmoid(2*x)", "log(2+exp(x))": "softplus(x - log(2)) + log(2)",
}  # fmt: skip


@pytest.mark.parametrize("text", KNOWN)
def test_an_exact_match_becomes_the_safe_function(text):
    assert parse(text).body == parse(KNOWN[text]).body


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("max(0,x)+min(0,alpha*(exp(x)-1))", "= elu"),
        ("x/cosh(x)", "= rehsec"),
        ("relu(x)^alpha; alpha=2", "= squared_relu"),
        ("x*(exp(2*x)+2*exp(x))/(exp(2*x)+2*exp(x)+2)", "= mish"),
        ("where(x > 0, x, exp(x) - 1)", "= elu"),
    ],
)
def test_what_is_computed_safely_is_known(text, name):
    assert str(nearest_known(parse(text))) == name


small = st.sampled_from(["x", "-x", "2*x", "x/3 + 1", "alpha*x"])
sums = st.tuples(st.sampled_from(["1", "2", "0.5"]), small, small).map(
    lambda t: f"({t[0]} + exp({t[1]}) + 3*exp({t[2]}))"
)


@settings(max_examples=25, deadline=None)
@given(above=st.one_of(sums, small.map(lambda u: f"exp({u})"), st.just("x")), below=sums)
def test_any_ratio_of_sums_of_exponentials_is_right_wherever_it_is_finite(above, below):
    text = f"alpha*x + {above}/{below}"
    compiled = compile_expression(parse(f"alpha*x + {above}/{below}; alpha=0.7"))
    x = torch.tensor([-900.0, -45.0, -2.1, 0.3, 7.0, 60.0, 900.0], dtype=torch.float64)
    values, slopes = compiled.value(x, *compiled.initial), compiled.slopes(x, *compiled.initial)[0]
    with mpmath.workdps(45):
        for point, value, slope in zip(x.tolist(), values.tolist(), slopes.tolist(), strict=True):
            right = spelled(text, x=mpmath.mpf(point), alpha=mpmath.mpf("0.7"))
            by = mpmath.diff(
                lambda v: spelled(text, x=v, alpha=mpmath.mpf("0.7")), mpmath.mpf(point), h=mpmath.mpf("1e-18")
            )
            assert abs(right) > 1e300 or value == pytest.approx(float(right), rel=1e-9, abs=1e-15)
            assert abs(by) > 1e300 or slope == pytest.approx(float(by), rel=1e-9, abs=1e-12)


# --- joints --------------------------------------------------------------------------------------

JOINTS = {
    "max(0,x)+min(0,2*(exp(x/2)-1))": 1.0, "max(0,x)+min(0,exp(x)-1)": 1.0, "relu(x)+2*expm1(-relu(-x)/2)": 1.0,
    "sign(x)*log(1+abs(x))": 1.0, "sign(x)*(exp(abs(x))-1)/10": 0.1, "sign(x)*min(abs(x),1)": 1.0,
    "max(0,x)+log(1+exp(-abs(x)))": 0.5, "((relu(x)+1)^alpha-1)/alpha - relu(-x); alpha=0.5": 1.0,
    "sign(x)*((abs(x)+1)^(1/3)-1)": 1 / 3, "where(x > 0, x + x^2, x)": 1.0, "where(0 < x, tanh(x), x)": 1.0,
    "relu(x) - relu(-x)": 1.0, "relu(2*x)/2 + relu(-x)*-1": 1.0, "step(x)*sin(x) + step(-x)*tanh(x)": 1.0,
    "alpha*expm1(-relu(-x)/alpha) + relu(x); alpha=3": 1.0, "sign(x)*asinh(abs(x))": 1.0, "abs(x)*sign(x)*2": 2.0,
}  # fmt: skip


@pytest.mark.parametrize("text", JOINTS)
def test_where_the_limits_agree_the_slope_at_a_joint_is_that_limit(text):
    compiled = compile_expression(parse(text))
    for dtype in (torch.float64, torch.float32):
        at = torch.tensor([0.0], dtype=dtype)
        slope = compiled.slopes(at, *(each.to(dtype) for each in compiled.initial))[0].item()
        assert slope == pytest.approx(JOINTS[text], rel=1e-6)
    layer = compiled.module()
    x = torch.zeros(3, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == pytest.approx([JOINTS[text]] * 3)


KINKS = {
    "relu(x)": 0.0, "abs(x)": 0.0, "max(0,x) + 0.25*min(0,x)": 0.0, "alpha*relu(x) - relu(-x); alpha=1": 0.0,
    "max(x, -x)": 0.0, "where(x > 0, x, 0.1*x)": 0.1, "1.0507*(max(0,x)+min(0,1.67326*(exp(x)-1)))": 0.0,
}  # fmt: skip


@pytest.mark.parametrize("text", KINKS)
def test_where_they_differ_torch_s_convention_stays(text):
    compiled = compile_expression(parse(text))
    assert compiled.slopes(torch.zeros(1), *(each.float() for each in compiled.initial))[0].item() == pytest.approx(
        KINKS[text]
    )


def test_value_and_second_derivative_have_their_limit_too():
    value = compile_expression(parse("step(x)*(1 + x) + step(-x)*(1 + x^2)"))
    assert value.at(np.array([0.0])) == 1.0
    for text, wanted in (
        ("where(x > 0, cosh(x), 1 + x^2/2)", 1.0),
        ("sign(x)*(exp(abs(x)) - 1 - abs(x)) - sign(x)*x^2/2", 0.0),
    ):
        assert derivative_at(parse(text), 2, np.array([0.0])) == pytest.approx([wanted])


def test_a_layer_that_starts_at_zero_learns():
    layer, weight = compile_expression(resolve("sign(x)*log(1+abs(x))")).module(), torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.SGD([weight], 0.5)
    for _ in range(100):
        optimiser.zero_grad()
        ((layer(weight * torch.ones(3)) - 1) ** 2).sum().backward()
        optimiser.step()
    assert weight.detach().tolist() == pytest.approx([np.e - 1] * 3, rel=1e-4)


def test_what_has_no_joint_and_does_not_overflow_is_left_as_it_is():
    for text in ("x*sigmoid(x)", "x*gaussian(x)", "relu(x)", "tanh(x) + x", "x*exp(-x**2)", "sin(x)**2"):
        body = parse(text).body
        assert stable(body) == body
        assert joined(body, ()) == body


@pytest.mark.parametrize(("text", "at", "wanted"), [
    ("(1 + tanh(x))/2", -30.0, 8.75651076269652e-27), ("1 - erf(x)", 10.0, 2.088487583762545e-45),
    ("x*(1 + erf(x/sqrt(2)))/2", -12.0, -2.131777876e-32), ("0.5*x*(1 - tanh(-x))", -20.0, -8.49670851e-17),
])  # fmt: skip
def test_a_sum_with_one_keeps_the_digits_of_what_is_left(text, at, wanted):
    value = compile_expression(parse(text)).value(torch.tensor(at, dtype=torch.float64))
    assert float(value) == pytest.approx(wanted, rel=1e-6)
