"""Features of shape: turns, steepness, symmetry and kinks, as far as a standard normal input sees them.

Each is a pure number. Those that are relative do not change when the function is scaled, and none does when it is
mirrored.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evaluators.judging.features.feature import Feature, for_models
from evaluators.judging.rows import Rows
from evaluators.theory.density import Array

STEEPEST = 64.0
"""What counts as a jump: the slope at which :func:`lipschitz` is capped."""

_FLAT = 1e-6
_BEYOND_SLOPES, _JUMP = 4.0, 0.02
_WITHIN = 4.0


def non_monotone(rows: Rows) -> Array:
    """Return the normal mass on which a function rises or that on which it falls, whichever is smaller, in [0, 0.5].

    0 for what only rises or only falls; a slope below 1e-6 deviations of the output is neither.
    """
    least = _FLAT * np.sqrt(rows.variance)[:, None]
    up, down = (rows.rises > least) @ rows.grid.masses, (rows.rises < -least) @ rows.grid.masses
    mass: Array = np.minimum(up, down)
    return mass


def lipschitz(rows: Rows) -> Array:
    """Return the logarithm of the Lipschitz constant on [-8, 8] of the function over its root mean square.

    That is what bounds how much a gain-corrected layer stretches a distance (Szegedy et al. 2014, arXiv 1312.6199,
    section 4.3, for ReLU). Between -log(64) and log(64); a jump has log(64). A jump is a step from node to node of more
    than four times what the slopes at both explain, and of more than 0.02 of the root mean square.
    """
    size = np.sqrt(rows.second_moment)
    steepest = np.where(jumps(rows), STEEPEST, np.abs(rows.slopes).max(axis=1) / size)
    logarithm: Array = np.log(np.clip(steepest, 1 / STEEPEST, STEEPEST))
    return logarithm


def jumps(rows: Rows) -> NDArray[np.bool_]:
    """Tell which functions jump, as :func:`lipschitz` has it."""
    slopes = np.abs(rows.slopes)
    explained = _BEYOND_SLOPES * np.maximum(slopes[:, 1:], slopes[:, :-1])
    beyond = (np.abs(rows.rises) - explained).max(axis=1) * rows.grid.step
    return np.asarray(beyond > _JUMP * np.sqrt(rows.second_moment))


def oddness(rows: Rows) -> Array:
    """Return the share of the variance of the odd part (f(x) - f(-x))/2, in [0, 1]: 1 for odd, 0 for even functions."""
    mirrored = np.einsum("nk,nk,k->n", rows.centred, rows.centred[:, ::-1], rows.grid.weights)
    share: Array = np.clip((1 - mirrored / rows.variance) / 2, 0.0, 1.0)
    return share


def kinks(rows: Rows) -> Array:
    """Return J/(J + S), in [0, 1): J the largest jump of the slope on [-4, 4] and S its root mean square.

    0 for smooth functions; for ReLU, where J is 1, 0.586. A bend is sharp when it happens within a sixteenth of a unit,
    beyond what the slope does next to it, so the nodes must be those of :class:`evaluators.judging.looks.Looks`.
    """
    inner = np.abs(rows.grid.nodes) <= _WITHIN
    slopes = rows.slopes[:, inner]
    turns = slopes[:, 2:] - slopes[:, :-2]
    jump = np.abs(turns[:, 2:-2] - (turns[:, :-4] + turns[:, 4:]) / 2).max(axis=1)
    usual = np.sqrt(slopes**2 @ rows.grid.weights[inner])
    share: Array = jump / np.maximum(jump + usual, 1e-300)
    return share


def _feature(name: str, label: str, of_rows: Callable[[Rows], Array]) -> Feature:
    return for_models(name, label, lambda s: float(of_rows(s.rows)[0]), quick=lambda looks: of_rows(looks.rows))


SHAPE = (
    _feature("non_monotone", "mass that turns back", non_monotone),
    _feature("lipschitz", "logarithm of the steepest slope", lipschitz),
    _feature("oddness", "odd share of the variance", oddness),
    for_models(
        "kinks",
        "sharpest kink",
        lambda s: float(kinks(s.coarse)[0]),
        quick=lambda looks: kinks(looks.rows),
    ),
)
