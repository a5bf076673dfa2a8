from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from scipy import integrate, stats

from evaluators.instruments.measures import measure
from evaluators.theory.density import empirical, parse_density
from evaluators.theory.entropy import raw_entropy
from evaluators.theory.quadrature import NORMAL, finite_sample, gain, quadrature, sample
from primitives import ActsearchError, Expression, parse, resolve

SCIPY = {
    "normal": stats.norm(),
    "normal(0.3, 0.139)": stats.norm(0.3, 0.139),
    "logistic": stats.logistic(),
    "logistic(0, 0.5)": stats.logistic(0, 0.5),
    "laplace(-1, 2)": stats.laplace(-1, 2),
    "uniform(-1, 2)": stats.uniform(-1, 3),
    "student": stats.t(5),
    "student(4)": stats.t(4),
}


@pytest.mark.parametrize("text", SCIPY)
def test_a_named_density_is_scipys_with_its_moments_and_slope(text):
    density, reference = parse_density(text), SCIPY[text]
    x = np.linspace(*reference.ppf([1e-4, 1 - 1e-4]), 401)
    np.testing.assert_allclose(density.pdf(x), reference.pdf(x), rtol=1e-9)
    assert density.centre == pytest.approx(reference.mean(), abs=1e-9)
    assert density.scale == pytest.approx(reference.std(), rel=1e-9)
    off_kink = x[np.abs(x - density.centre) > 0.1]
    h = 1e-5
    slope = (reference.pdf(off_kink + h) - reference.pdf(off_kink - h)) / (2 * h)
    np.testing.assert_allclose(density.slope(off_kink), slope, rtol=1e-5, atol=1e-8)
    under = quadrature(density)
    exact = 3e-4 if text.startswith("uniform") else 1e-6  # the ends of a jump are a node too wide
    assert under.expectation(under.nodes) == pytest.approx(reference.mean(), abs=exact)
    assert under.expectation((under.nodes - reference.mean()) ** 2) == pytest.approx(reference.var(), rel=exact)
    assert 0.0 in under.nodes


def test_a_mixture_is_the_weighted_sum_of_its_parts():
    density = parse_density("3*normal(-2, 0.5) + 1*laplace(1, 2)")
    x = np.linspace(-6, 8, 97)
    wanted = 0.75 * stats.norm.pdf(x, -2, 0.5) + 0.25 * stats.laplace.pdf(x, 1, 2)
    np.testing.assert_allclose(density.pdf(x), wanted, rtol=1e-9)
    assert density.centre == pytest.approx(-1.25)
    under = quadrature(density)
    assert under.expectation((under.nodes + 1.25) ** 2) == pytest.approx(density.scale**2, rel=1e-6)


def test_a_formula_is_normalised():
    density = parse_density("exp(-x**4)")
    mass = integrate.quad(lambda x: math.exp(-(x**4)), -5, 5)[0]
    x = np.linspace(-2, 2, 41)
    np.testing.assert_allclose(density.pdf(x), np.exp(-(x**4)) / mass, rtol=1e-9)
    cauchy = parse_density("1/(1 + x**2)")
    np.testing.assert_allclose(cauchy.pdf(x), stats.cauchy.pdf(x), rtol=1e-5)


def test_a_formula_for_the_normal_is_the_normal():
    one, other = quadrature(parse_density("gaussian(x)")), NORMAL
    for name in ("relu", "gelu", "tanh"):
        assert gain(sample(resolve(name), one)) == pytest.approx(gain(sample(resolve(name), other)), rel=1e-6)


def test_a_sample_is_smoothed_and_keeps_its_moments():
    values = np.random.default_rng(0).gamma(3.0, size=20_000)
    density = empirical(values, "gammas")
    under = quadrature(density)
    assert under.weights.sum() == pytest.approx(1.0)
    assert under.expectation(under.nodes) == pytest.approx(values.mean(), rel=1e-3)
    variance = under.expectation((under.nodes - values.mean()) ** 2)
    assert variance == pytest.approx(values.var() + density.bandwidth**2, rel=1e-3)
    x = np.linspace(0.5, 8, 50)
    np.testing.assert_allclose(
        density.pdf(x), stats.gaussian_kde(values, density.bandwidth / values.std())(x), rtol=0.02
    )
    h = 1e-3
    np.testing.assert_allclose(density.slope(x), (density.pdf(x + h) - density.pdf(x - h)) / (2 * h), atol=5e-3)


def test_the_formula_of_a_sample_is_a_mixture_that_fits_it():
    generator = np.random.default_rng(1)
    values = np.concatenate([generator.normal(-2, 0.5, 3000), generator.normal(1, 1, 6000)])
    density = empirical(values, "two bumps")
    assert len(density.body.atoms(sympy.exp)) == 2
    assert density.misfit < 0.03
    mass = integrate.quad(lambda t: float(Expression(density.body).body.subs("x", t)), -8, 8, limit=200)[0]
    assert mass == pytest.approx(1.0, abs=1e-6)


def test_a_file_is_read_again_when_it_has_changed(tmp_path):
    path = tmp_path / "z.npy"
    for centre in (0.0, 3.0):
        np.save(path, np.random.default_rng(0).normal(centre, 1, (50, 40)))
        assert parse_density(str(path)).centre == pytest.approx(centre, abs=0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", "does not integrate"),
        ("1/(1 + abs(x))", "does not integrate"),
        ("exp(x)", "is infinite in places"),
        ("x", "negative or undefined at x = "),
        ("sqrt(1 - x**2)", "negative or undefined at x = "),
        ("relu(-1 - x**2)", "zero wherever"),
        ("alpha*gaussian(x); alpha=1", "learnable parameters"),
        ("nomal", "did you mean 'normal'"),
        ("normal(0, -1)", "the deviation must be positive"),
        ("normal(1e9, 1)", "beyond 1e6"),
        ("uniform(2, 1)", "the high must be above the lower end"),
        ("normal(0)", "takes in brackets, as numbers: mean, deviation"),
        ("student(2.5)", "whole number, 3 to 30"),
        ("", "empty"),
        ("nowhere.npy", "cannot read the sample 'nowhere.npy'"),
    ],
)
def test_what_is_no_density_is_refused_in_one_sentence(text, message):
    with pytest.raises(ActsearchError, match=message) as refused:
        parse_density(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.r_[np.zeros(200), np.nan, np.inf], "holds 2 values that are not finite"),
        (np.arange(50.0), "has 50 values; 100 are the least"),
        (np.ones(500), "holds one value only"),
        (1e-9 * np.arange(500.0), "out of range"),
        (1e300 * np.arange(500.0), "out of range"),
        (np.array(["a"] * 200), "does not hold real numbers"),
        (np.array([{}] * 200), "no .npy file of numbers"),
        (np.ones(300) * 1j, "does not hold real numbers"),
    ],
)
def test_a_bad_sample_file_is_refused_and_nothing_is_unpickled(tmp_path, values, message):
    path = tmp_path / "bad.npy"
    np.save(path, values, allow_pickle=True)
    with pytest.raises(ActsearchError, match=message):
        parse_density(str(path))


def test_a_function_must_be_finite_where_the_density_has_mass_and_have_a_variance():
    with pytest.raises(ActsearchError, match=r"'log\(x\)' is not finite at x = .*, where the input density 'normal'"):
        finite_sample(parse("log(x)"), NORMAL)
    heavy = quadrature(parse_density("student(3)"))
    with pytest.raises(ActsearchError, match=r"has no finite variance.* under the input density 'student\(3\)'"):
        finite_sample(parse("x**3"), heavy)
    assert finite_sample(parse("log(x)"), quadrature(parse_density("normal(40, 1)"))).values.min() > 3
    finite_sample(resolve("relu"), heavy)


@pytest.mark.parametrize(
    ("text", "mean", "second", "entropy"),
    [
        ("0.5*normal(-1000, 0.01) + 0.5*normal(3, 0.01)", -498.5, 500_004.5, stats.norm(0, 0.02).entropy()),
        ("0.5*normal(-2, 0.01) + 0.5*normal(2, 0.01)", 0.0, 4.0001, stats.norm(0, 0.02).entropy()),
        ("exp(-(x*10000)**2/2)", 0.0, 1e-8, stats.norm(0, 1e-4).entropy()),
        ("exp(-(x - 1000)**2*200)", 1000.0, 1000**2 + 0.0025, stats.norm(0, 0.05).entropy()),
        ("step(x)*exp(-x)", 1.0, 2.0, 1.0),
        ("relu(1 - abs(x))", 0.0, 1 / 6, 0.5),
    ],
)  # fmt: skip
def test_narrow_far_and_one_sided_densities_are_resolved(text, mean, second, entropy):
    under = quadrature(parse_density(text))
    assert under.expectation(under.nodes) == pytest.approx(mean, abs=3e-4 * max(1.0, abs(mean)))
    assert under.expectation(under.nodes**2) == pytest.approx(second, rel=3e-4)
    assert raw_entropy(sample(parse("x"), under)).value == pytest.approx(entropy, abs=2e-3)
    finite_sample(parse("x"), under)


def test_a_sample_keeps_its_modes_apart_and_its_bulk_beside_an_outlier():
    generator = np.random.default_rng(2)
    two = np.concatenate([generator.normal(-3, 0.5, 3000), generator.normal(3, 0.5, 3000)])
    found = raw_entropy(sample(parse("x"), quadrature(empirical(two, "two")))).value
    assert found == pytest.approx(stats.norm(0, 0.5).entropy() + math.log(2), abs=0.04)
    bulk = np.append(generator.normal(size=20_000), 1e4)
    found = raw_entropy(sample(parse("x"), quadrature(empirical(bulk, "bulk")))).value
    assert found == pytest.approx(stats.norm().entropy(), abs=0.03)
    finite_sample(parse("x"), quadrature(empirical(stats.t(3).rvs(65_536, random_state=3), "heavy")))


def test_the_mean_of_an_input_without_variance_is_not_made_up():
    found = measure(parse("tanh(x)"), parse_density("1/(1 + x**2)"))
    assert math.isnan(found.input_deviation)
    assert math.isnan(found.mean_field.chi1)
    assert 0 < found.entropy < 1.4
    with pytest.raises(ActsearchError, match="has no finite variance"):
        measure(parse("x"), parse_density("1/(1 + x**2)"))


@pytest.mark.parametrize(("text", "density"), [("relu(x)", "normal(-8, 1)"), ("alpha*relu(x); alpha=0", "normal")])
def test_a_function_that_is_constant_where_the_density_has_mass_is_refused(text, density):
    with pytest.raises(ActsearchError, match="is constant where the input density"):
        measure(parse(text), parse_density(density))
