"""The raw EAFO flow, and why nothing here follows it.

Followed at every point, descent of the raw entropy (Sun et al. 2024, arXiv 2405.12954, the correction
repeated in small steps) is f_t = p' - (p/f') f''. That is a heat equation with the diffusion
coefficient -p/f', which is negative: time runs backward, the shortest wave that a grid can hold
grows fastest, and a finer grid blows up sooner.
"""

from __future__ import annotations

import numpy as np


def raw_flow(points: int, until_slope: float = 0.01, reach: float = 3.0, descend: bool = True) -> float:
    """Return the total step at which the raw flow from the identity under N(0, 1) has ruined the slope.

    Explicit steps of a quarter of what is stable for the same flow in the other direction, so that
    what blows up is the flow and not its integration; both ends are held.

    Args:
        points: of an equidistant grid on [-reach, reach], 16 or more.
        until_slope: the flow stops where some slope falls below it.
        reach: end of the grid.
        descend: ``False`` follows the other direction, an ordinary diffusion towards the worst function.

    Returns:
        The total step; at most 10, which the ascent reaches.
    """
    t = np.linspace(-reach, reach, points)
    step = t[1] - t[0]
    density = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
    sign = 1.0 if descend else -1.0
    f, total = t.copy(), 0.0
    while total < 10.0:
        slopes = np.diff(f) / step
        if slopes.min() < until_slope:
            break
        middle = (f[2:] - f[:-2]) / (2 * step)
        bend = np.diff(slopes) / step
        pace = min(0.125 * step**2 * float(slopes.min() / density.max()), 10.0 - total)
        f[1:-1] += sign * pace * (-t[1:-1] * density[1:-1] - density[1:-1] / middle * bend)
        total += pace
    return total
