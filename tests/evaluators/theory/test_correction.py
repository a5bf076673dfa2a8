from __future__ import annotations

import math

import numpy as np
import pytest
import sympy

from evaluators.theory.algebra import tidy
from evaluators.theory.correction import VanishingError, corrected, correction, residue
from evaluators.theory.density import empirical, parse_density
from evaluators.theory.entropy import raw_variation
from evaluators.theory.pieces import pieces
from evaluators.theory.quadrature import NORMAL, finite_sample, quadrature, sample
from primitives import ActsearchError, Expression, compile_expression, library, parse, resolve

DENSITY = parse_density("normal")
PHI = 1 / math.sqrt(2 * math.pi)


def values(term, nodes, initial=()):
    return compile_expression(Expression(term, initial)).at(nodes)


def whole(name, density=DENSITY):
    """The correction p' - p f''/f' at the quadrature's nodes."""
    found = correction(resolve(name), density)
    return found.factor * values(found.term, quadrature(density).nodes, resolve(name).initial)


def test_relu_under_a_normal_gives_the_librarys_crrelu():
    made, known = corrected(resolve("relu"), DENSITY), resolve("crrelu")
    assert made == known
    assert made.body == known.body
    assert correction(resolve("relu"), DENSITY).factor == pytest.approx(-PHI)
    np.testing.assert_array_equal(compile_expression(made).at(NORMAL.nodes), compile_expression(known).at(NORMAL.nodes))


@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "identity", "abs", "hardtanh"])
def test_a_piecewise_straight_function_gets_the_slope_of_the_density_whatever_its_own(name):
    assert correction(resolve(name), DENSITY).term == correction(resolve("relu"), DENSITY).term


@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("tanh", lambda t: -t + 2 * np.tanh(t)),
        ("sigmoid", lambda t: -t + np.tanh(t / 2)),
        ("softplus", lambda t: -(t + 1 / (1 + np.exp(t)))),
        ("elu", lambda t: np.where(t < 0, -(t + 1), -t)),
        ("selu", lambda t: np.where(t < 0, -(t + 1), -t)),
    ],
)
def test_the_closed_forms_under_a_normal(name, closed):
    t = NORMAL.nodes
    np.testing.assert_allclose(whole(name), PHI * np.exp(-(t**2) / 2) * closed(t), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "text", ["normal(0.5, 2)", "logistic", "laplace", "student(4)", "0.3*normal(-2,1) + 0.7*normal"]
)
@pytest.mark.parametrize("name", ["softplus", "asinh", "softsign", "relu"])
def test_it_is_the_density_times_the_slope_of_its_quotient_by_finite_differences(name, text):
    """p' - p f''/f' = f' (p/f')', from numbers of p and f' alone."""
    density = parse_density(text)
    t = np.linspace(0.3, 3, 7)  # away from the kinks
    compiled, h = compile_expression(resolve(name)), 1e-5

    def quotient(x):
        return density.pdf(x) / compiled.slope_at(x)

    found = correction(resolve(name), density)
    wanted = compiled.slope_at(t) * (quotient(t + h) - quotient(t - h)) / (2 * h)
    np.testing.assert_allclose(found.factor * values(found.term, t), wanted, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "density"),
    [
        ("0.5 + 0.5*erf(x/sqrt(2))", "normal"),
        ("3*sigmoid(x) - 1", "logistic"),
        ("(1 + tanh(x))/2", "logistic(0, 0.5)"),
    ],
)
def test_the_inputs_distribution_function_is_a_fixed_point_and_refused(text, density):
    density = parse_density(density)
    assert residue(parse(text), density) == 0
    with pytest.raises(VanishingError, match="already the worst activation") as caught:
        correction(parse(text), density)
    assert caught.value.whole


def test_a_correction_may_vanish_piece_by_piece_without_f_being_the_distribution_function():
    with pytest.raises(VanishingError, match="on each piece between its kinks") as caught:
        correction(resolve("relu"), parse_density("uniform"))
    assert not caught.value.whole
    with pytest.raises(VanishingError) as caught:
        correction(resolve("relu"), parse_density("uniform(0, 1)"))
    assert caught.value.whole


def test_a_distribution_function_of_another_input_is_corrected():
    assert residue(parse("sigmoid(x)"), DENSITY) != 0
    assert residue(parse("sigmoid(x)"), parse_density("logistic(0, 0.9)")) != 0


@pytest.mark.parametrize(
    ("name", "change"), [("softplus", -0.27166), ("tanh", -0.08144), ("sigmoid", -0.26123), ("asinh", -0.07573)]
)
def test_a_step_along_it_lowers_the_raw_entropy_at_the_known_rate(name, change):
    assert raw_variation(finite_sample(resolve(name), NORMAL), whole(name)) == pytest.approx(change, rel=5e-4)


def test_a_zero_of_the_slope_is_regularised_by_a_hundredth_of_its_mean_square():
    found = correction(resolve("gelu"), DENSITY)
    square = NORMAL.expectation(sample(resolve("gelu")).slopes ** 2)
    assert found.regularised
    assert found.floor == float(f"{0.01 * square:.2g}")
    assert not correction(resolve("softplus"), DENSITY).regularised
    slopes, t = sample(resolve("gelu")).slopes, NORMAL.nodes
    bend = (2 - t**2) * PHI * np.exp(-(t**2) / 2)
    wanted = PHI * np.exp(-(t**2) / 2) * (-t - slopes * bend / (slopes**2 + found.floor))
    np.testing.assert_allclose(whole("gelu"), wanted, rtol=1e-8, atol=1e-12)


def test_parameters_stay_symbols_and_the_new_one_gets_a_free_name():
    made = corrected(resolve("softplus_beta"), DENSITY, -0.1)
    assert made.parameters == {"beta": 1.0, "epsilon": -0.1}
    assert sympy.Symbol("beta") in correction(resolve("softplus_beta"), DENSITY).term.free_symbols
    assert corrected(resolve("crrelu"), DENSITY, 0.2).parameters == {"alpha": 0.2, "epsilon": 0.01}


@pytest.mark.parametrize("name", ["smu1", "pau", "sinc_plus_x", "gelusinc"])
def test_what_has_no_usable_correction_says_why(name):
    with pytest.raises(ActsearchError, match=r"all but has a kink|no usable formula|no formula that is finite"):
        corrected(resolve(name), DENSITY)


CORRECTABLE = sorted(set(library()) - {"smu1", "pau", "sinc_plus_x", "gelusinc"})


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if at % 5 else []) for at, n in enumerate(CORRECTABLE)]
)
def test_every_other_function_of_the_library_has_a_finite_one_that_reads_back(name):
    made = corrected(resolve(name), DENSITY)
    samples = sample(made)
    assert np.isfinite(samples.values).all()
    assert np.isfinite(samples.slopes).all()
    assert parse(str(made)) == made


@pytest.mark.parametrize(
    ("text", "density", "reason"),
    [
        ("step(x)", "normal", "flat wherever"),
        ("log(x)", "normal", "not finite at x"),
        ("alpha*relu(x); alpha=0", "normal", "is constant where"),
        ("x**2", "student(3)", "no finite variance"),
    ],
)
def test_a_function_without_a_correction_is_refused_in_a_sentence(text, density, reason):
    with pytest.raises(ActsearchError, match=reason):
        correction(parse(text), parse_density(density))


@pytest.mark.parametrize("name", ["relu6", "plu", "softshrink", "hardshrink", "hard_elish", "selu", "pelu"])
def test_the_pieces_are_the_function_between_its_kinks(name):
    expression = resolve(name)
    x = np.linspace(-7, 7, 1000)
    wanted = compile_expression(expression).at(x)
    parts = pieces(expression.body)
    assert len(parts) > 1
    for part in parts:
        inside = (x > float(part.low)) & (x < float(part.high))
        np.testing.assert_allclose(values(part.body, x, expression.initial)[inside], wanted[inside], atol=1e-9)


def test_exponentials_stay_whole_but_their_powers_cancel():
    x = resolve("identity").body
    far = sympy.exp(-((sympy.Rational(1250, 127) * x - sympy.Rational(6250, 127)) ** 2) / 2)
    assert tidy((x * far**2 + far) / far) == x * far + 1  # powers of exp(x/16129) would take minutes
    assert tidy((sympy.exp(2 * x) - 1) / (sympy.exp(x) - 1)) == sympy.exp(x) + 1


def draws():
    rng = np.random.default_rng(0)
    return {
        "far": 5 + 0.1 * rng.normal(size=5000),
        "very far": 1000 + rng.normal(size=5000),
        "integers": rng.integers(-3, 4, size=5000),
        "after a ReLU": np.maximum(rng.normal(size=5000), 0),
        "narrow": np.concatenate([rng.normal(size=2500), 3 + 1e-3 * rng.normal(size=2500)]),
    }


@pytest.mark.parametrize("kind", ["far", "very far", "integers", "after a ReLU", "narrow"])
@pytest.mark.parametrize("name", ["relu", "gelu"])
def test_a_sample_far_from_zero_or_narrow_in_places_has_a_correction(name, kind):
    """Of ReLU, p' of the fitted mixture."""
    density = empirical(draws()[kind], kind)
    found = correction(resolve(name), density)
    nodes = quadrature(density).nodes
    made = found.factor * values(found.term, nodes)
    assert np.isfinite(made).all()
    if name == "relu":
        slopes = compile_expression(Expression(density.body)).slope_at(nodes)
        np.testing.assert_allclose(made, slopes, rtol=1e-6, atol=1e-7 * np.abs(slopes).max())


def test_a_kink_in_disguise_is_still_blamed_under_a_narrow_sample():
    with pytest.raises(ActsearchError, match="all but has a kink at x = 0"):
        correction(resolve("smu1"), empirical(draws()["integers"], "integers"))
