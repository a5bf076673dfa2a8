from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.features.feature import Subject
from evaluators.judging.features.linearity import line_share
from primitives import parse, resolve

SCALES = {"linear_share": 1.0, "linear_share_narrow": 0.3, "linear_share_wide": 3.0}
FUNCTIONS = {
    "silu": lambda x: x * special.expit(x),
    "gelu": lambda x: x * stats.norm.cdf(x),
    "tanh": np.tanh,
    "x**2 + x": lambda x: x**2 + x,
}


def value(name, text):
    return FEATURES[name].value(Subject(resolve(text) if text.isidentifier() else parse(text)))


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize(("name", "scale"), SCALES.items())
def test_the_share_is_that_of_adaptive_quadrature(name, scale, text):
    function = FUNCTIONS[text]

    def expect(integrand):
        ends = -12 * scale, 12 * scale
        return integrate.quad(lambda x: integrand(x) * stats.norm.pdf(x, 0, scale), *ends, points=[0], limit=200)[0]

    variance = expect(lambda x: function(x) ** 2) - expect(function) ** 2
    wanted = expect(lambda x: x * function(x)) ** 2 / (scale**2 * variance)
    assert value(name, text) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("name", "scale"), SCALES.items())
def test_erf_and_relu_have_their_closed_forms(name, scale):
    """E[erf(sX)^2] = 2/pi asin(2s^2/(1 + 2s^2)) and E[X erf(sX)]^2 = 4s^2/(pi(1 + 2s^2))."""
    twice = 2 * scale**2
    wanted = 2 * twice / (1 + twice) / (2 * math.asin(twice / (1 + twice)))
    assert value(name, "erf(x)") == pytest.approx(wanted, abs=1e-6)
    assert value(name, "relu") == pytest.approx(math.pi / (2 * math.pi - 2), abs=1e-6)


def test_what_does_not_vary_is_a_line():
    nodes, weights = np.linspace(-1, 1, 5), np.full(5, 0.2)
    found = line_share(np.stack([np.full(5, 3.0), nodes, nodes**2]), nodes, weights)
    assert found == pytest.approx([1.0, 1.0, 0.0])
    assert value("linear_share_narrow", "relu(x - 4)") == 1.0
