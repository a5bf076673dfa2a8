from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.features.feature import Subject
from primitives import parse, resolve

HERMITE, MASS = np.polynomial.hermite_e.hermegauss(120)
MASS = MASS / MASS.sum()


def value(name, text):
    return FEATURES[name].value(Subject(resolve(text) if text.isidentifier() else parse(text)))


def gelu(x):
    return x * stats.norm.cdf(x)


def softplus(x):
    return np.logaddexp(0, x)


def sin1(x):
    return np.sin(2 * x) + 0.5


def map_of(function, correlation):
    """C(c) by a product of two Gauss rules, which knows nothing of Hermite coefficients."""
    u, w = HERMITE[:, None], HERMITE[None]
    other = correlation * u + math.sqrt(1 - correlation**2) * w
    product = MASS @ (function(u) * function(other)) @ MASS
    return product / (MASS @ function(HERMITE) ** 2)


SMOOTH = {"gelu": gelu, "softplus": softplus, "sin(2*x) + 0.5": sin1, "tanh": np.tanh}


@pytest.mark.parametrize("text", SMOOTH)
def test_the_correlation_map_is_that_of_two_dimensional_quadrature(text):
    function = SMOOTH[text]
    slope = (map_of(function, 1e-4) - map_of(function, -1e-4)) / 2e-4
    assert value("correlation_slope", text) == pytest.approx(slope, abs=1e-6)
    point = value("correlation_point", text)
    assert map_of(function, point) == pytest.approx(point, abs=3e-4)
    before = np.linspace(0, 1, 200)[:-1]
    assert all(map_of(function, c) > c for c in before[before < point - 2e-3]), "it is the first such point"


def test_erf_has_its_closed_forms():
    """C(c) = asin(t c)/asin(t) with t = 2s^2/(1 + 2s^2) (Williams 1997)."""
    for s in (0.5, 2.0):
        t = 2 * s**2 / (1 + 2 * s**2)
        assert value("correlation_slope", f"erf({s}*x)") == pytest.approx(t / math.asin(t), abs=1e-9)
        assert value("correlation_point", f"erf({s}*x)") == pytest.approx(0, abs=1e-9)


def test_a_cosine_has_the_fixed_point_of_its_closed_form():
    square = 4.0
    wanted = optimize.brentq(lambda c: math.cosh(square * c) / math.cosh(square) - c, 0, 0.9)
    assert value("correlation_point", "cos(2*x)") == pytest.approx(wanted, abs=1e-6)


def test_relu_is_critical():
    assert value("correlation_slope", "relu") == pytest.approx(0.5, abs=1e-6)
    assert value("correlation_point", "relu") == pytest.approx(1.0, abs=3e-4)
    assert value("chi1", "relu") == pytest.approx(1.0, rel=1e-6)
    assert value("second_moment", "relu") == pytest.approx(0.5, rel=1e-6)
    assert value("mean_share", "relu") == pytest.approx(1 / math.pi, rel=1e-6)


def test_moments_agree_with_adaptive_quadrature():
    def expect(function):
        return integrate.quad(lambda x: function(x) * stats.norm.pdf(x), -12, 12, epsabs=1e-13)[0]

    second = expect(lambda x: gelu(x) ** 2)
    assert value("second_moment", "gelu") == pytest.approx(second, rel=1e-9)
    assert value("mean_share", "gelu") == pytest.approx(expect(gelu) ** 2 / second, rel=1e-9)
