"""How much a front dominates: one number of a set of points, against a reference that is worse than all of interest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import moocore
import numpy as np
import pandas as pd

Point = Sequence[float]


def hypervolume(points: Iterable[Point], reference: Point) -> float:
    """Return the volume that points dominate below a reference, in units of the box from nought to the reference.

    Args:
        points: objectives, all made small; those that are not below the reference add nothing.
        reference: of the same objectives; a share of the box only means much where all of it is positive.
    """
    below = [point for point in points if all(value < bound for value, bound in zip(point, reference, strict=True))]
    box = float(np.prod([abs(bound) or 1.0 for bound in reference]))
    return float(moocore.hypervolume(np.array(below, dtype=float), ref=list(reference))) / box if below else 0.0


def worst(points: Iterable[Point]) -> tuple[float, ...] | None:
    """Return the worst of some points by each objective, a reference for others; ``None`` of no point."""
    rows = list(points)
    return tuple(max(values) for values in zip(*rows, strict=True)) if rows else None


def baselines_of(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[float, ...]]:
    """Return the baselines' points in a frame of :func:`runs.front.scored` or :func:`runs.front.pareto`."""
    return points_of(frame[frame["baseline"]], names)


def points_of(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[float, ...]]:
    """Return a point for each row, of the objectives named."""
    return [tuple(map(float, row)) for row in frame[list(names)].itertuples(index=False)]
