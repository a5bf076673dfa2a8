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


def reference_of(frames: Sequence[pd.DataFrame], objectives: Sequence[Axis]) -> Array | None:
    """Return the worst values that are worth anything, as the search reckons, in several runs together.

    It is the worst baseline of what trainings measure, and just beyond the largest of the rest.

    Args:
        frames: of :func:`runs.front.scored`.
        objectives: which the runs have in common.

    Returns:
        Shape (objectives,); ``None`` where no baseline was trained.
    """
    every = pd.concat(frames)
    baselines = points_of(every[every["baseline"]], objectives)
    if not len(baselines):
        return None
    trained = [f"{axis.name}_se" in every for axis in objectives]
    beyond = (1 + _BEYOND) * points_of(every, objectives).max(axis=0)
    reference: Array = np.where(trained, baselines.max(axis=0), beyond)
    return reference


def points_of(frame: pd.DataFrame, objectives: Sequence[Axis]) -> Array:
    """Return a point for each row, shape (rows, objectives)."""
    return frame[[axis.name for axis in objectives]].to_numpy(dtype=float)
