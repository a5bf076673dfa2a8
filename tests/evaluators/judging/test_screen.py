from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators import assess
from evaluators.judging.cost import cost
from primitives import BASELINES, library, parse

REJECTED = {
    "3": "constant",
    "relu(x) - relu(x)": "constant",
    "sin(1)": "constant",
    "0.0000000001*tanh(x) + 1": "constant",
    "2*x - 7": "affine",
    "alpha*x": "affine",
    "relu(x) - relu(-x)": "affine",
    "x + 0.00000001*sin(x)": "affine",
    "step(x)": "slope is zero",
    "sign(x) + 2": "slope is zero",
    "exp(x)": "value is not finite",
    "sinh(x)": "value is not finite",
    "1/x": "value is not finite",
    "log(x)": "value is not finite",
    "sqrt(abs(x))": "slope is not finite at x = 0",
    "x*exp(-x)": "not finite at x = -",
    "1/(x - 1.0)": "not finite",
    "x*max(0.5, alpha) + relu(x); alpha=0.01": "learnable alpha has no effect",
}


@pytest.mark.parametrize("text", REJECTED)
def test_useless_and_dangerous_functions_are_rejected_with_the_reason(text):
    found = assess(parse(text))
    assert found.rejection is not None
    assert REJECTED[text] in found.rejection
    assert "prior" not in found.facts
    assert found.gain is None


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_passes(name):
    found = assess(library()[name].expression)
    assert found.rejection is None
    assert "prior" in found.facts


@pytest.mark.parametrize("text", ["relu(x)", "x**3", "min(6, relu(x))", "sin(x)", "gaussian(x)", "x**2"])
def test_unusual_but_sound_functions_pass(text):
    assert assess(parse(text)).rejection is None


def test_relu_costs_two_and_costs_add_up():
    assert cost(parse("relu(x)")) == 2
    assert cost(parse("relu(x) + sin(x)")) == cost(parse("sin(x)")) + 2 + 2  # one addition in value and in slope
    assert cost(parse("relu(x) + 0.01*(x - relu(x))")) < cost(parse("silu(x)"))


@pytest.mark.parametrize("number", ["1", "2", "0.5"])
def test_adding_and_subtracting_cost_the_same_whatever_the_number(number):
    assert cost(parse(f"relu(x) - {number}")) == cost(parse(f"relu(x) + {number}")) == 3
    assert cost(parse(f"-relu(x) - {number}")) == 3


@settings(max_examples=50)
@given(st.sampled_from(sorted(library())), st.sampled_from(["sin({})", "tanh({})", "({})**3 + x", "gelu({})"]))
def test_wrapping_a_function_never_makes_it_cheaper(name, wrapper):
    inner = library()[name].expression
    outer = parse(wrapper.format(inner.formula) + "".join(f"; {n}={v}" for n, v in inner.initial))
    assert cost(outer) >= cost(inner)


def test_a_shared_subexpression_is_paid_once():
    assert cost(parse("tanh(x)*sin(tanh(x))")) < cost(parse("tanh(x)")) + cost(parse("sin(tanh(x))"))
