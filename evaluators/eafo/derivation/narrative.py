"""The steps of a derivation in words and equations; every equation is computed."""

from __future__ import annotations

import numpy as np
import sympy

from evaluators.density import Density, EmpiricalDensity
from evaluators.eafo.correction import Correction, slopes
from evaluators.eafo.derivation.change import Change, jumps_of
from evaluators.eafo.derivation.steps import Equation, Step, equation
from evaluators.eafo.derivation.theory import theory
from evaluators.eafo.derivation.worst import is_stationary
from evaluators.eafo.pieces import pieces
from primitives import Expression, resolve
from primitives.canonical import canonical
from primitives.expression import X
from primitives.table import gaussian

_NOTHING = 1e-6


# --- for any input and activation -------------------------------------------------------------


def functional() -> Step:
    """Return the output's density and its entropy as a functional of the inverse."""
    return Step(
        "Entropy of the output",
        "The activation is u = f(x), its inverse x = y(u), the density of the input p. The output has the density q, "
        "and its entropy, minus the integral of q log q, is a functional of y.",
        (
            equation("q(u)", theory().output),
            equation("G(y, y')", theory().integrand),
            equation("H[y]", sympy.Integral(sympy.Symbol("G(y, y')"), sympy.Symbol("u"))),
        ),
    )


def euler_lagrange() -> Step:
    """Return the Euler-Lagrange expression of that functional."""
    same = sympy.expand(theory().euler_lagrange - theory().ratio) == 0
    return Step(
        "Euler-Lagrange equation",
        "The entropy is stationary where E = dG/dy - d/du dG/dy' vanishes. Differentiated and simplified, "
        f"E {'is' if same else 'is not'} the slope of the output density over the slope of the inverse, q'(u)/y'(u).",
        (
            equation("dG/dy", theory().by_value, r"\frac{\partial G}{\partial y}"),
            equation("dG/dy'", theory().by_slope, r"\frac{\partial G}{\partial y'}"),
            equation("E", theory().euler_lagrange),
            equation("q'(u)/y'", theory().ratio),
        ),
    )


def worst(density: Density, distribution: Expression | None) -> Step:
    """Return where it vanishes: at the input's distribution function, if that has a closed form."""
    shown = [equation("f'(x)", theory().extremal_slope), equation("p(x)", canonical(density.body))]
    if distribution is None:
        closed = (
            f"For the input {density} no closed integral was found, so the worst activation is the cumulative "
            "mass of its density, a number at a time."
        )
    else:
        shown.append(equation("f_worst(x)", distribution.body, r"f_{\mathrm{worst}}(x)"))
        zero = "vanishes identically" if is_stationary(distribution, density) else "vanishes up to rounding"
        closed = (
            f"For the input {density} it is, on (0, 1), the formula below; differentiated, its own correction {zero}."
        )
    return Step(
        "Worst activation",
        "E = 0 means that q is constant: the output is uniform, which has the largest entropy on an interval. With "
        "y' = 1/f' that fixes the slope of f, and f is the distribution function of the input, scaled by C1 = 1/C "
        f"and shifted by C2. {closed}{_fitted(density)}",
        tuple(shown),
    )


def _fitted(density: Density) -> str:
    if not isinstance(density, EmpiricalDensity):
        return ""
    count = len(sympy.Add.make_args(sympy.expand_mul(density.body)))
    return (
        f" Formulas use a mixture of {count} Gaussian{'s' if count > 1 else ''} fitted to the sample, "
        f"{density.misfit:.1%} of whose mass lies elsewhere than the smoothed sample's; numbers use the sample."
    )


def first_order() -> Step:
    """Return the change that lowers the entropy, for the inverse and for the activation itself."""
    return Step(
        "First-order change",
        "The change eta = -lambda E of the inverse, with lambda > 0, lowers the entropy to first order, by lambda "
        "times the integral of E^2. Differentiating y(f(x)) = x gives y' and y'' in terms of f, and the change of f "
        "itself, -f' eta, needs no inverse.",
        (
            equation("y'", theory().inverse_slope),
            equation("y''", theory().inverse_bend),
            equation("eta", theory().step, r"\eta"),
            equation("change of f", theory().forward, r"\delta f"),
        ),
    )


# --- for this one -----------------------------------------------------------------------------


def correction(expression: Expression, density: Density, found: Correction) -> Step:
    """Return that change for one activation and input, piece by piece."""
    parts = pieces(expression.body)
    lines, flat = [], []
    for part in parts:
        first, second = (canonical(form) for form in slopes(Expression(part.body, expression.initial)))
        where = f" for {part.where}" if part.where else ""
        lines += [equation(f"f'(x){where}", first), equation(f"f''(x){where}", second)]
        flat += [part.where] if first == 0 else []
    lines.append(equation("p'(x) - p(x) f''(x)/f'(x)", sympy.Float(found.factor, 6) * sympy.Symbol("T(x)")))
    lines.append(equation("T(x)", found.term))
    sentence = f"Under the input {density}, with f = {expression.formula}, the correction is the factor times T."
    if flat:
        sentence += (
            f" Where f is flat ({' and '.join(flat)}) it is the limit of a straight branch whose slope goes to 0: "
            "f'' = 0 whatever the slope, which leaves p'."
        )
    if found.regularised:
        sentence += (
            f" f' has a zero where the input has mass, and f''/f' a pole; it became f' f''/(f'^2 + {found.floor:g}), "
            "a hundredth of the mean square of f'."
        )
    jumps = [f"{end + 0.0:g}" for end in jumps_of(found.term, expression)]
    if jumps:
        sentence += f" It jumps at x = {', '.join(jumps)}, at a kink of f or of the input density."
    return Step("Correction", sentence, tuple(lines))


def corrected(after: Expression, name: str) -> Step:
    """Return the corrected activation; ``name`` is its new parameter."""
    values = ", ".join(f"{name} = {value:g}" for name, value in after.initial)
    return Step(
        "Corrected activation",
        f"lambda times the factor becomes the learnable parameter {name}. Initial values: {values}.",
        (equation("f_new(x)", after.body, r"f_{\mathrm{new}}(x)"),),
    )


def sign(expression: Expression, density: Density, found: Correction, measured: Change, name: str, size: float) -> Step:
    """Return which sign of the new parameter lowers the entropy, by the theory and as measured."""
    side = "positive" if found.factor > 0 else "negative"
    sentences = [f"{name} = lambda times the factor {found.factor:+.4g}, so a {side} {name} descends by the theory."]
    lines = []
    if measured.raw is None:
        sentences.append(f"The raw entropy has no derivative here: {measured.trouble}.")
    else:
        held = f", with the flat pieces, {measured.flat:.3g} of the mass, held still" if measured.flat else ""
        sentences.append(f"Measured, the raw entropy changes by {measured.raw:+.4g} nats a unit of {name}{held}.")
        lines.append(_slope_of_entropy(measured, name))
    sentences.append(
        f"The entropy of the standardised output, smoothed with noise, changes by {measured.standardised:+.4g}: it is "
        f"{measured.before:.5f} before, {measured.plus:.5f} at {name} = {size:g} and {measured.minus:.5f} at -{size:g}."
    )
    sentences.append(_verdict(found, measured))
    if _is_published(expression, density):
        sentences.append(
            "The published chain of formulas loses a minus sign on the way to CRReLU, whose initial value 0.01 "
            "therefore starts on the side where the raw entropy rises."
        )
    return Step("Which sign lowers the entropy", " ".join(sentences), tuple(lines))


def _slope_of_entropy(measured: Change, name: str) -> Equation:
    value = sympy.Float(measured.raw, 5) if measured.exact is None else measured.exact
    return equation(f"dH/d{name}", value, rf"\frac{{dH}}{{d\{name}}}")


def _verdict(found: Correction, measured: Change) -> str:
    if abs(measured.standardised) < _NOTHING:
        return "To first order the standardised entropy does not change at all."
    if measured.raw is not None and abs(measured.raw) < _NOTHING:
        return "To first order the raw entropy does not change at all."
    theory_ = -np.sign(found.factor)
    raw = theory_ if measured.raw is None else np.sign(measured.raw)
    if raw != theory_:
        return (
            "The measured raw entropy contradicts the theory's sign, which is sure only where f is smooth and "
            "invertible: kinks, jumps and folds add terms of their own."
        )
    if raw != np.sign(measured.standardised):
        return (
            "The standardised entropy has the other sign: what lowers the raw entropy here does so by a smaller "
            "scale of the output."
        )
    return "The standardised entropy has the same sign."


def _is_published(expression: Expression, density: Density) -> bool:
    return expression == resolve("relu") and canonical(density.body).as_independent(X, as_Add=False)[1] == gaussian(X)
