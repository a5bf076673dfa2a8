"""Features of linearity: what a straight line explains of a function, for inputs of three scales.

A task's own inputs are seldom of scale 1: trained networks hold pre-activations from a few tenths to a few units, and
the share changes with the scale (it does not for ReLU). Pure numbers in [0, 1].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluators.judging.features.feature import Subject, for_models
from evaluators.judging.looks import AT_NODES, AT_WIDE, GRID, Looks
from evaluators.theory.density import Array, parse_density
from evaluators.theory.quadrature import quadrature
from primitives import compile_expression

NARROW, WIDE = 0.3, 3.0
"""Standard deviations of the inputs."""

_CONSTANT = 1e-9


def line_share(values: Array, nodes: Array, weights: Array) -> Array:
    """Return the squared correlation of functions with their input, shape (n,); 1 where they do not vary at all.

    Args:
        values: at the nodes, one function a row.
        nodes: inputs.
        weights: the mass of each, summing to 1.
    """
    line = nodes - weights @ nodes
    centred = values - (values @ weights)[:, None]
    variance = centred**2 @ weights
    covariance = centred @ (weights * line)
    share = covariance**2 / (float(line**2 @ weights) * np.maximum(variance, 1e-300))
    flat = variance <= (_CONSTANT * np.abs(values).max(axis=1)) ** 2
    return np.where(flat, 1.0, np.minimum(1.0, share))


def _of(subject: Subject, scale: float) -> float:
    under = quadrature(parse_density(f"normal(0, {scale})"))
    values = compile_expression(subject.expression).at(under.nodes)
    return float(line_share(values[None], under.nodes, under.weights)[0])


def _places(part: slice, reach: float) -> NDArray[np.intp]:
    """Return the places of the part's inputs within a reach."""
    inside: NDArray[np.intp] = np.flatnonzero(np.abs(GRID[part]) <= reach + 1e-9)
    return inside + int(part.start)


def _weights(nodes: Array, scale: float) -> Array:
    """Return the mass of nodes under a normal, by the trapezoid rule."""
    spacing = np.gradient(nodes)
    mass = np.exp(-((nodes / scale) ** 2) / 2) * spacing
    mass[[0, -1]] /= 2
    weights: Array = mass / mass.sum()
    return weights


_NARROW_AT, _WIDE_AT = _places(AT_NODES, 8 * NARROW), _places(AT_WIDE, 4 * WIDE)
_NARROW_WEIGHTS, _WIDE_WEIGHTS = _weights(GRID[_NARROW_AT], NARROW), _weights(GRID[_WIDE_AT], WIDE)


def _narrow(looks: Looks) -> Array:
    return line_share(looks.at(_NARROW_AT), GRID[_NARROW_AT], _NARROW_WEIGHTS)


def _wide(looks: Looks) -> Array:
    """Return the estimate from inputs within four deviations."""
    return line_share(looks.at(_WIDE_AT), GRID[_WIDE_AT], _WIDE_WEIGHTS)


LINEARITY = (
    for_models(
        "linear_share",
        "share that a line explains",
        lambda s: s.mean_field.linear_share,
        quick=lambda looks: looks.rows.linear_share,
    ),
    for_models(
        "linear_share_narrow",
        f"share that a line explains at scale {NARROW:g}",
        lambda s: _of(s, NARROW),
        quick=_narrow,
    ),
    for_models(
        "linear_share_wide",
        f"share that a line explains at scale {WIDE:g}",
        lambda s: _of(s, WIDE),
        quick=_wide,
    ),
)
"""The shares at scales 1, 0.3 and 3."""
