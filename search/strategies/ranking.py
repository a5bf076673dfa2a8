"""Fronts and crowding of a population (Deb et al. 2002), in arrays.

The order within a front is the one in which DEAP's non-dominated sorting collects it, since crowding
gives what lies between equal values to whoever comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import moocore
import numpy as np
from numpy.typing import NDArray

Indices: TypeAlias = NDArray[np.int64]
Points: TypeAlias = NDArray[np.float64]


def fronts(points: Sequence[tuple[float, ...]], missed: Sequence[int]) -> list[Indices]:
    """Return the indices of each front, the best first.

    Args:
        points: all minimised and finite.
        missed: how many rungs each did not come to; who missed fewer dominates whoever missed more.
    """
    equal: dict[tuple[int, tuple[float, ...]], list[int]] = {}
    for index, key in enumerate(zip(missed, points, strict=True)):
        equal.setdefault(key, []).append(index)
    unlike = list(equal)
    lacking = np.array([key[0] for key in unlike])
    values = np.array([key[1] for key in unlike], dtype=float)
    ranks = _ranks(values, lacking)
    found: list[Indices] = []
    before = np.zeros(0, dtype=np.int64)
    for rank in range(int(ranks.max()) + 1):
        members = np.flatnonzero(ranks == rank)
        before = members[_released(before, members, values, lacking)] if rank else members
        found.append(np.array([index for member in before for index in equal[unlike[member]]], dtype=np.int64))
    return found


def _ranks(values: Points, missed: Indices) -> Indices:
    """Return the number of each point's front."""
    ranks = np.zeros(len(values), dtype=np.int64)
    first = 0
    for lacking in np.unique(missed):
        group = missed == lacking
        ranks[group] = first + moocore.pareto_rank(values[group])
        first = int(ranks[group].max()) + 1
    return ranks


def _released(front: Indices, members: Indices, values: Points, missed: Indices) -> Indices:
    """Return the order of a front's members: by the last member of the front before that dominates each."""
    better = np.logical_and.reduce([column[front][:, None] <= column[members] for column in values.T])  # none are equal
    dominates = better | (missed[front][:, None] < missed[members])
    last = len(front) - 1 - dominates[::-1].argmax(axis=0)
    return np.lexsort((members, last))


def crowding(points: Points) -> Points:
    """Return each point's crowding distance among the others of its front, infinite at the ends of an objective.

    Args:
        points: shape (n, objectives).
    """
    count, objectives = points.shape
    distances, order = np.zeros(count), np.arange(count)
    for values in points.T:
        order = order[np.argsort(values[order], kind="stable")]
        ordered = values[order]
        distances[order[[0, -1]]] = np.inf
        if (reach := ordered[-1] - ordered[0]) > 0:
            distances[order[1:-1]] += (ordered[2:] - ordered[:-2]) / (objectives * reach)
    return distances
