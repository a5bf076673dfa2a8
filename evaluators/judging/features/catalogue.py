"""All features in one mapping, and what they say of many functions at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from evaluators.judging.features.feature import Feature
from evaluators.judging.features.formula import FORMULA
from evaluators.judging.features.linearity import LINEARITY
from evaluators.judging.features.output import OUTPUT
from evaluators.judging.features.parameters import PARAMETERS
from evaluators.judging.features.propagation import PROPAGATION
from evaluators.judging.features.shape import SHAPE
from evaluators.judging.features.tails import TAILS
from evaluators.judging.looks import Looks
from evaluators.theory.density import Array
from primitives.registries import Registry

GROUPS: Mapping[str, tuple[Feature, ...]] = {
    "formula": FORMULA,
    "output": OUTPUT,
    "propagation": PROPAGATION,
    "linearity": LINEARITY,
    "tails": TAILS,
    "shape": SHAPE,
    "parameters": PARAMETERS,
}
"""The features of this package, by group."""
_BOUND = 1e6

FEATURES: Registry[Feature] = Registry(
    "feature", {feature.name: feature for group in GROUPS.values() for feature in group}, Feature
)
"""Every feature by name; an extension adds to it with ``FEATURES.register(name, Feature(...))``."""


def kept() -> dict[str, Feature]:
    """Return the features that every candidate keeps as facts, by name."""
    return {name: feature for name, feature in FEATURES.items() if feature.kept}


def quick() -> tuple[str, ...]:
    """Return the names of the features that can be had from arrays: the columns of :func:`table`."""
    return tuple(name for name, feature in FEATURES.items() if feature.quick is not None)


def described(looks: Looks) -> dict[str, Array]:
    """Return every feature that can be had from arrays by name, shape (n,); only those of sound functions mean much."""
    return {name: feature.quick(looks) for name, feature in FEATURES.items() if feature.quick is not None}


def table(looks: Looks, found: Mapping[str, Array] | None = None) -> tuple[tuple[str, ...], Array]:
    """Return the same as a table for a model: on each feature's scale, finite and within 1e6.

    Args:
        looks: functions.
        found: what :func:`described` said of them, where that is known.

    Returns:
        The names of the features, and a row for each function, shape (n, features).
    """
    found = described(looks) if found is None else found
    with np.errstate(all="ignore"):
        columns = [FEATURES[name].scaled(values) for name, values in found.items()]
    return tuple(found), bounded(np.stack(columns, axis=1))


def bounded(matrix: Array) -> Array:
    """Return numbers that a model can be fitted on: finite and within 1e6, 0 for NaN."""
    return np.clip(np.nan_to_num(matrix, nan=0.0, posinf=_BOUND, neginf=-_BOUND), -_BOUND, _BOUND)
