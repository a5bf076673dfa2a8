from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies

from evaluators import assess
from primitives import IdentityIndex, fingerprint, parse, resolve, simplify, unscaled
from tests.strategies import expressions


def index_of(*texts, absorbed=False):
    index = IdentityIndex()
    for number, text in enumerate(texts, start=1):
        index.add(number, resolve(text).key, fingerprint(resolve(text), absorbed=absorbed))
    return index


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("silu", "x*sigmoid(x)"),
        ("x*exp(-x**2/2)", "x*gaussian(x)"),
        ("softplus(x)", "x - logsigmoid(x)"),
        ("relu(x)", "(x + abs(x))/2"),
        ("alpha*x + relu(x)*(1 - alpha); alpha=0.25", "prelu"),
        ("sin(x)**2", "1 - cos(x)**2"),
    ],
)
def test_the_same_function_written_otherwise_is_found(one, other):
    assert index_of(one).find_values(fingerprint(resolve(other))) == 1


MOVED = [  # equal at the initial values, different once training moves them
    ("relu(alpha)*sin(x); alpha=0.25", "alpha*sin(x); alpha=0.25"),
    ("abs(alpha)*sin(x); alpha=0.25", "alpha*sin(x); alpha=0.25"),
    ("x*max(alpha, 0.5) + relu(x)", "alpha*x + relu(x)"),
    ("sin(x*abs(alpha))", "sin(alpha*x)"),
    ("alpha*relu(x) + beta*relu(-x) + (alpha - beta)**2*tanh(x)", "alpha*relu(x) + beta*relu(-x)"),
]


@pytest.mark.parametrize("text", [one for one, _ in MOVED])
def test_simplifying_keeps_what_a_parameter_does_when_it_moves(text):
    assert simplify(parse(text)) == parse(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("relu", "relu6"),
        ("prelu", "relu(x) + 0.25*(x - relu(x))"),
        ("gelu", "x*sigmoid(1.702*x)"),
        ("tanh", "erf(x)"),
        ("x", "x + sin(20*pi*x)"),
        ("x*step(abs(x) - 0.52)", "x*step(abs(x) - 0.68)"),
        ("log_abs(x)", "log(abs(x))"),
        *MOVED,
    ],
)
def test_different_functions_are_kept_apart(one, other):
    assert index_of(one).find_values(fingerprint(resolve(other))) is None


@pytest.mark.parametrize(
    "text", ["relu(x)", "sin(x)", "x*tanh(x)", "alpha*x + relu(x)", "alpha*elu(x) + beta*sin(x); alpha=0.2; beta=0.7"]
)
def test_an_absorbed_print_ignores_scale_sign_shift_and_reflection_and_nothing_else(text):
    formula, *values = text.split("; ")
    given = "".join(f"; {value}" for value in values)
    wanted = fingerprint(parse(text), absorbed=True)
    for outer in ("-3*({})", "({}) + 1", "0.01*({}) - 7"):
        for inner in ("x", "(-x)"):
            same = parse(outer.format(formula.replace("x", inner)) + given)
            np.testing.assert_allclose(fingerprint(same, absorbed=True), wanted, atol=1e-9)
    for other in (f"({formula})**2", formula.replace("x", "(x + 0.01)"), f"({formula}) + 0.001*tanh(x**2)"):
        assert np.abs(fingerprint(parse(other + given), absorbed=True) - wanted).max() > 1e-4


FUNCTIONS = ["relu(x)", "relu(x)*1", "(x + abs(x))/2", "sin(x)", "alpha*sin(x)", "beta*sin(x)"]
ASKED = {text: (parse(text), fingerprint(parse(text))) for text in FUNCTIONS}
STEPS = strategies.tuples(
    strategies.sampled_from(["add", "add without a print"]),
    strategies.integers(1, 5),
    strategies.sampled_from(FUNCTIONS),
)


@given(strategies.lists(STEPS, max_size=14))
def test_the_index_knows_what_was_added_last_under_each_id_whatever_the_order(steps):
    """The model: what each id stands for now. Nothing that another id stands for is lost or left behind."""
    index, model = IdentityIndex(), {}
    for step, identifier, text in steps:
        expression, print_ = ASKED[text]
        print_ = print_ if step == "add" else None
        index.add(identifier, expression.key, print_)
        model[identifier] = expression.key, print_
        for asked, there in ASKED.values():
            same = [i for i, (key, _) in model.items() if key == asked.key]
            near = [i for i, (_, p) in model.items() if p is not None and p.size == there.size]
            near = [i for i in near if np.abs(model[i][1] - there).max() <= 1e-6]
            assert index.find_structure(asked.key) == min(same, default=None)
            assert (index.find_values(there) in near) if near else (index.find_values(there) is None)


@settings(max_examples=60)
@given(expressions)
def test_simplifying_keeps_values_and_never_grows(expression):
    assume(assess(expression).rejection is None)
    shorter = simplify(expression)
    assert shorter.complexity <= expression.complexity
    np.testing.assert_allclose(fingerprint(shorter), fingerprint(expression), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sin(min(x, relu(x))) + relu(x**2)", "x**2 + sin(x)"),
        ("max(x, relu(x))", "relu(x)"),
        ("abs(gaussian(x))*x", "x*gaussian(x)"),
        ("x*tanh(softplus(x))", "mish(x)"),
    ],
)
def test_simplifying_finds_the_short_form(text, wanted):
    assert str(simplify(parse(text))) == wanted


def test_unscaling_drops_a_common_factor_only():
    assert str(unscaled(parse("-0.47*x**2"))) == "x**2"
    assert str(unscaled(parse("2*relu(x) - 2*sin(x)"))) == "relu(x) - sin(x)"
    assert str(unscaled(parse("2*relu(x) - sin(x)"))) == "2*relu(x) - sin(x)"


@pytest.mark.parametrize("absorbed", [False, True])
def test_equal_values_with_another_slope_are_another_function(absorbed):
    one, other = (fingerprint(parse(text), absorbed=absorbed) for text in ("x*round(x)", "x*round_ste(x)"))
    assert one.shape != other.shape
    again = fingerprint(parse("round_ste(x)*x"), absorbed=absorbed)
    np.testing.assert_allclose(other, again)
    assert simplify(parse("floor_ste(x) - floor(x) + x")) == parse("floor_ste(x) - floor(x) + x")


def test_a_straight_through_function_scaled_and_mirrored_is_the_same_where_that_is_absorbed():
    texts = ("x + floor_ste(x)", "-2*x - 2*floor_ste(x) + 3")
    np.testing.assert_allclose(*(fingerprint(parse(text), absorbed=True) for text in texts), atol=1e-9)
