from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from evaluators.theory.density import parse_density
from evaluators.theory.entropy import (
    CEILING,
    NOISE,
    along,
    descent,
    output,
    raw_entropy,
    raw_variation,
    standardised_entropy,
    variation,
)
from evaluators.theory.quadrature import NORMAL, Samples, gain, quadrature, sample
from primitives import ActsearchError, library, parse, resolve

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
    assert other == pytest.approx(one, abs=2e-6)


def test_a_linear_activation_reaches_the_ceiling_and_nothing_exceeds_it():
    assert entropy(lambda x: 3 * x - 1) == pytest.approx(CEILING, abs=1e-6)
    assert pytest.approx(0.5 * math.log(2 * math.pi * math.e * 1.01)) == CEILING
    for name in REFERENCES:
        assert standardised_entropy(sample(library()[name].expression)) < CEILING


def test_a_constant_has_the_entropy_of_the_noise_alone():
    assert entropy(lambda x: 0 * x + 7) == pytest.approx(0.5 * math.log(2 * math.pi * math.e * NOISE**2), abs=1e-9)


def test_a_uniform_output_matches_quadrature_of_the_smoothed_uniform():
    half = math.sqrt(3.0)  # a uniform of unit variance, smoothed by the noise

    def density(u):
        return (stats.norm.cdf((u + half) / NOISE) - stats.norm.cdf((u - half) / NOISE)) / (2 * half)

    wanted, _ = integrate.quad(lambda u: -density(u) * math.log(density(u)), -half - 0.8, half + 0.8, limit=200)
    assert entropy(stats.norm.cdf) == pytest.approx(wanted, abs=1e-7)


def test_two_atoms_match_quadrature_of_the_two_bumps():
    def density(u):
        return 0.5 * (stats.norm.pdf(u, 1, NOISE) + stats.norm.pdf(u, -1, NOISE))

    wanted, _ = integrate.quad(lambda u: -density(u) * math.log(density(u)), -2, 2, limit=400, points=[-1, 0, 1])
    assert entropy(lambda x: np.where(x > 0, 1.0, -1.0)) == pytest.approx(wanted, abs=1e-6)


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
    assert standardised_entropy(sample(resolve("relu"))) == pytest.approx(wanted, abs=3e-6)


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


# --- raw entropy ----------------------------------------------------------------------------

CLOSED = [  # input, activation, entropy in nats
    ("normal", "x", stats.norm().entropy()),
    ("normal", "3*x - 1", stats.norm(0, 3).entropy()),
    ("normal", "0.5 + 0.5*erf(x/sqrt(2))", 0.0),
    ("logistic", "sigmoid(x)", 0.0),
    ("logistic", "x", 2.0),
    ("laplace", "x", 1 + math.log(2)),
    ("student", "x", stats.t(5).entropy()),
    ("normal", "exp(x)", stats.lognorm(1).entropy()),
    ("normal", "abs(x)", stats.halfnorm().entropy()),
    ("normal", "x**2", stats.chi2(1).entropy()),
    ("logistic(0, 0.5)", "(1 + tanh(x))/2", 0.0),
    ("normal(0, 0.139)", "x", stats.norm(0, 0.139).entropy()),
]


def under(text):
    return quadrature(parse_density(text))


@pytest.mark.parametrize(("density", "formula", "wanted"), CLOSED)
def test_raw_entropy_matches_closed_forms_also_at_folds(density, formula, wanted):
    tolerance = 5e-4 if formula == "x**2" else 2e-5
    assert raw_entropy(sample(parse(formula), under(density))).value == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize(
    ("formula", "published"),
    [("sigmoid(1.702*x)", -0.0100), ("sigmoid(x)", -0.193), ("0.5 + 0.5*tanh(x)", -0.0233), ("elu(x)", 1.020),
     ("softplus(x)", 0.613), ("0.25*x + 0.75*relu(x)", 0.726), ("0.01*x + 0.99*relu(x)", -0.884)],
)  # fmt: skip
def test_raw_entropy_of_invertible_functions_is_that_of_the_input_plus_the_mean_log_slope(formula, published):
    found = raw_entropy(sample(parse(formula))).value
    slopes = sample(parse(formula)).slopes
    assert found == pytest.approx(stats.norm().entropy() + NORMAL.expectation(np.log(slopes)), abs=2e-3)
    assert found == pytest.approx(published, abs=5e-4 * 10)


def test_an_atom_makes_the_raw_entropy_minus_infinity_and_is_told():
    found = raw_entropy(sample(resolve("relu")))
    assert (found.value, found.limit) == (-math.inf, -math.inf)
    assert found.atom == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(ActsearchError, match=r"0\.5 of the output's mass lies on single points"):
        raw_variation(sample(resolve("relu")), NODES)


@pytest.mark.parametrize("name", ["gelu", "tanh", "softplus", "asinh", "gcu", "squ"])
def test_the_standardised_entropy_tends_to_its_limit_as_the_noise_shrinks(name):
    layer = sample(resolve(name))
    limit = raw_entropy(layer).limit
    gaps = [abs(standardised_entropy(layer, noise) - limit) for noise in (0.1, 0.03, 0.01)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.45 * gaps[0]  # with folds like the root of the noise, without faster
    assert gaps[2] < (0.15 if name in ("gelu", "gcu", "squ") else 0.02)


def test_with_an_atom_it_falls_without_end():
    layer = sample(resolve("relu"))
    fall = standardised_entropy(layer, 0.01) - standardised_entropy(layer, 0.1)
    assert fall == pytest.approx(0.5 * math.log(0.1), abs=0.15)


# --- the first variation --------------------------------------------------------------------

BUMP = NODES * np.exp(-(NODES**2) / 2)
VARIED = ["softplus", "tanh", "sigmoid", "asinh", "squ", "gelu", "relu", "leaky_relu", "gcu"]


@pytest.mark.parametrize("density", ["normal", "logistic", "student", "0.5*normal(-2, 0.7) + 0.5*normal(1, 1)"])
@pytest.mark.parametrize("name", VARIED)
def test_the_score_form_agrees_with_finite_differences(name, density):
    layer = sample(resolve(name), under(density))
    nodes = layer.under.nodes
    for direction in (nodes * np.exp(-(nodes**2) / 2), np.tanh(nodes) ** 2, layer.values * np.exp(-(nodes**2))):
        h = 1e-3
        measured = float(np.diff(along(layer, direction, np.array([-h, h])))[0]) / (2 * h)
        assert variation(layer, direction) == pytest.approx(measured, rel=2e-3, abs=2e-4)


@pytest.mark.parametrize("name", VARIED)
def test_scaling_and_shifting_the_output_change_nothing_to_first_order(name):
    layer = sample(resolve(name))
    assert variation(layer, np.ones_like(NODES)) == pytest.approx(0.0, abs=1e-9)
    assert variation(layer, layer.values) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", VARIED)
def test_a_small_step_of_steepest_descent_lowers_the_entropy_by_the_squared_gradient(name):
    layer = sample(resolve(name))
    direction = descent(layer)
    size = 1e-3 / NORMAL.expectation(direction**2)
    before, after = along(layer, direction, np.array([0.0, size]))
    assert after - before == pytest.approx(-1e-3, rel=0.2)


@pytest.mark.parametrize(
    ("density", "published"),
    [("normal", 1 / (2 * math.sqrt(2))), (f"logistic(0, {math.sqrt(3) / math.pi})", 0.406),
     (f"laplace(0, {math.sqrt(0.5)})", 0.484), ("student", 0.320), ("normal(0, 0.139)", 0.972)],
)  # fmt: skip
def test_crrelus_bump_raises_the_raw_entropy_of_the_straight_branch_for_every_unimodal_input(density, published):
    """eafo.md 1.4; so by the theory the sign that descends is eps < 0."""
    layer = sample(parse("x"), under(density))
    nodes = layer.under.nodes
    found = raw_variation(layer, nodes * np.exp(-(nodes**2) / 2))
    assert found == pytest.approx(published, abs=1e-3 if density != "normal" else 5e-5)


def test_a_well_separated_bimodal_input_turns_the_sign_around():
    layer = sample(parse("x"), under("0.5*normal(-2, 0.5) + 0.5*normal(2, 0.5)"))
    assert raw_variation(layer, layer.under.nodes * np.exp(-(layer.under.nodes**2) / 2)) < -0.1


CORRECTED = [("softplus", -0.27166), ("tanh", -0.08144), ("sigmoid", -0.26123), ("asinh", -0.07573)]


def eafo_correction(layer):
    """p' - p f''/f' with f'' by finite differences, independent of the symbolic one."""
    p = stats.norm.pdf(NODES)
    return -NODES * p - p * np.gradient(layer.slopes, NODES) / layer.slopes


@pytest.mark.parametrize(("name", "published"), CORRECTED)
def test_the_correction_lowers_the_raw_entropy_by_what_the_theory_says(name, published):
    """dH = -lambda * integral of E^2 (eafo.md 1.3), here also E[df'/f'] and the finite difference."""
    layer = sample(resolve(name))
    direction = eafo_correction(layer)
    assert raw_variation(layer, direction) == pytest.approx(published, abs=5e-5)
    stretched = NORMAL.expectation(np.gradient(direction, NODES) / layer.slopes)
    assert stretched == pytest.approx(published, abs=1e-4)
    squared = -float(np.trapezoid((direction / layer.slopes) ** 2 * layer.slopes, NODES))
    assert squared == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize(("name", "published"), CORRECTED)
def test_the_score_form_tends_to_the_raw_variation_as_the_noise_shrinks(name, published):
    """Standardising adds Cov(f, df)/Var f, which is exact for any noise."""
    layer = sample(resolve(name))
    direction = eafo_correction(layer)
    centred = layer.values - NORMAL.expectation(layer.values)
    pull = NORMAL.expectation(centred * direction) / NORMAL.expectation(centred**2)
    gaps = [abs(variation(layer, direction, noise) + pull - published) for noise in (0.08, 0.04, 0.02)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.008


def test_the_worst_activation_is_a_fixed_point():
    """For the CDF of the input the correction vanishes (eafo.md 1.2)."""
    layer = sample(parse("0.5 + 0.5*erf(x/sqrt(2))"))
    assert np.abs(eafo_correction(layer)[np.abs(NODES) < 5]).max() < 1e-4


def test_a_fold_has_a_first_variation():
    """Maps of the output: for df = h(f), dH = E[h'(f)]; and one that is not (independent quadrature)."""
    layer = sample(parse("(x - 0.3)**2"))
    f = layer.values
    assert raw_variation(layer, np.ones_like(f)) == pytest.approx(0.0, abs=1e-6)
    assert raw_variation(layer, f) == pytest.approx(1.0, abs=1e-4)
    assert raw_variation(layer, f**2) == pytest.approx(2 * 1.09, abs=1e-3)
    root = np.linspace(1e-6, 9, 400_001)
    right, left = stats.norm.pdf(0.3 + root), stats.norm.pdf(0.3 - root)
    density = (right + left) / (2 * root)
    carried = right * (np.sin(0.3 + root) - math.sin(0.3)) + left * (np.sin(0.3 - root) - math.sin(0.3))
    wanted = -float(np.trapezoid(np.gradient(np.log(density), root) * carried / (2 * root), root))
    assert raw_variation(layer, np.sin(NODES)) == pytest.approx(wanted, rel=0.01)


def test_the_remaining_correction_is_nothing_for_a_line_and_invariant_under_output_maps():
    assert output(sample(parse("2*x - 3"))).correction < 1e-4
    one = output(sample(resolve("gelu"))).correction
    assert one > 1
    assert output(sample(parse("5 - 3*gelu(x)"))).correction == pytest.approx(one, rel=2e-3)
