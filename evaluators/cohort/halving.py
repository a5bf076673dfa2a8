"""Who goes on at a rung: the best by non-dominated rank among all that were ever seen there.

Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter
Tuning", arXiv:1810.05934) with the ranks of NSGA-II (Deb et al. 2002) in place of one metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluators.evaluation import Point


def promoted(points: Sequence[Point], history: Sequence[Point], keep: float) -> list[bool]:
    """Tell who goes on.

    Args:
        points: of the members at a rung, lower is better, error first.
        history: of candidates seen at this rung before.
        keep: share of all of them that goes on, rounded up.

    Returns:
        For each member whether it is among that share by front, then by error.
    """
    everyone = np.array([*points, *history], dtype=float)
    fronts = non_dominated_rank(everyone)
    order = np.lexsort((np.arange(len(everyone)), everyone[:, 0], fronts))
    chosen = set(order[: math.ceil(keep * len(everyone))].tolist())
    return [index in chosen for index in range(len(points))]


def dominating(points: Sequence[Point], history: Sequence[Point]) -> list[bool]:
    """Tell for each member whether it dominates anything among the members and the history."""
    everyone = np.array([*points, *history], dtype=float)
    return [bool(_dominated_by(everyone[index], everyone).any()) for index in range(len(points))]


def non_dominated_rank(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each row the number of its front: 0 for those that no row dominates, and so on."""
    ranks = np.full(len(points), -1)
    front = 0
    while (left := np.flatnonzero(ranks < 0)).size:
        rest = points[left]
        beaten = np.any([_dominated_by(point, rest) for point in rest], axis=0)
        ranks[left[~beaten]] = front
        front += 1
    return ranks


def _dominated_by(point: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((point <= others).all(axis=1) & (point < others).any(axis=1))
