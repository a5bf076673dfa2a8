from __future__ import annotations

import math

import pytest
from scipy import integrate, stats

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.features.feature import Subject
from primitives import parse, resolve


def value(name, text):
    return FEATURES[name].value(Subject(resolve(text) if text.isidentifier() else parse(text)))


def expect(function):
    return integrate.quad(lambda x: function(x) * stats.norm.pdf(x), -12, 12, points=[0], limit=200)[0]


def test_without_parameters_both_are_zero():
    assert value("parameter_count", "gelu") == value("parameter_effect", "gelu") == 0


def test_a_prelu_moves_its_left_half():
    assert value("parameter_count", "prelu") == 1
    assert value("parameter_effect", "prelu") == pytest.approx(1 / math.sqrt(1 + 0.25**2), abs=1e-6)


def test_of_several_parameters_it_is_the_mean():
    text = "beta*x + relu(x) + alpha; alpha=0.5; beta=0.2"
    second = expect(lambda x: (0.2 * x + max(0, x) + 0.5) ** 2)
    assert value("parameter_count", text) == 2
    assert value("parameter_effect", text) == pytest.approx(1 / math.sqrt(second), abs=1e-6)


def test_a_slope_within_a_sigmoid_agrees_with_adaptive_quadrature():
    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    moved = expect(lambda x: (x * x * sigmoid(1.5 * x) * sigmoid(-1.5 * x)) ** 2)
    second = expect(lambda x: (x * sigmoid(1.5 * x)) ** 2)
    found = value("parameter_effect", "x*sigmoid(alpha*x); alpha=1.5")
    assert found == pytest.approx(math.sqrt(moved / second), abs=1e-6)
