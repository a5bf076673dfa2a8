"""The steps of a derivation in words and equations; every equation is computed."""

from __future__ import annotations

import sympy

from evaluators.theory.correction import Correction, slopes
from evaluators.theory.density import Density, EmpiricalDensity
from evaluators.theory.derivation.change import Change, Descending, Sign, descending, jumps_of
from evaluators.theory.derivation.steps import Equation, Step, equation
from evaluators.theory.derivation.theory import theory
from evaluators.theory.derivation.worst import is_stationary
from evaluators.theory.pieces import pieces
from primitives import Expression, resolve
from primitives.canonical import canonical
from primitives.expression import X
from primitives.table import gaussian

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


def _slopes(expression: Expression) -> tuple[list[Equation], list[str]]:
    """Return f' and f'' on each piece, and where f is flat."""
    lines, flat = [], []
    for part in pieces(expression.body):
        first, second = (canonical(form) for form in slopes(Expression(part.body, expression.initial)))
        where = f" for {part.where}" if part.where else ""
        lines += [equation(f"f'(x){where}", first), equation(f"f''(x){where}", second)]
        flat += [part.where] if first == 0 else []
    return lines, flat


def correction(expression: Expression, density: Density, found: Correction) -> Step:
    """Return that change for one activation and input, piece by piece."""
    lines, flat = _slopes(expression)
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


def vanishing(expression: Expression, density: Density, whole: bool) -> Step:
    """Return that change where it is zero; ``whole`` says that f is the input's distribution function."""
    lines, _ = _slopes(expression)
    lines.append(equation("p'(x) - p(x) f''(x)/f'(x)", sympy.Integer(0)))
    zero = "vanishes identically" if is_stationary(expression, density) else "vanishes up to rounding"
    reason = (
        "f is the distribution function of the input, up to scale and shift: the worst activation, whose output is "
        "uniform already. There is nothing to correct."
        if whole
        else "on each piece between its kinks f is flat, or the distribution function of the input up to scale and "
        "shift, so to first order there is nothing to correct."
    )
    sentence = f"Under the input {density}, with f = {expression.formula}, the correction {zero}, for {reason}"
    return Step("Correction", sentence, tuple(lines))


def sign(expression: Expression, density: Density, found: Correction, measured: Change, name: str, size: float) -> Step:
    """Return which sign of the new parameter lowers the entropy, by the theory and as measured."""
    signs = descending(found, measured)
    sentences = [
        f"{name} = lambda times the factor {found.factor:+.4g}, so by the theory "
        f"{_lowers(name, signs.theory, 'the entropy')}.",
        _raw(measured, name, signs.raw),
        f"The entropy of the standardised output, smoothed with noise, changes by {measured.standardised:+.4g}, so "
        f"{_lowers(name, signs.standardised)}: it is {measured.before:.5f} before, {measured.plus:.5f} at "
        f"{name} = {size:g} and {measured.minus:.5f} at {name} = -{size:g}.",
        *_too_far(measured, name, signs.standardised),
        *_verdict(signs),
    ]
    if _is_published(expression, density):
        sentences.append(
            "The published activation has the initial value +0.01; on the branch x > 0, and for the standardised "
            "entropy of the whole, that is the side where the entropy rises. Whether the sign was lost or absorbed "
            "into the free constant cannot be told."
        )
    lines = () if measured.raw is None else (_slope_of_entropy(measured, name),)
    return Step("Which sign lowers the entropy", " ".join(sentences), lines)


def _lowers(name: str, sign_: Sign | None, what: str = "it") -> str:
    if sign_ is None:
        return f"to first order {name} does not change {what}"
    return f"a {'positive' if sign_ > 0 else 'negative'} {name} lowers {what}"


def _raw(measured: Change, name: str, sign_: Sign | None) -> str:
    if measured.raw is None:
        return f"The raw entropy has no derivative here: {measured.trouble}."
    given = f" given that f is not flat, which has probability {1 - measured.flat:.4g}," if measured.flat else ""
    return (
        f"Measured, the raw entropy of the output{given} changes by {measured.raw:+.4g} nats a unit of {name}, so "
        f"{_lowers(name, sign_)}."
    )


def _too_far(measured: Change, name: str, sign_: Sign | None) -> list[str]:
    """Return a sentence where the step is too long for the first order to hold."""
    if sign_ is None or (measured.plus if sign_ > 0 else measured.minus) < measured.before:
        return []
    return [f"That holds for small steps only: the one shown goes beyond the fall; take a smaller {name}."]


def _slope_of_entropy(measured: Change, name: str) -> Equation:
    value = sympy.Float(measured.raw, 5) if measured.exact is None else measured.exact
    given = " for |f'| > 0" if measured.flat else ""
    return equation(f"dH/d{name}{given}", value, rf"\frac{{dH}}{{d\{name}}}")


def _verdict(signs: Descending) -> list[str]:
    """Return what follows from signs that agree, or do not."""
    found = []
    if signs.raw not in (None, signs.theory):
        found.append(
            "The measured raw entropy contradicts the theory's sign, which is sure only where f is smooth and "
            "invertible: kinks, jumps and folds add terms of their own."
        )
    compared, name = (signs.theory, "theory") if signs.raw is None else (signs.raw, "raw entropy")
    if signs.standardised not in (None, compared):
        found.append(
            f"The standardised entropy has the other sign than the {name}: what lowers the raw entropy may do so by a "
            "smaller scale of the output, which standardising takes away."
        )
    return found or ["The measured signs agree with the theory's." if signs.raw or signs.standardised else ""]


def _is_published(expression: Expression, density: Density) -> bool:
    return expression == resolve("relu") and canonical(density.body).as_independent(X, as_Add=False)[1] == gaussian(X)
