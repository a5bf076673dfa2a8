from __future__ import annotations

import math

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from evaluators.instruments.measures import measure
from evaluators.theory.density import parse_density
from evaluators.theory.meanfield import mean_field
from evaluators.theory.quadrature import Samples, quadrature, sample
from primitives import library, parse, resolve

# Shares of the output variance that no line explains for N(0, 0.139^2), from notes on the published
# training logs; of the smooth ones the last digit is rounded down there, mpmath says .02313, .01056, .00939.
AT_SMALL_SCALE = {
    "relu": 0.2665, "crrelu": 0.2591, "leaky_relu": 0.2588, "prelu": 0.1157,
    "gelu": 0.0230, "mish": 0.0105, "silu": 0.0093, "elu": 0.0026,
}  # fmt: skip


def nonlinearity(name, deviation):
    return measure(resolve(name), parse_density(f"normal(0, {deviation})")).mean_field.nonlinearity


@pytest.mark.parametrize(("name", "wanted"), AT_SMALL_SCALE.items())
def test_the_nonlinearity_at_a_small_scale_is_the_known_one(name, wanted):
    assert nonlinearity(name, 0.139) == pytest.approx(wanted, abs=1.5e-4)


def test_relu_has_its_closed_forms_at_every_scale():
    for deviation in (1.0, 0.139, 20.0):
        found = mean_field(sample(resolve("relu"), quadrature(parse_density(f"normal(0, {deviation})"))))
        assert found.second_moment == pytest.approx(deviation**2 / 2, rel=1e-6)
        assert found.mean_share == pytest.approx(1 / math.pi, rel=1e-6)
        assert found.chi1 == pytest.approx(1.0, rel=1e-6)
        assert found.linear_share == pytest.approx(math.pi / (2 * math.pi - 2), rel=1e-6)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu", "abs"])
def test_two_straight_branches_neither_grow_nor_shrink_gradients(name):
    for deviation in (1.0, 0.139):
        found = mean_field(sample(resolve(name), quadrature(parse_density(f"normal(0, {deviation})"))))
        assert found.chi1 == pytest.approx(1.0, rel=1e-6)


def test_a_jump_explodes_gradients():
    assert mean_field(sample(resolve("hardshrink"))).chi1 > 50


def test_a_straight_line_is_all_linear_and_its_offset_is_mean():
    found = mean_field(sample(parse("3*x + 4")))
    assert found.second_moment == pytest.approx(25)
    assert found.mean_share == pytest.approx(16 / 25)
    assert found.chi1 == pytest.approx(9 / 25)
    assert found.nonlinearity == pytest.approx(0.0, abs=1e-12)


def test_erf_has_its_closed_forms():
    """E[erf(sX)^2] = 2/pi asin(2s^2/(1+2s^2)), E[erf'^2] = 4/(pi sqrt(1+4s^2)), E[X erf(sX)] = 2s/sqrt(pi(1+2s^2))."""
    for s in (1.0, 0.3):
        found = mean_field(sample(parse(f"erf({s}*x)")))
        second = 2 / math.pi * math.asin(2 * s**2 / (1 + 2 * s**2))
        assert found.second_moment == pytest.approx(second, rel=1e-9)
        assert found.mean_share == pytest.approx(0.0, abs=1e-12)
        assert found.chi1 == pytest.approx(4 * s**2 / (math.pi * math.sqrt(1 + 4 * s**2)) / second, rel=1e-6)
        assert found.linear_share == pytest.approx(4 * s**2 / (math.pi * (1 + 2 * s**2)) / second, rel=1e-9)


def test_the_nonlinearity_of_gelu_at_a_small_scale_agrees_with_mpmath():
    deviation = mpmath.mpf("0.139")

    def expect(function):
        return mpmath.quad(lambda x: function(x) * mpmath.npdf(x, 0, deviation), [-2, -0.5, 0, 0.5, 2])

    def gelu(x):
        return x * mpmath.ncdf(x)

    spread = expect(lambda x: gelu(x) ** 2) - expect(gelu) ** 2
    wanted = 1 - expect(lambda x: x * gelu(x)) ** 2 / (deviation**2 * spread)
    assert nonlinearity("gelu", 0.139) == pytest.approx(float(wanted), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "function", "slope"),
    [
        ("tanh", math.tanh, lambda x: 1 - math.tanh(x) ** 2),
        ("softplus", lambda x: math.log1p(math.exp(x)), special.expit),
        ("gaussian", lambda x: math.exp(-(x**2) / 2), lambda x: -x * math.exp(-(x**2) / 2)),
    ],
)
def test_it_agrees_with_adaptive_quadrature(name, function, slope):
    def expect(integrand):
        return integrate.quad(lambda x: integrand(x) * stats.norm.pdf(x), -12, 12, epsabs=1e-13)[0]

    found = mean_field(sample(resolve(name)))
    mean, second = expect(function), expect(lambda x: function(x) ** 2)
    assert found.second_moment == pytest.approx(second, rel=1e-9)
    assert found.mean_share == pytest.approx(mean**2 / second, abs=1e-12)
    assert found.chi1 == pytest.approx(expect(lambda x: slope(x) ** 2) / second, rel=1e-6)
    line = expect(lambda x: x * function(x))
    assert found.linear_share == pytest.approx(line**2 / (second - mean**2), abs=1e-9)


@settings(max_examples=30)
@given(
    st.sampled_from([name for name in library() if name != "siren"]),
    st.floats(0.01, 100).flatmap(lambda s: st.sampled_from([s, -s])),
)
def test_shares_and_chi1_do_not_change_under_scaling_of_the_output_and_shares_lie_in_0_1(name, scale):
    samples = sample(library()[name].expression)
    one = mean_field(samples)
    other = mean_field(Samples(scale * samples.values, scale * samples.slopes))
    assert other.second_moment == pytest.approx(scale**2 * one.second_moment, rel=1e-9)
    for field in ("mean_share", "chi1", "linear_share"):
        assert getattr(other, field) == pytest.approx(getattr(one, field), rel=1e-9, abs=1e-9)
    assert 0 <= one.mean_share <= 1 + 1e-12
    assert 0 <= one.linear_share <= 1
