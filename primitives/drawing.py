"""Curve and slope of a formula as SVG: a text, drawn without a plotting library."""

from __future__ import annotations

import numpy as np
import sympy
from numpy.typing import NDArray

from primitives.errors import PrimitiveError
from primitives.sampled import Values

REACH = 4.0
"""Curves are drawn from minus this to this."""
_POINTS = 161
_LOWEST, _HIGHEST = -2.5, 4.0
"""The most of the vertical axis that is shown."""
_FUNCTION, _SLOPE, _GREY = "#0b6e99", "#c2571a", "#8a9199"


def curves(
    body: sympy.Expr, slope: sympy.Expr, parameters: dict[str, float], width: int = 280, height: int = 180
) -> str | None:
    """Return a function and its slope on [-4, 4] as one SVG element with axes and labels.

    Args:
        body: of the function, and
        slope: its derivative by x.
        parameters: values by name.
        width: in pixels, and
        height: the same.

    Returns:
        The text; ``None`` where a primitive has no numpy kernel, or the function is finite nowhere.
    """
    x = np.linspace(-REACH, REACH, _POINTS)
    y, dy = sampled(body, x, parameters), sampled(slope, x, parameters)
    if y is None or not np.isfinite(y).any():
        return None
    low, high = _range(y if dy is None else np.concatenate([y, dy]))
    lines = [_line(dy, low, high, width, height, _SLOPE, 1.0)] if dy is not None else []
    lines.append(_line(y, low, high, width, height, _FUNCTION, 2.0))
    return _framed([*_axes(low, high, width, height), *lines, _legend(dy is not None)], width, height)


def sparkline(y: NDArray[np.float64], width: int = 80, height: int = 28) -> str:
    """Return values at equal steps as a small SVG element without axes."""
    low, high = _range(y)
    zero = _down(0.0, low, high, height)
    axis = f'<path d="M0 {zero:.1f}H{width}M{width / 2:g} 0V{height}" stroke="{_GREY}" stroke-width="0.5"/>'
    return _framed([axis, _line(y, low, high, width, height, _FUNCTION, 1.5)], width, height)


def sampled(body: sympy.Expr, x: NDArray[np.float64], parameters: dict[str, float]) -> NDArray[np.float64] | None:
    """Return the values of a formula at ``x``, of its shape; ``None`` where a primitive has no numpy kernel."""
    try:
        return Values(x, parameters).of(body)
    except PrimitiveError:
        return None


def _range(y: NDArray[np.float64]) -> tuple[float, float]:
    """Return the part of the vertical axis to show: what is there, zero included, within bounds."""
    fine = y[np.isfinite(y)]
    low, high = (float(fine.min()), float(fine.max())) if fine.size else (0.0, 0.0)
    low, high = max(min(low, -0.25), _LOWEST), min(max(high, 0.5), _HIGHEST)
    room = 0.04 * (high - low)
    return low - room, high + room


def _down(value: float, low: float, high: float, height: int) -> float:
    return (high - value) / (high - low) * height


def _line(y: NDArray[np.float64], low: float, high: float, width: int, height: int, colour: str, thick: float) -> str:
    """Return a path through all that is shown; it is broken where the function leaves the picture."""
    beyond = high - low
    inside = np.isfinite(y) & (y > low - beyond) & (y < high + beyond)
    steps, pen = [], "M"
    for place, (value, drawn) in enumerate(zip(y, inside, strict=True)):
        if drawn:
            steps.append(f"{pen}{place / (len(y) - 1) * width:.1f} {_down(float(value), low, high, height):.1f}")
        pen = "L" if drawn else "M"
    return f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="{thick:g}"/>'


def _axes(low: float, high: float, width: int, height: int) -> list[str]:
    """Return the axes with a tick at every whole number, and numbers at some."""
    zero, per_unit = _down(0.0, low, high, height), width / (2 * REACH)
    marks = [f"M0 {zero:.1f}H{width}", f"M{width / 2:g} 0V{height}"]
    labels = []
    for number in range(-int(REACH) + 1, int(REACH)):
        across = (number + REACH) * per_unit
        marks.append(f"M{across:g} {zero - 2:.1f}v4")
        if number % 2 == 0 and number:
            labels.append(_text(across, min(zero + 12, height - 2), str(number), "middle"))
    for number in range(int(np.ceil(low)), int(np.floor(high)) + 1):
        down = _down(number, low, high, height)
        marks.append(f"M{width / 2 - 2:g} {down:.1f}h4")
        if number:
            labels.append(_text(width / 2 - 5, down + 3, str(number), "end"))
    return [f'<path d="{"".join(marks)}" stroke="{_GREY}" stroke-width="0.7" fill="none"/>', *labels]


def _legend(slope: bool) -> str:
    parts = [("f", _FUNCTION), ("f'", _SLOPE)][: 1 + slope]
    return "".join(_text(6 + 18 * place, 12, name, "start", colour, 11) for place, (name, colour) in enumerate(parts))


def _text(x: float, y: float, text: str, anchor: str, colour: str = _GREY, size: int = 9) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="{size}" fill="{colour}" '
        f'text-anchor="{anchor}">{text}</text>'
    )


def _framed(parts: list[str], width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        + "".join(parts)
        + "</svg>"
    )
