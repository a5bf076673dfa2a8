from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy
from scipy import stats

from evaluators.theory.density import empirical, parse_density
from evaluators.theory.derivation import derive
from evaluators.theory.derivation.change import Descending
from evaluators.theory.derivation.theory import theory
from evaluators.theory.derivation.worst import is_stationary, worst
from primitives import ActsearchError, Expression, compile_expression, parse, resolve

U = sympy.Symbol("u")
NORMAL = parse_density("normal")


def step(found, title):
    return next(step for step in found.steps if title in step.title)


def in_symbols(formula, **values):
    """A formula of the theory with concrete formulas in place of its display symbols."""
    return formula.subs({sympy.Symbol(name): value for name, value in values.items()}, simultaneous=True)


def test_the_euler_lagrange_expression_is_the_variation_of_the_functional():
    """Against a central difference of H[y + h eta] on a grid, for a normal input and y = sinh(u).

    The bump lies to the right of 0: centred there, both sides would be 0 by symmetry.
    """
    u = np.linspace(-2, 2, 20_001)
    y, slope, bend = np.sinh(u), np.cosh(u), np.sinh(u)
    near = np.pi / 2 * np.clip(u - 0.5, -1, 1)
    bump, bump_slope = np.cos(near) ** 4, -2 * np.pi * np.cos(near) ** 3 * np.sin(near)

    def entropy(h):
        q = stats.norm.pdf(y + h * bump) * (slope + h * bump_slope)
        return np.trapezoid(-q * np.log(q), u)

    measured = (entropy(1e-4) - entropy(-1e-4)) / 2e-4
    p, dp = stats.norm.pdf(y), -y * stats.norm.pdf(y)
    names = {"p(y)": p, "p'(y)": dp, "y'": slope, "y''": bend}
    expression = theory().euler_lagrange
    total = sum(
        np.prod([names[str(base)] ** int(power) for base, power in term.as_powers_dict().items()], axis=0)
        for term in expression.args
    )
    assert measured == pytest.approx(-0.0487, abs=1e-4)
    assert np.trapezoid(total * bump, u) == pytest.approx(measured, rel=1e-6)


def test_the_forward_form_follows_from_the_inverse_form():
    f = sympy.sinh(sympy.Symbol("x")) + 2 * sympy.Symbol("x")
    x = sympy.Symbol("x")
    p = sympy.exp(-(x**2)) * (2 + sympy.sin(x))
    values = {"p(x)": p, "p'(x)": p.diff(x), "f'": f.diff(x), "f''": f.diff(x, 2), "lambda": 1}
    forward = in_symbols(theory().forward, **values)
    assert sympy.simplify(forward - f.diff(x) * (p / f.diff(x)).diff(x)) == 0
    assert sympy.simplify(forward + f.diff(x) * in_symbols(theory().step, **values)) == 0
    assert theory().euler_lagrange == theory().ratio


@pytest.mark.parametrize(
    ("text", "distribution", "formula"),
    [
        ("normal", stats.norm(), "0.5 + 0.5*erf(x/sqrt(2))"),
        ("normal(1, 0.139)", stats.norm(1, 0.139), None),
        ("logistic", stats.logistic(), "sigmoid(x)"),
        ("logistic(0, 0.5)", stats.logistic(0, 0.5), "(1 + tanh(x))/2"),
        ("laplace(1, 2)", stats.laplace(1, 2), None),
        ("student(3)", stats.t(3), None),
        ("student(4)", stats.t(4), None),
        ("student", stats.t(5), None),
    ],
)
def test_the_worst_activation_is_the_distribution_function(text, distribution, formula):
    density = parse_density(text)
    found = worst(density)
    x = np.linspace(-6, 6, 101)
    np.testing.assert_allclose(compile_expression(found).at(x), distribution.cdf(x), atol=1e-10)
    assert is_stationary(found, density)
    assert formula is None or found == parse(formula)


def test_a_mixture_gives_the_weighted_sum_and_a_hard_formula_gives_none():
    density = parse_density("0.25*normal(-2, 1) + 0.75*logistic(1, 0.5)")
    x = np.linspace(-8, 8, 101)
    wanted = 0.25 * stats.norm(-2).cdf(x) + 0.75 * stats.logistic(1, 0.5).cdf(x)
    np.testing.assert_allclose(compile_expression(worst(density)).at(x), wanted, atol=1e-10)
    hard = parse_density("exp(-x**4)")
    assert worst(hard) is None
    assert "no closed integral was found" in step(derive(resolve("relu"), hard), "Worst").sentence


def test_relu_arrives_at_crrelu_and_negative_epsilon_descends():
    found = derive(resolve("relu"), NORMAL)
    assert found.corrected == resolve("crrelu")
    assert found.descending == Descending(-1, -1, -1)
    assert found.change.exact == sympy.sqrt(2) / 4
    assert found.change.raw == pytest.approx(1 / (2 * math.sqrt(2)))
    assert found.change.flat == pytest.approx(0.5, abs=1e-9)
    assert found.change.minus < found.change.before < found.change.plus
    assert found.change.standardised == pytest.approx((found.change.plus - found.change.minus) / 0.02, rel=0.01)
    assert "given that f is not flat, which has probability 0.5" in step(found, "sign").sentence
    assert "lost or absorbed into the free constant cannot be told" in step(found, "sign").sentence
    assert "limit of a straight branch" in step(found, "Correction").sentence


def test_the_identity_has_the_same_rate_and_a_leaky_branch_the_mean_over_both():
    assert derive(resolve("identity"), NORMAL).change.exact == sympy.sqrt(2) / 4
    leaky = derive(resolve("leaky_relu"), NORMAL).change
    assert leaky.raw == pytest.approx(float(leaky.exact))
    assert leaky.raw == pytest.approx((1 + 1 / 0.01) / 2 / (2 * math.sqrt(2)))


def test_where_raw_and_standardised_entropy_disagree_it_is_said():
    found = derive(resolve("sigmoid"), NORMAL)
    assert found.change.raw > 0 > found.change.standardised
    assert "other sign" in step(found, "sign").sentence


def test_a_step_beyond_the_fall_of_the_entropy_is_said_to_be():
    assert "goes beyond the fall" in step(derive(resolve("relu"), NORMAL, 0.3), "sign").sentence
    assert "goes beyond the fall" not in step(derive(resolve("relu"), NORMAL), "sign").sentence


def test_another_density_changes_the_outcome():
    narrow, normal = derive(resolve("relu"), parse_density("normal(0, 0.5)")), derive(resolve("relu"), NORMAL)
    assert narrow.corrected != normal.corrected
    assert narrow.worst != normal.worst
    assert "published" not in step(narrow, "sign").sentence
    signs = [derive(resolve("tanh"), density).descending.theory for density in (NORMAL, parse_density("logistic"))]
    assert sum(signs) == 0


@pytest.mark.parametrize("name", ["plu", "atan_sq_minus_x"])
def test_a_theory_that_both_measures_contradict_is_said_to_be(name):
    found = derive(resolve(name), NORMAL)
    signs, change = found.descending, found.change
    assert signs.raw == signs.standardised == -signs.theory
    assert (change.minus < change.before < change.plus) == (signs.standardised == -1)
    assert "contradicts the theory's sign" in step(found, "sign").sentence
    assert found.to_dict()["descending"] == {
        "theory": signs.theory,
        "raw": signs.raw,
        "standardised": signs.standardised,
    }


@pytest.mark.parametrize(
    ("name", "density", "reason"),
    [
        ("erf(x/sqrt(2))", "normal", "vanishes identically, for f is the distribution function"),
        ("sigmoid", "logistic", "vanishes identically, for f is the distribution function"),
        ("relu", "uniform(0, 1)", "vanishes identically, for f is the distribution function"),
        ("relu", "uniform", "on each piece between its kinks f is flat"),
    ],
)
def test_at_the_fixed_point_the_steps_end_with_a_correction_of_zero(name, density, reason):
    found = derive(resolve(name), parse_density(density))
    assert reason in step(found, "Correction").sentence
    assert step(found, "Correction").equations[-1].text.endswith("= 0")
    assert found.correction is found.corrected is found.change is None
    made = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    keys = "correction", "corrected", "raw_variation", "standardised_entropy"
    assert [made[key] for key in keys] == [None] * 4
    assert set(made) == set(derive(resolve("tanh"), NORMAL).to_dict())
    assert set(made["descending"].values()) == {None}


def test_the_numbers_of_a_sample_are_not_exact_ones_of_its_fit():
    found = derive(resolve("relu"), empirical(5 + 0.1 * np.random.default_rng(0).normal(size=5000), "far"))
    assert found.change.exact is None
    assert found.change.raw is not None


def test_a_divergent_first_order_change_has_no_number():
    found = derive(resolve("softplus"), parse_density("student"))
    assert found.change.raw is None
    assert "falls so fast" in step(found, "sign").sentence


def test_a_sample_is_fitted_and_its_misfit_stated():
    draw = np.random.default_rng(0).normal(size=(4000, 1))
    found = derive(resolve("relu"), empirical(np.concatenate([draw - 3, draw + 3]), "two humps"))
    assert "mixture of 2 Gaussians fitted to the sample" in step(found, "Worst").sentence
    assert found.worst is not None
    peak = np.abs(compile_expression(Expression(found.correction.term)).at(np.linspace(-8, 8, 1000))).max()
    assert 0.05 < peak / math.sqrt(10) < 20


@pytest.mark.parametrize(("name", "density"), [("relu", "normal"), ("gelu", "laplace"), ("prelu", "student(4)")])
def test_it_is_strict_json_and_balanced_latex(name, density):
    found = derive(resolve(name), parse_density(density))
    made = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert parse(made["corrected"]) == found.corrected
    assert len(made["steps"]) == len(found.steps) == 7
    shown = sum(bool(step.equations) for step in found.steps)
    assert found.latex.count("\\begin{align*}") == found.latex.count("\\end{align*}") == shown >= 6
    assert found.latex.count("{") - found.latex.count("\\{") == found.latex.count("}") - found.latex.count("\\}")
    assert found.latex.count("\\left") == found.latex.count("\\right")


@pytest.mark.parametrize("size", [0.0, math.nan, math.inf, 11.0])
def test_a_step_of_no_size_is_refused(size):
    with pytest.raises(ActsearchError, match="is no step"):
        derive(resolve("relu"), NORMAL, size)
