"""The static screen: what no training run should ever see.

Each check is cheap and names its reason; whether a function is finite is told by :mod:`evaluators.theory.finite`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluators.theory.density import Array
from evaluators.theory.quadrature import Samples

_FLAT = 1e-6
_DEAD_SHARE = 0.99

CONSTANT = "it is constant"
AFFINE = "it is affine (a straight line)"
DEAD = "its slope is zero almost everywhere"


def degenerate(samples: Samples) -> str | None:
    """Return why a finite function is useless as an activation, or ``None``.

    Constant: the output's spread is below 1e-6 of its size. Affine: the residual of the best
    straight line, weighted by a standard normal and by a uniform density on [-8, 8], is below
    1e-6 of the spread. Dead: the slope vanishes on 99 % of the normal mass. Idle: a learnable
    parameter changes nothing anywhere.
    """
    under = samples.under
    for reason, holds in faults(samples.values[None], samples.slopes[None], under.nodes, under.weights).items():
        if holds[0]:
            return reason
    idle = [name for name, slopes in samples.parameter_slopes.items() if not slopes.any()]
    return f"its learnable {idle[0]} has no effect" if idle else None


def affine(samples: Samples) -> bool:
    """Tell whether a finite function is a straight line that is not flat, by the measure of :func:`degenerate`."""
    return degenerate(samples) == AFFINE


def faults(values: Array, slopes: Array, nodes: Array, normal: Array) -> dict[str, NDArray[np.bool_]]:
    """Tell of several finite functions which are degenerate and how, the worst first; see :func:`degenerate`.

    Args:
        values: at the nodes, one function a row, shape (n, nodes).
        slopes: of the same shape.
        nodes: inputs.
        normal: the mass that each stands for, summing to 1.

    Returns:
        Which functions it is true of, shape (n,), by reason.
    """
    weights = (normal + np.full_like(normal, 1 / normal.size)) / 2
    centred = values - (values @ weights)[:, None]
    line = nodes - weights @ nodes
    slope = (centred @ (weights * line)) / (weights @ line**2)
    spread = (centred**2) @ weights
    residual = ((centred - slope[:, None] * line) ** 2) @ weights
    flat = spread <= (_FLAT * np.maximum(1e-6, np.abs(values).max(axis=1))) ** 2
    dead = (np.abs(slopes) <= _FLAT * np.sqrt(spread)[:, None]) @ normal >= _DEAD_SHARE
    straight = residual <= _FLAT**2 * spread
    return {CONSTANT: flat, AFFINE: straight & ~flat, DEAD: dead}
