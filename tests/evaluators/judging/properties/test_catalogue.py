from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators import assess
from evaluators.judging.looks import GRID
from evaluators.judging.properties.catalogue import PROPERTIES
from evaluators.judging.properties.curve import DENSE, Curve
from evaluators.judging.properties.property import Property
from primitives import ActsearchError, library, parse, resolve
from search.space.describe import everything
from search.space.forest import look

KNOWN = {
    "relu": "monotone zero_at_zero",
    "leaky_relu": "monotone zero_at_zero",
    "elu": "monotone smooth zero_at_zero",
    "selu": "monotone zero_at_zero",
    "gelu": "smooth twice_differentiable zero_at_zero",
    "silu": "smooth twice_differentiable zero_at_zero",
    "mish": "smooth twice_differentiable zero_at_zero",
    "softplus": "positive monotone smooth twice_differentiable",
    "sigmoid": "bounded positive monotone smooth twice_differentiable",
    "tanh": "odd bounded monotone smooth twice_differentiable zero_at_zero",
    "softsign": "odd bounded monotone smooth zero_at_zero",
    "atan": "odd bounded monotone smooth twice_differentiable zero_at_zero",
    "asinh": "odd monotone smooth twice_differentiable zero_at_zero",
    "hardtanh": "odd bounded monotone zero_at_zero",
    "hardsigmoid": "bounded monotone",
    "relu6": "bounded monotone zero_at_zero",
    "abs": "even zero_at_zero",
    "gaussian": "even positive bounded smooth twice_differentiable",
    "squared_relu": "monotone smooth zero_at_zero",
    "sin(x)": "odd bounded smooth twice_differentiable zero_at_zero",
    "cos(x)": "even bounded smooth twice_differentiable",
    "sin(x) + 2": "bounded positive smooth twice_differentiable",
    "x*sin(x)": "even smooth twice_differentiable zero_at_zero",
    "x + sin(x)": "odd monotone smooth twice_differentiable zero_at_zero",
    "x**3": "odd monotone smooth twice_differentiable zero_at_zero",
    "x**5": "odd monotone smooth twice_differentiable zero_at_zero",
    "x**2": "even smooth twice_differentiable zero_at_zero",
    "x**2 + 0.5": "even positive smooth twice_differentiable",
    "exp(-x**4)": "even positive bounded smooth twice_differentiable",
    "cos(x)**2": "even bounded smooth twice_differentiable",
    "relu(x + 1.5)*gaussian(x)": "bounded",
    "log(1 + abs(x))": "even zero_at_zero",
    "log(1 + x**2)": "even smooth twice_differentiable zero_at_zero",
    "tanh(x) + 0.001*x": "odd monotone smooth twice_differentiable zero_at_zero",
    "tanh(30*x)": "odd bounded monotone smooth twice_differentiable zero_at_zero",
    "x*step(x - 0.3)": "monotone zero_at_zero",
    "-logsigmoid(x)": "monotone positive smooth twice_differentiable",
    "relu(x - 7.3)*0.1 + tanh(x)": "monotone zero_at_zero",
    "alpha*x + tanh(x); alpha=0.25": "odd monotone smooth twice_differentiable zero_at_zero",
}  # fmt: skip


def expression(text):
    return resolve(text) if text in library() else parse(text)


def exact(text):
    curve = Curve(expression(text))
    return {name for name, each in PROPERTIES.items() if each.holds(curve)}


def glance(text):
    ((_, looked),) = look([everything().tree(expression(text))])
    return {name for name, each in PROPERTIES.items() if each.likely(looked.looks)[0]}


@pytest.mark.parametrize("text", KNOWN)
def test_the_rules_say_of_known_functions_what_is_known_of_them(text):
    assert exact(text) == set(KNOWN[text].split())


@pytest.mark.parametrize("text", [text for text in KNOWN if text not in ("tanh(30*x)",)])
def test_a_glance_lets_everything_through_that_the_rules_do(text):
    """But for a bend within a sixteenth of a unit, as tanh(30*x) has it, which looks like a kink."""
    assert glance(text) >= set(KNOWN[text].split())


def test_a_glance_tells_nearly_as_much_of_the_whole_library():
    names = [name for name, entry in library().items() if assess(entry.expression).rejection is None]
    names = [name for name in names if everything().tree(library()[name].expression)]
    differ = {name: exact(name) ^ glance(name) for name in names}
    assert len(names) > 80
    assert sum(map(len, differ.values())) <= 8, {name: some for name, some in differ.items() if some}


CORES = st.sampled_from([text for text in KNOWN if ";" not in text])


@given(CORES, st.floats(0.3, 3).map(lambda number: round(number, 2)))
@settings(max_examples=30, deadline=None)
def test_a_positive_factor_and_a_stretch_change_no_property(text, factor):
    body = expression(text)
    scaled = parse(f"{factor}*({body.formula})")
    assert exact(str(scaled)) == exact(text)


@given(CORES)
@settings(max_examples=15, deadline=None)
def test_a_negative_factor_takes_positivity_alone(text):
    assert exact(f"-({expression(text).formula})") >= exact(text) - {"positive"}


def test_what_is_implied_and_excluded_is_so_of_every_known_function():
    for text, said in KNOWN.items():
        names = set(said.split())
        for name in names:
            assert set(PROPERTIES[name].implies) <= names, text
            assert not names & set(PROPERTIES[name].excludes), text


def test_the_grids_are_symmetric():
    for grid in (np.sort(GRID), DENSE):
        np.testing.assert_array_equal(grid, -grid[::-1])
        assert len(grid) % 2 == 1


def test_a_property_of_ones_own_is_told_where_it_fails():
    ((_, looked),) = look([everything().tree(parse("sin(x)"))])
    wrong = Property("mine", "", "it is not mine", lambda curve: 1 / 0, lambda looks: looks.values)
    for ask in (lambda: wrong.holds(Curve(parse("sin(x)"))), lambda: wrong.likely(looked.looks)):
        with pytest.raises(ActsearchError, match="property 'mine'"):
            ask()
    assert Property("mine", "", "", lambda curve: True).likely(looked.looks).all()
