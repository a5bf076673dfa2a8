from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.features.feature import Subject
from primitives import parse, resolve


def value(name, text):
    return FEATURES[name].value(Subject(resolve(text) if text.isidentifier() else parse(text)))


def expect(function):
    return integrate.quad(lambda x: function(x) * stats.norm.pdf(x), -12, 12, points=[0], limit=200)[0]


def gelu(x):
    return x * stats.norm.cdf(x)


# --- non_monotone ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["relu", "tanh", "elu", "softplus", "hardshrink", "leaky_relu", "x**3"])
def test_what_only_rises_never_turns_back(text):
    assert value("non_monotone", text) == 0


def test_a_gelu_falls_below_its_minimum():
    lowest = optimize.brentq(lambda x: stats.norm.cdf(x) + x * stats.norm.pdf(x), -2, 0)
    assert value("non_monotone", "gelu") == pytest.approx(stats.norm.cdf(lowest), abs=5e-4)
    assert value("non_monotone", "gelu(-x)") == pytest.approx(stats.norm.cdf(lowest), abs=5e-4)


def test_even_functions_turn_back_for_half_of_the_mass_and_a_sine_for_its_falling_parts():
    assert value("non_monotone", "abs") == pytest.approx(0.5, abs=1e-6)
    assert value("non_monotone", "x**2") == pytest.approx(0.5, abs=1e-6)
    turns = [(math.pi / 2 + 2 * math.pi * k, 3 * math.pi / 2 + 2 * math.pi * k) for k in range(-4, 4)]
    falling = sum(stats.norm.cdf(end / 2) - stats.norm.cdf(start / 2) for start, end in turns)
    assert value("non_monotone", "sin(2*x)") == pytest.approx(min(falling, 1 - falling), abs=1e-3)


# --- lipschitz ------------------------------------------------------------------------------


def test_the_lipschitz_constant_is_that_of_the_scaled_function():
    assert value("lipschitz", "relu") == pytest.approx(math.log(math.sqrt(2)), abs=1e-6)
    assert value("lipschitz", "tanh") == pytest.approx(-math.log(expect(lambda x: np.tanh(x) ** 2)) / 2, abs=1e-6)
    steepest = -optimize.minimize_scalar(
        lambda x: -(stats.norm.cdf(x) + x * stats.norm.pdf(x)), bounds=(0, 3), method="bounded"
    ).fun
    wanted = math.log(steepest / math.sqrt(expect(lambda x: gelu(x) ** 2)))
    assert value("lipschitz", "gelu") == pytest.approx(wanted, abs=1e-5)
    assert value("lipschitz", "x**3") == pytest.approx(math.log(min(64, 192 / math.sqrt(15))), abs=1e-6)


def test_a_jump_has_the_cap_and_scaling_changes_nothing():
    for text in ("hardshrink", "x*step(x - 0.3)", "sin(500*x)", "sign(x) + x"):
        assert value("lipschitz", text) == pytest.approx(math.log(64)), text
    assert value("lipschitz", "1e-9*gelu(x)") == pytest.approx(value("lipschitz", "gelu"), abs=1e-6)
    assert value("lipschitz", "1e9*gelu(x)") == pytest.approx(value("lipschitz", "gelu"), abs=1e-6)
    assert value("lipschitz", "1000000 + tanh(x)") == pytest.approx(-math.log(64)), "nothing but an offset"


# --- oddness --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("tanh", 1), ("x**3", 1), ("tanh(x) + 5", 1), ("abs", 0), ("cos(x)", 0), ("gaussian(x)", 0)],
)
def test_odd_and_even_functions_are_told_apart(text, wanted):
    assert value("oddness", text) == pytest.approx(wanted, abs=1e-9)


def test_mixed_functions_have_the_share_of_their_odd_part():
    assert value("oddness", "relu") == pytest.approx(0.25 / (0.5 - 1 / math.tau), abs=1e-6)
    variance = expect(lambda x: gelu(x) ** 2) - expect(gelu) ** 2
    assert value("oddness", "gelu") == pytest.approx(0.25 / variance, abs=1e-9)
    a2 = 0.25
    assert value("oddness", "exp(0.5*x)") == pytest.approx(
        (math.exp(2 * a2) - 1) / 2 / (math.exp(2 * a2) - math.exp(a2)), abs=1e-9
    )


# --- kinks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["tanh", "gelu", "silu", "sin(2*x)", "softplus", "x**3", "gaussian(x)"])
def test_a_smooth_function_has_no_kink(text):
    assert value("kinks", text) < 2e-3


@pytest.mark.parametrize(
    ("text", "jump", "square"),
    [
        ("relu", 1, 1 / 2),
        ("abs", 2, 1),
        ("leaky_relu", 0.99, (1 + 1e-4) / 2),
        ("max(-1, min(1, x))", 1, 2 * stats.norm.cdf(1) - 1),
        ("x + 3*relu(x - 0.51)", 3, 1 + 15 * stats.norm.sf(0.51)),
    ],
)
def test_a_kink_has_its_closed_form(text, jump, square):
    size = math.sqrt(square)
    assert value("kinks", text) == pytest.approx(jump / (jump + size), abs=3e-3)
