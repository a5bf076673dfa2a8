"""Features of the tails: how fast a function grows towards each end, and which end is the steeper.

They compare the values at 50, 100 and 200 on either side, so a function that settles later, or still swings there, is
misread; :func:`primitives.growth.growth` is slower and looks farther. Pure numbers.
"""

from __future__ import annotations

import numpy as np

from evaluators.judging.features.feature import for_models
from evaluators.judging.looks import AT_FAR, Looks
from evaluators.theory.density import Array

LARGEST = 16.0
"""The exponent at which it is capped, as for an exponential."""

_LEFT, _RIGHT = (2, 1, 0), (3, 4, 5)
_SETTLED = 0.1


def growth_order(far: Array, side: tuple[int, int, int]) -> Array:
    """Return the exponent p of a growth like |x|^p, 0 where a function settles, :data:`LARGEST` at most.

    Args:
        far: values at :data:`evaluators.judging.looks.FAR`, shape (n, 6).
        side: the places of 50, 100 and 200 on that side.
    """
    near, middle, end = (far[:, place] for place in side)
    with np.errstate(all="ignore"):
        first, second = np.abs(middle - near), np.abs(end - middle)
        noise = 1e-9 * np.maximum(np.abs(end), 1e-6)
        order = np.log2(second / np.maximum(first, 1e-300))
    return np.where(second <= noise, 0.0, np.clip(np.nan_to_num(order, nan=0.0, posinf=LARGEST), 0.0, LARGEST))


def tail_balance(far: Array, second_moment: Array) -> Array:
    """Return (R - L)/(R + L), in [-1, 1], where R and L are by how much the right and the left tail still move.

    That is the absolute change between 100 and 200: 1 for ReLU, 0 for what is odd, even or settles on both sides. A
    tenth of the root mean square output is added to the sum, so that tails that have all but settled count as such.
    """
    with np.errstate(all="ignore"):
        left, right = np.abs(far[:, 0] - far[:, 1]), np.abs(far[:, 5] - far[:, 4])
        balance: Array = (right - left) / (right + left + _SETTLED * np.sqrt(second_moment))
    return balance


def _far(looks: Looks) -> Array:
    return looks.at(AT_FAR)


TAILS = (
    for_models(
        "left_growth",
        "exponent of the left tail",
        lambda s: float(growth_order(s.far, _LEFT)[0]),
        quick=lambda looks: growth_order(_far(looks), _LEFT),
        scale="asinh",
    ),
    for_models(
        "right_growth",
        "exponent of the right tail",
        lambda s: float(growth_order(s.far, _RIGHT)[0]),
        quick=lambda looks: growth_order(_far(looks), _RIGHT),
        scale="asinh",
    ),
    for_models(
        "tail_balance",
        "balance of the tails",
        lambda s: float(tail_balance(s.far, s.rows.second_moment)[0]),
        quick=lambda looks: tail_balance(_far(looks), looks.rows.second_moment),
    ),
)
