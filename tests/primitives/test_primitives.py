from __future__ import annotations

import re

import pytest
import sympy
import torch

from primitives import Kernels, PrimitiveError, all_primitives, get, named, register, unregister
from primitives.testing import PrimitiveContract


class TestEveryPrimitive(PrimitiveContract):
    @pytest.fixture(params=[p.name for p in all_primitives()])
    def primitive(self, request):
        return get(request.param)


def test_a_taken_name_is_refused():
    with pytest.raises(PrimitiveError, match="'relu' is already registered"):
        register(get("relu"))


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(PrimitiveError, match="did you mean 'softplus'"):
        get("sofplus")


def test_a_users_primitive_is_a_few_lines_and_can_be_parsed_compiled_and_differentiated():
    from primitives import compile_expression, parse

    bump = named("bump", **BUMP)
    try:
        compiled = compile_expression(parse("bump(2*x)"))
        x = torch.tensor([0.5], dtype=torch.float64)
        assert compiled.value(x).item() == 0.5
        assert compiled.slopes(x)[0].item() == pytest.approx(0.0)
        assert bump(sympy.Symbol("x")).func is bump
    finally:
        unregister("bump")


BUMP = {
    "definition": lambda x: x / (1 + x**2),
    "derivatives": [lambda x: (1 - x**2) / (1 + x**2) ** 2],
    "kernels": Kernels("{0} / (1 + {0}**2)", "{0} / (1 + {0}**2)", "{0} / (1 + {0}**2)"),
    "cost": 6,
    "weight": 3,
}
WRONG = {
    "the slope at -200 is": {"derivatives": [lambda x: 1 / (1 + x**2)]},
    "the value at -200 is": {"kernels": Kernels("{0} / (2 + {0}**2)", *["{0} / (1 + {0}**2)"] * 2)},
    "its numpy kernel gives": {"kernels": Kernels("{0} / (1 + {0}**2)", "{0} / (1 + abs({0})**3)", "{0}")},
    "it is not even": {"parity": "even"},
    "it is not monotone": {"monotone": True},
    "its cost is 0": {"cost": 0},
    "does not say where every argument goes": {"kernels": Kernels("x", "x", "x")},
    "unknown growth of primitive 'bump' 'bonded'; did you mean 'bounded'": {"growth": "bonded"},
    "not a finite real number at -200, inside its domain": {
        "definition": lambda x: sympy.log(x + 1),
        "derivatives": [lambda x: 1 / (1 + x)],
        "kernels": Kernels("torch.log1p({0})", "np.log1p({0})", "jnp.log1p({0})"),
    },
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_wrong_primitive_is_refused_with_the_reason_and_leaves_no_trace(reason):
    with pytest.raises(PrimitiveError, match=re.escape(reason)):
        named("bump", **{**BUMP, **WRONG[reason]})
    with pytest.raises(PrimitiveError, match="unknown primitive 'bump'"):
        get("bump")


def test_both_arguments_of_a_binary_primitive_are_checked():
    right = {"definition": lambda a, b: a * b, "kernels": Kernels(*["({0} * {1})"] * 3), "cost": 1}
    with pytest.raises(PrimitiveError, match="the slope at"):
        named("times", derivatives=[lambda a, b: a / 2 + b, lambda *_: sympy.Integer(0)], **right)
    named("times", derivatives=[lambda _, b: b, lambda a, _: a], **right)
    unregister("times")


@pytest.mark.parametrize("name", ["x", "alpha", "pi", "class", "ln", "2x", "Bump", "exponential"])
def test_a_name_that_means_something_else_is_refused(name):
    with pytest.raises(PrimitiveError, match="name"):
        named(name, **BUMP)


def test_the_weight_of_a_primitive_counts_in_the_complexity():
    from primitives import parse

    named("bump", **BUMP)
    try:
        assert parse("bump(x)").complexity == 4
    finally:
        unregister("bump")


PANGAEA = (
    "zero", "one", "identity", "neg", "abs", "inverse", "square", "exp", "erf", "erfc", "sinh", "cosh", "tanh",
    "expm1", "sigmoid", "logsigmoid", "asinh", "atan", "i0e", "i1e", "relu", "elu", "selu", "silu", "softplus",
    "softsign", "hardsigmoid", "add", "sub", "mul", "div", "pow", "max", "min",
)  # fmt: skip
SWISH = ["cube", "sqrt", "log_abs", "sin", "cos", "sinc", "relu_neg", "bell", "gate", "rbf", "laplace"]


def test_the_operators_of_pangaea_and_of_the_swish_search_are_there():
    assert {*PANGAEA, *SWISH} <= {p.name for p in all_primitives()}
    assert len(PANGAEA) == 34
