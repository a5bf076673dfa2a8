"""What a feature is, and what it is computed of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from evaluators.judging.looks import FAR, NODES, NORMAL_GRID, Looks
from evaluators.judging.rows import Grid, Rows
from evaluators.theory.density import Array
from evaluators.theory.entropy import Output, output
from evaluators.theory.meanfield import MeanField, mean_field
from evaluators.theory.quadrature import NORMAL, Samples, sample
from primitives import Expression, compile_expression
from primitives.errors import ActsearchError

RESERVED = frozenset(
    {
        *("id", "name", "expression", "origin", "parents", "ask", "genotype", "status", "reason", "mark", "facts"),
        *("latex", "evaluations", "baseline", "on_front", "error", "error_se", "loss"),
        *("screen", "left_tail", "right_tail", "known_as", "nearest", "same", "distance"),
    }
)
"""What else is known of a candidate, in frames and in JSON."""

Scale = Literal["linear", "log", "asinh"]

_FINE = Grid(NORMAL.nodes, NORMAL.weights)
_STRIDE = (len(NORMAL.nodes) - 1) // (len(NODES) - 1)
_LEAST, _MOST = 1e-6, 1e12


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

    @cached_property
    def mean_field(self) -> MeanField:
        """What the function does to signals in a wide network."""
        return mean_field(self.samples)

    @cached_property
    def rows(self) -> Rows:
        """The samples as a batch of one."""
        return Rows(self.samples.values[None], self.samples.slopes[None], _FINE)

    @cached_property
    def coarse(self) -> Rows:
        """The samples at the nodes of :class:`evaluators.judging.looks.Looks`, for what depends on their distance."""
        samples = self.samples
        return Rows(samples.values[None, ::_STRIDE], samples.slopes[None, ::_STRIDE], NORMAL_GRID)

    @cached_property
    def far(self) -> Array:
        """Values at :data:`evaluators.judging.looks.FAR`, shape (1, 6)."""
        return compile_expression(self.expression).at(np.array(FAR))[None]


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
        kept: whether every candidate keeps it as a fact; what is not kept is computed only where it is asked for.
        scale: on which a model should see it: as it is, its logarithm (from 1e-6 to 1e12), or its asinh.
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
    kept: bool = True
    scale: Scale = "linear"

    def __post_init__(self) -> None:
        """Check the name, and that what a campaign may choose by is kept.

        Raises:
            ActsearchError: a column or a key of a candidate has the name, or it predicts and is not kept.
        """
        if self.name in RESERVED:
            raise ActsearchError(
                f"a feature cannot be called '{self.name}': a candidate has something else of that name"
            )
        if self.predicts and not self.kept:
            raise ActsearchError(f"feature '{self.name}' predicts, so it must be kept as well")

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

    def scaled(self, values: Array) -> Array:
        """Return values on the feature's scale."""
        if self.scale == "log":
            return np.log(np.clip(values, _LEAST, _MOST))
        return np.arcsinh(values) if self.scale == "asinh" else np.asarray(values, dtype=float)


def for_models(
    name: str, label: str, of: Callable[[Subject], float], *, quick: Callable[[Looks], Array], **more: Any
) -> Feature:
    """Return a feature that is a pure number and there for models: no column shows it and no candidate keeps it.

    Args:
        name: of the feature, and
        label: what reports call it.
        of: computes it, and
        quick: of many at once.
        more: whatever else differs from a feature's defaults.
    """
    return Feature(name, "1", label, of, shown=False, kept=False, quick=quick, **more)
