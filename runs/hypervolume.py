"""How much a front dominates: one number of a run, below a reference beyond which nothing is worth anything."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runs.axes import Axis

Array = NDArray[np.float64]
_BEYOND = 0.01


def hypervolume(points: Array, reference: Array) -> float:
    """Return the share of the box from nought to the reference that points dominate.

    Args:
        points: objectives, all made small and positive, shape (n, objectives); those beyond the reference add nothing.
        reference: shape (objectives,).
    """
    below = points[(points < reference).all(axis=1)]
    return float(moocore.hypervolume(below, ref=reference)) / float(np.prod(reference)) if len(below) else 0.0


def reference_of(frames: Sequence[pd.DataFrame], objectives: Sequence[Axis]) -> Array:
    """Return the worst values that are worth anything, as the search reckons, in several runs together.

    It is the worst baseline of what trainings measure (the worst of all where there is none), and just beyond the
    largest of the rest.

    Args:
        frames: of :func:`runs.front.scored`, with one row at least.
        objectives: which the runs have in common.

    Returns:
        Shape (objectives,).
    """
    every = pd.concat(frames)
    points, baselines = (points_of(frame, objectives) for frame in (every, every[every["baseline"]]))
    trained = [f"{axis.name}_se" in every for axis in objectives]
    worst = (baselines if len(baselines) else points).max(axis=0)
    reference: Array = np.where(trained, worst, (1 + _BEYOND) * points.max(axis=0))
    return reference


def points_of(frame: pd.DataFrame, objectives: Sequence[Axis]) -> Array:
    """Return a point for each row, shape (rows, objectives)."""
    return frame[[axis.name for axis in objectives]].to_numpy(dtype=float)
