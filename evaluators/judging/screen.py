"""The static screen: what no training run should ever see.

Each check is cheap and names its reason; whether a function is finite is told by :mod:`evaluators.theory.finite`.
"""

from __future__ import annotations

import numpy as np

from evaluators.theory.quadrature import Samples

_FLAT = 1e-6
_DEAD_SHARE = 0.99


def degenerate(samples: Samples) -> str | None:
    """Return why a finite function is useless as an activation, or ``None``.

    Constant: the output's spread is below 1e-6 of its size. Affine: the residual of the best
    straight line, weighted by a standard normal and by a uniform density on [-8, 8], is below
    1e-6 of the spread. Dead: the slope vanishes on 99 % of the normal mass. Idle: a learnable
    parameter changes nothing anywhere.
    """
    normal, (spread, residual) = samples.under.weights, _spread_and_residual(samples)
    if _is_flat(samples, spread):
        return "it is constant"
    if residual <= (_FLAT**2) * spread:
        return "it is affine (a straight line)"
    dead = float(normal @ (np.abs(samples.slopes) <= _FLAT * np.sqrt(spread)))
    if dead >= _DEAD_SHARE:
        return "its slope is zero almost everywhere"
    idle = [name for name, slopes in samples.parameter_slopes.items() if not slopes.any()]
    return f"its learnable {idle[0]} has no effect" if idle else None


def affine(samples: Samples) -> bool:
    """Tell whether a finite function is a straight line that is not flat, by the measure of :func:`degenerate`."""
    spread, residual = _spread_and_residual(samples)
    return not _is_flat(samples, spread) and residual <= (_FLAT**2) * spread


def _is_flat(samples: Samples, spread: float) -> bool:
    return spread <= (_FLAT * max(1e-6, float(np.abs(samples.values).max()))) ** 2


def _spread_and_residual(samples: Samples) -> tuple[float, float]:
    """Return the variance of the values, and what of it the best straight line leaves."""
    nodes, normal = samples.under.nodes, samples.under.weights
    weights = (normal + np.full_like(normal, 1 / normal.size)) / 2
    centred = samples.values - weights @ samples.values
    line = nodes - weights @ nodes
    slope = (weights @ (line * centred)) / (weights @ line**2)
    return float(weights @ centred**2), float(weights @ (centred - slope * line) ** 2)
