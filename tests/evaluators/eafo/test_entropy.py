from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from evaluators.eafo.entropy import CEILING, NOISE, standardised_entropy
from evaluators.quadrature import NORMAL, Samples, gain, sample
from primitives import library, parse, resolve

NODES = NORMAL.nodes
REFERENCES = [name for name in library() if name not in ("identity", "telu", "golu")]


def entropy(function):
    values = function(NODES)
    return standardised_entropy(Samples(values, np.zeros_like(values)))


@settings(max_examples=40)
@given(
    st.sampled_from(REFERENCES),
    st.floats(0.01, 100).flatmap(lambda s: st.sampled_from([s, -s])),
    st.floats(-50, 50),
)
def test_it_does_not_change_under_scaling_shifting_and_reflection_of_the_output(name, scale, shift):
    values = sample(library()[name].expression).values
    one = standardised_entropy(Samples(values, values))
    other = standardised_entropy(Samples(scale * values + shift, values))
    assert other == pytest.approx(one, abs=5e-4)


def test_a_linear_activation_reaches_the_ceiling_and_nothing_exceeds_it():
    assert entropy(lambda x: 3 * x - 1) == pytest.approx(CEILING, abs=1e-6)
    assert pytest.approx(0.5 * math.log(2 * math.pi * math.e * 1.01)) == CEILING
    for name in REFERENCES:
        assert standardised_entropy(sample(library()[name].expression)) < CEILING


def test_a_constant_has_the_entropy_of_the_noise_alone():
    assert entropy(lambda x: 0 * x + 7) == pytest.approx(0.5 * math.log(2 * math.pi * math.e * NOISE**2), abs=1e-3)


def test_a_uniform_output_matches_quadrature_of_the_smoothed_uniform():
    half = math.sqrt(3.0)  # a uniform of unit variance, smoothed by the noise

    def density(u):
        return (stats.norm.cdf((u + half) / NOISE) - stats.norm.cdf((u - half) / NOISE)) / (2 * half)

    wanted, _ = integrate.quad(lambda u: -density(u) * math.log(density(u)), -half - 0.8, half + 0.8, limit=200)
    assert entropy(stats.norm.cdf) == pytest.approx(wanted, abs=1e-4)


def test_two_atoms_match_quadrature_of_the_two_bumps():
    def density(u):
        return 0.5 * (stats.norm.pdf(u, 1, NOISE) + stats.norm.pdf(u, -1, NOISE))

    wanted, _ = integrate.quad(lambda u: -density(u) * math.log(density(u)), -2, 2, limit=400, points=[-1, 0, 1])
    assert entropy(lambda x: np.where(x > 0, 1.0, -1.0)) == pytest.approx(wanted, abs=2e-3)


def test_relu_matches_quadrature_of_atom_and_tail_together():
    mean, second = 1 / math.sqrt(2 * math.pi), 0.5
    spread = math.sqrt(second - mean**2)
    at, width = -mean / spread, 1 / spread

    def density(u):
        # atom of mass 1/2 at `at`, plus half a normal of scale `width` from there on, both smoothed
        total = math.hypot(width, NOISE)
        location = (u - at) * width**2 / total**2
        tail = stats.norm.pdf(u - at, 0, total) * stats.norm.cdf(location / (width * NOISE / total))
        return 0.5 * stats.norm.pdf(u, at, NOISE) + tail

    def integrand(u):
        return -density(u) * math.log(density(u))

    wanted, _ = integrate.quad(integrand, at - 0.9, at + 8 * width, limit=400, points=[at, at + 0.3])
    assert standardised_entropy(sample(resolve("relu"))) == pytest.approx(wanted, abs=3e-4)


@pytest.mark.parametrize(
    ("name", "second"),
    [("relu", 0.5), ("identity", 1.0), ("leaky_relu", 0.5 * (1 + 1e-4)), ("squared_relu", 1.5)],
)
def test_the_gain_is_one_over_the_root_of_the_closed_second_moment(name, second):
    assert gain(sample(resolve(name))) == pytest.approx(1 / math.sqrt(second), rel=1e-7)


@pytest.mark.parametrize("name", ["tanh", "gelu", "mish", "sigmoid", "hardswish"])
def test_the_gain_agrees_with_adaptive_quadrature(name):
    layer = sample(resolve(name))
    wanted, _ = integrate.quad(
        lambda x: float(np.interp(x, NODES, layer.values)) ** 2 * stats.norm.pdf(x), -8, 8, limit=400
    )
    assert gain(layer) == pytest.approx(1 / math.sqrt(wanted), rel=1e-5)


def test_the_quadrature_integrates_even_moments_of_the_normal():
    for power, moment in {0: 1, 2: 1, 4: 3, 6: 15, 8: 105}.items():
        assert NORMAL.expectation(NODES**power) == pytest.approx(moment, rel=1e-9)


def test_the_published_crrelu_moves_relu_the_way_the_theory_says():
    """A small positive eps raises the entropy of the x > 0 branch, so descent wants eps < 0 (EAFO 1.4)."""
    half = np.abs(NODES)

    def branch(eps):
        return standardised_entropy(Samples(half + eps * half * np.exp(-(half**2) / 2), half))

    assert branch(-0.1) < branch(0.0) < branch(0.1)
    assert parse("relu(x) + epsilon*x*gaussian(x)").parameters == {"epsilon": 1.0}
