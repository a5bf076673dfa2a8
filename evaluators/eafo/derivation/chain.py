"""EAFO on one activation, step by step: from the entropy of its output to the corrected activation.

Every formula is computed: `theory` differentiates and solves for any input and activation, `worst`
integrates the density, `correction` differentiates f, `change` measures the outcome.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from evaluators.density import Density
from evaluators.eafo.correction import Correction, correction, with_term
from evaluators.eafo.derivation import narrative
from evaluators.eafo.derivation.change import Change, change
from evaluators.eafo.derivation.steps import Step, fragment
from evaluators.eafo.derivation.worst import worst
from primitives import ActsearchError, Expression


@dataclass(frozen=True)
class Derivation:
    """A derivation and what came of it.

    Attributes:
        expression: f.
        input: name of the density.
        steps: in the order of the argument.
        worst: the distribution function of the input, on (0, 1); ``None`` without a closed form.
        correction: of f under the density.
        corrected: f + epsilon*term, epsilon learnable with the initial value ``size``.
        size: the step that the entropies are given for.
        descending: the sign of epsilon that lowers the entropy by the theory.
        change: derivatives of the raw and the standardised entropy by epsilon, and the latter at
            epsilon 0, +size and -size.
    """

    expression: Expression
    input: str
    steps: tuple[Step, ...]
    worst: Expression | None
    correction: Correction
    corrected: Expression
    size: float
    descending: Literal[-1, 1]
    change: Change

    @property
    def latex(self) -> str:
        """A document fragment for amsmath: a paragraph a step, its equations in ``align*``."""
        return fragment(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the derivation as plain JSON values; what does not exist is ``None``."""
        return {
            "activation": str(self.expression),
            "input": self.input,
            "steps": [asdict(step) for step in self.steps],
            "worst": None if self.worst is None else str(self.worst),
            "correction": {
                "term": Expression(self.correction.term, self.expression.initial).formula,
                "factor": self.correction.factor,
                "regularised": self.correction.regularised,
                "floor": self.correction.floor,
            },
            "corrected": str(self.corrected),
            "epsilon": self.size,
            "descending": self.descending,
            "raw_variation": self.change.raw,
            "raw_variation_exact": None if self.change.exact is None else str(self.change.exact),
            "flat_mass": self.change.flat,
            "standardised_variation": self.change.standardised,
            "standardised_entropy": {
                "before": self.change.before,
                "plus": self.change.plus,
                "minus": self.change.minus,
            },
        }


def derive(expression: Expression, density: Density, size: float = 0.01) -> Derivation:
    """Derive the corrected activation.

    Args:
        expression: f; its parameters stay symbols in formulas and have their initial values in numbers.
        density: of the input.
        size: initial value of epsilon, and the step of either sign that entropies are given for.

    Raises:
        ActsearchError: the size is 0 or beyond 10; else see
            :func:`evaluators.eafo.correction.correction`.

    Example:
        >>> from evaluators.density import parse_density
        >>> from primitives import resolve
        >>> found = derive(resolve("relu"), parse_density("normal"))
        >>> str(found.corrected), found.descending
        ('epsilon*x*gaussian(x) + relu(x); epsilon=0.01', -1)
    """
    if not 0 < abs(size) <= 10:
        raise ActsearchError(f"epsilon {size:g} is no step; take one between 0 and 10 in size, such as 0.01")
    found = correction(expression, density)
    after = with_term(expression, found.term, size)
    name = next(name for name, _ in after.initial if name not in expression.parameters)
    distribution = worst(density)
    measured = change(expression, found, density, abs(size))
    steps = (
        narrative.functional(),
        narrative.euler_lagrange(),
        narrative.worst(density, distribution),
        narrative.first_order(),
        narrative.correction(expression, density, found),
        narrative.corrected(after, name),
        narrative.sign(expression, density, found, measured, name, abs(size)),
    )
    descending: Literal[-1, 1] = 1 if found.factor > 0 else -1
    return Derivation(expression, str(density), steps, distribution, found, after, size, descending, measured)
