from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, special

from evaluators.judging.features.feature import Subject
from evaluators.theory.hermite import basis, fixed_point
from primitives import library, parse, resolve


def shares(text):
    return Subject(resolve(text) if text.isidentifier() else parse(text)).rows.hermite_shares[0]


def test_the_polynomials_are_those_of_scipy():
    nodes = np.linspace(-4, 4, 9)
    found = basis(nodes, 12)
    for k in range(13):
        wanted = special.eval_hermitenorm(k, nodes) / math.sqrt(math.factorial(k))
        np.testing.assert_allclose(found[:, k], wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("b", [0.5, 1.0, 2.0])
def test_a_cosine_has_its_closed_form(b):
    """E[cos(bu)cos(bv)] = exp(-b^2) cosh(b^2 c), so the share of degree 2k is b^4k/(2k)!/cosh(b^2)."""
    wanted = [b ** (2 * k) / math.factorial(k) / math.cosh(b**2) if k % 2 == 0 else 0.0 for k in range(33)]
    np.testing.assert_allclose(shares(f"cos({b}*x)"), wanted, atol=1e-9)


def test_relu_has_the_first_terms_of_the_arc_cosine_kernel():
    """C(c) = (sqrt(1 - c^2) + c(pi - acos c))/pi (Cho & Saul 2009)."""
    np.testing.assert_allclose(shares("relu")[:5], [1 / math.pi, 0.5, 1 / math.tau, 0, 1 / (24 * math.pi)], atol=1e-6)


def test_shares_are_positive_and_sum_to_1_at_most():
    for name in library():
        found = shares(name)
        assert found.min() >= 0
        assert found.sum() <= 1 + 1e-9, name


@pytest.mark.parametrize("a", [1.1, 1.5, 2.0])
def test_the_fixed_point_of_an_exponential_is_that_of_lamberts_w(a):
    """E[exp(au)exp(av)] = exp(a^2(1 + c)), so C(c) = exp(a^2(c - 1)), which rises with a^2 at 1."""
    square = a**2
    degrees = np.arange(33)
    poisson = np.exp(-square + degrees * np.log(square) - special.gammaln(degrees + 1))
    wanted = -special.lambertw(-square * math.exp(-square)).real / square
    found = fixed_point(poisson[None], np.array([square]))
    assert found[0] == pytest.approx(wanted, abs=3e-4)


def test_inputs_merge_where_gradients_do_not_grow():
    found = fixed_point(np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]]), np.array([0.7, 1.0]))
    assert found[0] == pytest.approx(1.0, abs=3e-4)
    assert found[1] == 0.0, "of a straight line through 0 every correlation is one, and the smallest counts"


def test_any_map_of_positive_shares_is_at_its_fixed_point():
    draw = np.random.default_rng(0)
    rows = draw.dirichlet(np.full(12, 0.4), size=200)
    slopes = rows @ np.arange(12)
    for row, slope, found in zip(rows, slopes, fixed_point(rows, slopes), strict=True):
        gap = np.polynomial.Polynomial(row) - np.polynomial.Polynomial([0, 1])
        wanted = optimize.brentq(gap, 0, 1 - 1e-6) if slope > 1 and gap(1 - 1e-6) < 0 else 1.0
        assert found == pytest.approx(wanted, abs=3e-3)
