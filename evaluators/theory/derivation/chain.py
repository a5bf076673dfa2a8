"""EAFO on one activation, step by step: from the entropy of its output to the corrected activation.

Every formula is computed: `theory` differentiates and solves for any input and activation, `worst`
integrates the density, `correction` differentiates f, `change` measures the outcome.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from evaluators.theory.correction import Correction, VanishingError, correction, with_term
from evaluators.theory.density import Density
from evaluators.theory.derivation import narrative
from evaluators.theory.derivation.change import Change, Descending, change, descending
from evaluators.theory.derivation.steps import Step, fragment
from evaluators.theory.derivation.worst import worst
from primitives import ActsearchError, Expression


@dataclass(frozen=True)
class Derivation:
    """A derivation and what came of it.

    Attributes:
        expression: f.
        input: name of the density.
        steps: in the order of the argument.
        worst: the distribution function of the input, on (0, 1); ``None`` without a closed form.
        correction: of f under the density; ``None`` where it vanishes, which leaves nothing to
            correct and no ``corrected`` and ``change`` either.
        corrected: f + epsilon*term, epsilon learnable with the initial value ``size``.
        size: the step that the entropies are given for.
        change: derivatives of the raw and the standardised entropy by epsilon, and the latter at
            epsilon 0, +size and -size.
    """

    expression: Expression
    input: str
    steps: tuple[Step, ...]
    worst: Expression | None
    correction: Correction | None
    corrected: Expression | None
    size: float
    change: Change | None

    @property
    def parameter(self) -> str | None:
        """Name of the learnable factor: epsilon, unless f has one of its own."""
        if self.corrected is None:
            return None
        return next(name for name in self.corrected.parameters if name not in self.expression.parameters)

    @property
    def descending(self) -> Descending:
        """The sign of epsilon that lowers the entropy, by the theory and as measured; without a correction none."""
        if self.correction is None or self.change is None:
            return Descending(None, None, None)
        return descending(self.correction, self.change)

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
            "correction": self._correction(),
            "corrected": None if self.corrected is None else str(self.corrected),
            "epsilon": self.size,
            "descending": asdict(self.descending),
            **self._change(),
        }

    def _correction(self) -> dict[str, Any] | None:
        if self.correction is None:
            return None
        whole = asdict(self.correction)
        return whole | {"term": Expression(self.correction.term, self.expression.initial).formula}

    def _change(self) -> dict[str, Any]:
        measured = self.change
        if measured is None:
            names = (
                "raw_variation",
                "raw_variation_exact",
                "flat_mass",
                "standardised_variation",
                "standardised_entropy",
            )
            return dict.fromkeys(names)
        return {
            "raw_variation": measured.raw,
            "raw_variation_exact": None if measured.exact is None else str(measured.exact),
            "flat_mass": measured.flat,
            "standardised_variation": measured.standardised,
            "standardised_entropy": {"before": measured.before, "plus": measured.plus, "minus": measured.minus},
        }


def derive(expression: Expression, density: Density, size: float = 0.01) -> Derivation:
    """Derive the corrected activation.

    Args:
        expression: f; its parameters stay symbols in formulas and have their initial values in numbers.
        density: of the input.
        size: initial value of epsilon, and the step of either sign that entropies are given for.

    Raises:
        ActsearchError: the size is 0 or beyond 10; else see
            :func:`evaluators.theory.correction.correction`. A correction that vanishes is no error.

    Example:
        >>> from evaluators.theory.density import parse_density
        >>> from primitives import resolve
        >>> found = derive(resolve("relu"), parse_density("normal"))
        >>> str(found.corrected), found.descending.theory
        ('epsilon*x*gaussian(x) + relu(x); epsilon=0.01', -1)
    """
    if not 0 < abs(size) <= 10:
        raise ActsearchError(f"epsilon {size:g} is no step; take one between 0 and 10 in size, such as 0.01")
    try:
        found = correction(expression, density)
    except VanishingError as error:
        distribution, steps = _general(density)
        steps += (narrative.vanishing(expression, density, error.whole),)
        return Derivation(expression, str(density), steps, distribution, None, None, size, None)
    after = with_term(expression, found.term, size)
    name = next(name for name in after.parameters if name not in expression.parameters)
    measured = change(expression, found, density, abs(size))
    distribution, steps = _general(density)
    steps += (
        narrative.correction(expression, density, found),
        narrative.corrected(after, name),
        narrative.sign(expression, density, found, measured, name, abs(size)),
    )
    return Derivation(expression, str(density), steps, distribution, found, after, size, measured)


def _general(density: Density) -> tuple[Expression | None, tuple[Step, ...]]:
    """Return the worst activation of an input and the steps that hold for any activation."""
    distribution = worst(density)
    return distribution, (
        narrative.functional(),
        narrative.euler_lagrange(),
        narrative.worst(density, distribution),
        narrative.first_order(),
    )
