"""Where the bump sits: centre and width are median and quartile range of the running density, and follow it.

They are kept while the median lies within one width of the centre and the quartile range is half
to twice that of a Gaussian of this width, so in a settled network nothing is ever placed anew.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from evaluators.instruments.dynamic.family import Shape, histogram
from evaluators.theory.density import Array

_SHARES = np.array([0.25, 0.1, 0.02])
_ASKED = np.concatenate([_SHARES, [0.5], 1 - _SHARES])
_DEVIATIONS = np.array([1.349, 2.563, 4.107])
"""How many deviations of a Gaussian lie between the quantiles with these shares outside at either end."""

_EMPTY = 0.05
_TRIES = 8
"""Placements in one update: what lay beyond the histogram is found in steps of about 20 widths, then 400 ..."""


def running(values: Array, shape: Shape, density: Array, memory: float) -> tuple[Shape, Array] | None:
    """Take values into a running density; place centre and width anew where it has left them.

    Args:
        values: finite, shape (n,).
        shape: gives centre and width; not looked at where the density is all zero, as at the start.
        density: a histogram, shape (bins,).
        memory: share of it that stays.

    Returns:
        The shape with its new centre and width, and the new density; the bump's factors are still
        those of the old place, see :func:`evaluators.instruments.dynamic.family.refitted`. ``None`` where the
        values are constant, all but a fiftieth at either end.
    """
    ordered = np.sort(values)
    ranks = (_SHARES * len(ordered)).astype(np.intp)
    middle, width = float(ordered[len(ordered) // 2]), _width(ordered[ranks], ordered[-1 - ranks])
    if not width > 1e-6 * abs(middle):
        return None
    if not density.any():
        shape, memory = replace(shape, steepness=1 / width, offset=-middle / width), 0.0
    mixed = memory * density + (1 - memory) * histogram(values, shape, len(density))
    for _ in range(_TRIES):
        lows, middle, highs = _quantiles(mixed)
        width = _width(lows, highs)
        if abs(middle) <= 1 and 0.5 <= width <= 2:
            break
        placed = replace(shape, steepness=shape.steepness / width, offset=(shape.offset - middle) / width)
        density, shape = _rebinned(density, shape, placed), placed
        mixed = memory * density + (1 - memory) * histogram(values, shape, len(density))
    return shape, mixed


def _width(lows: Array, highs: Array) -> float:
    """Return the quartile range, which no outlier touches, over that of a Gaussian.

    Where it is next to nothing beside the wider ranges, because half of the values are one number,
    the next range is asked.
    """
    widths = ((highs - lows) / _DEVIATIONS).tolist()
    return float(next(width for width in widths if width >= _EMPTY * max(widths)))


@lru_cache(maxsize=16)
def _edges(bins: int) -> Array:
    """Return the edges of the bins in z/(1 + |z|), shape (bins + 1,)."""
    return np.linspace(-1.0, 1.0, bins + 1)


def _quantiles(density: Array) -> tuple[Array, float, Array]:
    """Return the low quantiles of a histogram by z, the median and the high ones; it is flat inside a bin."""
    below = np.zeros(len(density) + 1)
    np.maximum.accumulate(density.cumsum(), out=below[1:])
    u = np.interp(_ASKED * below[-1], below, _edges(len(density)))
    z = u / (1 - np.abs(u))
    return z[:3], float(z[3]), z[4:]


def _rebinned(density: Array, old: Shape, new: Shape) -> Array:
    """Return a histogram in the bins of another placement, shape (bins,); the density is flat inside a bin."""
    edges = _edges(len(density))
    inner = edges[1:-1] / (1 - np.abs(edges[1:-1]))
    z = old.steepness * ((inner - new.offset) / new.steepness) + old.offset
    u = np.concatenate([[-1.0], z / (1 + np.abs(z)), [1.0]])
    rebinned: Array = np.diff(np.interp(u, edges, np.concatenate([[0.0], np.cumsum(density)])))
    return rebinned
