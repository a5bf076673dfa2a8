"""What is computed of a function before any training: one number a feature, all of them in one mapping."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from evaluators.judging.cost import cost
from evaluators.judging.looks import Looks
from evaluators.theory.density import Array
from evaluators.theory.entropy import Output, output
from evaluators.theory.quadrature import Samples, gain, sample
from primitives import Expression
from primitives.errors import ActsearchError
from primitives.registries import Registry

RESERVED = frozenset(
    {
        *("id", "name", "expression", "origin", "parents", "ask", "genotype", "status", "reason", "mark", "facts"),
        *("latex", "evaluations", "baseline", "on_front", "error", "error_se", "loss"),
        *("screen", "left_tail", "right_tail", "known_as", "nearest", "same", "distance"),
    }
)
"""What else is known of a candidate, in frames and in JSON."""


class Subject:
    """A function that features are computed of; what several need is computed once.

    Attributes:
        expression: the function.
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    @cached_property
    def samples(self) -> Samples:
        """Values and slopes, float64, at the nodes of a quadrature under the standard normal."""
        return sample(self.expression)

    @cached_property
    def output(self) -> Output:
        """The standardised, smoothed output under the standard normal."""
        return output(self.samples)


@dataclass(frozen=True)
class Feature:
    """A number that describes a function.

    Attributes:
        name: in tables, JSON and the run file.
        unit: e.g. ``nats``; ``1`` for none.
        label: what reports call it.
        of: computes it; of a sound function it must be finite.
        digits: decimals in tables.
        formula: whether it is one of the formula alone, and so is known of what the screen rejects as well.
        kind: of number: ``float`` or ``int``.
        shown: whether the table of a front has a column for it; objectives have theirs anyway.
        predicts: whether the campaign may choose what to train by it, once it is seen to predict the error.
        quick: estimates it of many functions at once, from arrays, shape (n,); a campaign that chooses by a feature
            without it computes it of every formula of the pool, which is slow.
    """

    name: str
    unit: str
    label: str
    of: Callable[[Subject], float]
    digits: int = 3
    formula: bool = False
    kind: type = float
    shown: bool = True
    predicts: bool = False
    quick: Callable[[Looks], Array] | None = None

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            ActsearchError: a column or a key of a candidate has it.
        """
        if self.name in RESERVED:
            raise ActsearchError(
                f"a feature cannot be called '{self.name}': a candidate has something else of that name"
            )

    def value(self, subject: Subject) -> float:
        """Return the feature of a function.

        Raises:
            ActsearchError: it is not finite, or what computes it fails.
        """
        try:
            value: float = self.kind(self.of(subject))
        except Exception as error:
            raise ActsearchError(f"its feature '{self.name}' fails: {type(error).__name__}: {error}") from error
        if not math.isfinite(value):
            raise ActsearchError(f"its feature '{self.name}' is {value}")
        return value


FEATURES: Registry[Feature] = Registry(
    "feature",
    {
        each.name: each
        for each in (
            Feature(
                "cost",
                "float32 multiplications",
                "cost",
                lambda s: cost(s.expression),
                digits=0,
                formula=True,
                shown=False,
                quick=lambda looks: looks.costs,
            ),
            Feature(
                "complexity",
                "nodes",
                "complexity",
                lambda s: s.expression.complexity,
                digits=0,
                formula=True,
                kind=int,
                shown=False,
                quick=lambda looks: looks.complexities,
            ),
            Feature(
                "prior",
                "nats",
                "entropy prior",
                lambda s: s.output.entropy,
                digits=4,
                predicts=True,
                quick=lambda looks: looks.entropy,
            ),
            Feature(
                "correction",
                "1",
                "size of the remaining correction",
                lambda s: s.output.correction,
                digits=2,
                shown=False,
                predicts=True,
                quick=lambda looks: looks.correction,
            ),
            Feature(
                "gain",
                "1",
                "initialisation factor",
                lambda s: gain(s.samples),
                digits=4,
                shown=False,
                quick=lambda looks: looks.gain,
            ),
        )
    },
    Feature,
)
"""Every feature by name; an extension adds to it with ``FEATURES.register(name, Feature(...))``."""


def described(looks: Looks) -> dict[str, Array]:
    """Return every cheap feature of functions by name: of the registry, and what :class:`Looks` knows beside it."""
    own = {name: feature.quick(looks) for name, feature in FEATURES.items() if feature.quick is not None}
    return {**looks.facts, **own}
