"""Features of learnable parameters: how many there are, and how much of the output they move."""

from __future__ import annotations

import numpy as np

from evaluators.judging.features.feature import Subject, for_models
from evaluators.judging.looks import AT_NODES, WEIGHTS, Looks
from evaluators.judging.rows import owned
from evaluators.theory.density import Array


def _effect_of(subject: Subject) -> float:
    """Return the mean over parameters of sqrt(E[(df/dalpha)^2]/E[f^2]) at their initial values; 0 without any."""
    slopes, under = subject.samples.parameter_slopes.values(), subject.samples.under
    sizes = [np.sqrt(under.expectation(by**2) / subject.rows.second_moment[0]) for by in slopes]
    return float(np.mean(sizes)) if sizes else 0.0


def _count(looks: Looks) -> Array:
    return owned(np.zeros(len(looks.owners)), looks.owners, len(looks))[0]


def _effect(looks: Looks) -> Array:
    with np.errstate(all="ignore"):
        squares = looks.parameter_slopes[:, AT_NODES] ** 2 @ WEIGHTS
        sizes = np.sqrt(squares / looks.rows.second_moment[looks.owners])
    return np.where(looks.sound, owned(sizes, looks.owners, len(looks))[1], 0.0)


PARAMETERS = (
    for_models(
        "parameter_count",
        "learnable parameters",
        lambda s: len(s.expression.parameters),
        digits=0,
        formula=True,
        kind=int,
        quick=_count,
    ),
    for_models(
        "parameter_effect",
        "effect of learnable parameters",
        _effect_of,
        quick=_effect,
        scale="asinh",
    ),
)
"""The effect is how far a unit step of a parameter moves the output, in root mean squares of the output."""
