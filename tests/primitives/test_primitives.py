from __future__ import annotations

import re

import numpy as np
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


def root_of_squares(a, b):
    return sympy.sqrt(a**2 + b**2)


HYPOT = {
    "definition": root_of_squares,
    "derivatives": [lambda a, b: a / root_of_squares(a, b), lambda a, b: b / root_of_squares(a, b)],
    "cost": 10,
    "growth": "mixed",
    "symmetric": True,
}
SPELLED = "lib.sqrt({0}**2 + {1}**2)"
HELPER = 'def hypotenuse(a, b):\n    """Return the root."""\n    return (a.square() + b.square()).sqrt()\n'
HYPOT_KERNELS = {  # for torch; those of numpy and jax are spelled
    "function": ("torch.hypot({0}, {1})", ()),
    "arithmetic": ("torch.sqrt({0}**2 + {1}**2)", ()),
    "roots": ("torch.sqrt(torch.square({0}) + torch.square({1}))", ()),
    "methods": ("({0}.square() + {1}.square()).sqrt()", ()),
    "where": ("torch.where({0} > {1}, torch.hypot({0}, {1}), torch.hypot({1}, {0}))", ()),
    "helper": ("hypotenuse({0}, {1})", (("torch", HELPER),)),
    "bracketed": ("(torch.sqrt({0} * {0} + {1} * {1}) + 0)", ()),
}


def hypot_kernels(kind):
    template, helpers = HYPOT_KERNELS[kind]
    return Kernels(template, SPELLED.replace("lib", "np"), SPELLED.replace("lib", "jnp"), helpers)


@pytest.fixture(params=HYPOT_KERNELS)
def hypot(request):
    named("hypot", **HYPOT, kernels=hypot_kernels(request.param))
    yield "hypot"
    unregister("hypot")


USED = ["hypot(x, 2)", "hypot(-0.3, x)", "hypot(tanh(x), 1/3)", "x*hypot(alpha, 2)", "hypot(x, pi)", "hypot(x, x)"]


@pytest.mark.parametrize("text", USED)
def test_a_binary_primitive_with_a_number_is_what_its_definition_says_in_every_language_and_kind(hypot, text):
    from primitives import compile_expression, parse

    expression = parse(text)
    compiled = compile_expression(expression)
    x = np.array([-3.0, -1e-8, 0.5, 3.0, 41.7])
    wanted = spelled(text)(x)
    np.testing.assert_allclose(compiled.at(x), wanted, rtol=1e-15)  # a literal in float32 would be 1e-8 off
    np.testing.assert_allclose(compiled.numpy(x, *(v for _, v in expression.initial)), wanted, rtol=1e-15)
    for dtype in (torch.float32, torch.float64):
        values = [value.to(dtype) for value in compiled.initial]
        for result in compiled.value_and_slopes(torch.from_numpy(x).to(dtype), *values):
            assert result.dtype == dtype


def spelled(text):
    """Return a formula with hypot as a function of numpy."""
    names = {"hypot": np.hypot, "tanh": np.tanh, "pi": np.pi, "alpha": 1.0}
    return lambda x: eval(text, {**names, "x": x})


def test_a_binary_primitive_with_a_number_compiles_exports_stacks_and_has_a_second_derivative(hypot):
    from evaluators.training.cohort.kernels import runs_of
    from primitives import compile_expression, parse

    expression = parse("hypot(x, 2)*hypot(alpha, x); alpha=0.5")
    layer, x = compile_expression(expression).module(), torch.linspace(-3, 3, 12).view(4, 3)
    wanted = torch.hypot(x, torch.tensor(2.0)) * torch.hypot(x, torch.tensor(0.5))
    torch.testing.assert_close(layer(x), wanted)
    torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend="aot_eager")(x), wanted)
    torch.testing.assert_close(torch.export.export(layer, (x,)).module()(x), wanted)
    torch.testing.assert_close(torch.func.vmap(layer)(x), wanted)
    assert layer(x.bfloat16()).dtype == torch.bfloat16
    double = compile_expression(expression).module(dtype=torch.float64)
    torch.autograd.gradgradcheck(double, x.double().requires_grad_())
    (run,) = runs_of([expression, expression])
    columns = torch.tensor([[0.5], [1.5]])
    stacked = run.value(0)(torch.stack([x.view(-1)] * 2), columns)
    torch.testing.assert_close(stacked[0], wanted.view(-1))
    torch.testing.assert_close(stacked[1], (torch.hypot(x, torch.tensor(2.0)) * x.hypot(torch.tensor(1.5))).view(-1))


def test_a_maximum_with_a_number_is_a_clamp():
    from primitives import compile_expression, parse

    assert "torch.clamp(x, min=2)" in compile_expression(parse("max(x, 2)")).source
    assert "torch.clamp(x, max=2)" in compile_expression(parse("min(2, x)")).source


def torch_kernel(template):
    return {"symmetric": False, "kernels": Kernels(template, *(SPELLED.replace("lib", name) for name in ("np", "jnp")))}


WRONG_OF_TWO = {
    "as hypot(x, 2): AttributeError": {
        "symmetric": False,
        "kernels": Kernels(SPELLED.replace("lib", "torch"), "np.sqrt({0}**2 + {1}.astype(float)**2)", "{0}{1}"),
    },
    "as hypot(x, 2): the value at -200 is": torch_kernel("torch.where({1} == 2, {0}, torch.hypot({0}, {1}))"),
    "as hypot(2, x): the value at -200 is": torch_kernel("torch.where({0} == 2, {0}, torch.hypot({0}, {1}))"),
    "as hypot(x, -7/9): the value at -200 is": torch_kernel("torch.where({1} == -7 / 9, {0}, torch.hypot({0}, {1}))"),
    "as hypot(x, 2): it turns nan into a number": torch_kernel(
        "torch.where(({1} == 2) & torch.isnan({0}), 7.0, torch.hypot({0}, {1}))"
    ),
    "as hypot(x, 2): RuntimeError": torch_kernel("torch.stack([{0}, {1}]).norm(dim=0)"),
    "as hypot(x, x): the slope at": {
        "derivatives": [lambda a, b: get("sign").build(a - b) ** 2 * a / root_of_squares(a, b), HYPOT["derivatives"][1]]
    },
    "as hypot(x, alpha): a column of parameters": torch_kernel(
        "torch.hypot({0}, {1} if () in ({0}.shape, {1}.shape) or {1}.shape == {0}.shape else {1}.reshape(-1)[0])"
    ),
    "it has two arguments, and parity says something of one only": {"parity": "even"},
    "it has two arguments, and domain says something of one only": {"domain": "positive"},
    "it has two arguments, and native says something of one only": {"native": True},
    "it is not bounded": {"growth": "bounded"},
    "it is not monotone in its first argument": {"monotone": True},
}


@pytest.mark.parametrize("reason", WRONG_OF_TWO)
def test_a_wrong_primitive_of_two_arguments_is_refused_with_how_it_was_used(reason):
    try:
        with pytest.raises(PrimitiveError, match=re.escape(reason)):
            named("hypot", **{**HYPOT, "kernels": hypot_kernels("function"), **WRONG_OF_TWO[reason]})
    finally:
        if "hypot" in {p.name for p in all_primitives()}:
            unregister("hypot")


def test_the_symmetric_flag_must_be_true_and_belongs_to_two_arguments():
    times = Kernels(*["({0} * {0} * {1})"] * 3)
    wrong = {"definition": lambda a, b: a * a * b, "derivatives": [lambda a, b: 2 * a * b, lambda a, _: a * a]}
    with pytest.raises(PrimitiveError, match=re.escape("it is not symmetric: of (-30, -6.1) it is -5490 and of (-6.1")):
        named("lopsided", **wrong, kernels=times, cost=2, symmetric=True)
    with pytest.raises(PrimitiveError, match="only a binary primitive can be symmetric"):
        named("bump", **BUMP, symmetric=True)
    named("lopsided", **wrong, kernels=times, cost=2)
    unregister("lopsided")
