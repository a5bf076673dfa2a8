"""Which of many guessed points to try next: by the volume that they would add to the front, as far as it is worth it.

The volume that a front dominates below a reference point is its hypervolume (Zitzler & Thiele 1998). A point is
worth the volume that it adds; of a guessed point the expectation is taken by drawing one opinion of the model for each
choice, as Thompson sampling does. What is chosen, and what is being trained already, counts as part of the front as it
is guessed, so that a batch does not choose the same gain twice.
"""

from __future__ import annotations

from collections.abc import Callable

import moocore
import numpy as np

from primitives.numeric import Array

Opinion = Callable[[], tuple[Array, Array]]
"""Draws one opinion of a model: points of the pool, and of what is told or in flight, each of shape (n, objectives)."""


def gains(points: Array, front: Array, reference: Array) -> Array:
    """Return the volume that each point would add to a front, shape (n,); 0 of what is beyond the reference.

    Args:
        points: shape (n, objectives), all minimised.
        front: points that are there already, shape (m, objectives); dominated ones may be among them.
        reference: worst values that are worth anything, shape (objectives,).
    """
    found = np.zeros(len(points))
    inside = np.flatnonzero((points < reference).all(axis=1))
    if not len(inside):
        return found
    there = front[(front < reference).all(axis=1)]
    there = moocore.filter_dominated(there) if len(there) else there
    no_better = np.all(there[None] <= points[inside][:, None], axis=2)
    dominated = np.asarray(no_better.any(axis=1))
    volume = moocore.Hypervolume(ref=reference)
    base = volume(there) if len(there) else 0.0
    for place in inside[~dominated]:
        found[place] = volume(np.vstack([there, points[place]])) - base
    return found


def picked(opinion: Opinion, count: int, reference: Array, greedy: Callable[[], bool]) -> list[int]:
    """Return places of a pool, one for each of a batch.

    Args:
        opinion: asked anew for each.
        count: of the batch, no more than there are in the pool.
        reference: see :func:`gains`.
        greedy: tells before each whether it is the one with the lowest first objective, rather than the largest gain.
    """
    chosen: list[int] = []
    for _ in range(count):
        points, front = opinion()
        worth = -points[:, 0] if greedy() else _by_gain(points, np.vstack([front, points[chosen]]), reference)
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
    return chosen


def _by_gain(points: Array, front: Array, reference: Array) -> Array:
    """Return what orders points by their gain, and where that is equal by their first objective."""
    gain = gains(points, front, reference)
    order = np.lexsort((points[:, 0], -gain))
    worth = np.empty(len(points))
    worth[order] = -np.arange(len(points))
    return worth
