from __future__ import annotations

import math

import pytest

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.features.feature import Subject
from primitives import parse, resolve


def value(name, text):
    return FEATURES[name].value(Subject(resolve(text) if text.isidentifier() else parse(text)))


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("relu", 0, 1),
        ("elu", 0, 1),
        ("tanh", 0, 0),
        ("gelu", 0, 1),
        ("x**3", 3, 3),
        ("x**2 + x", 2, 2),
        ("asinh(x)", 0, 0),
        ("sqrt(abs(x))", 0.5, 0.5),
        ("relu(x)**2 + min(x, 0)", 1, 2),
        ("softsign(x)", 0, 0),
    ],
)
def test_the_exponents_are_the_known_ones(text, left, right):
    assert value("left_growth", text) == pytest.approx(left, abs=0.02)
    assert value("right_growth", text) == pytest.approx(right, abs=0.02)


@pytest.mark.parametrize(
    ("text", "left", "right", "second"),
    [
        ("relu", 0, 100, 1 / 2),
        ("leaky_relu", 1, 100, (1 + 1e-4) / 2),
        ("abs", 100, 100, 1),
        ("relu(-x)", 100, 0, 1 / 2),
        ("x**3", 7e6, 7e6, 15),
    ],
)
def test_the_balance_has_its_closed_form(text, left, right, second):
    wanted = (right - left) / (right + left + 0.1 * math.sqrt(second))
    assert value("tail_balance", text) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("text", ["tanh", "sigmoid", "softsign(x)", "gaussian(x)", "x*gaussian(x)", "atan(x) + 3"])
def test_what_settles_on_both_sides_is_balanced(text):
    assert value("tail_balance", text) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [("elu(x)", "elu(-x)"), ("relu(x)**2 + min(x, 0)", "relu(-x)**2 + min(-x, 0)"), ("softplus(x)", "softplus(-x)")],
)
def test_the_mirrored_function_has_the_tails_exchanged(text, mirrored):
    assert value("left_growth", mirrored) == pytest.approx(value("right_growth", text))
    assert value("tail_balance", mirrored) == pytest.approx(-value("tail_balance", text))
