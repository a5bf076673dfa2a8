"""Which known activation is a function, or what is it nearest to?

Two functions are the same for a network when the layers around them can absorb the difference:
an affine map of the output, a reflection of the input, or an affine map of the input. The distance
is ``sqrt(E[(u - v)^2])`` of two outputs standardised under a normal input, the sign of one chosen
to make it small: 0 for affine copies, at most ``sqrt(2)``. ReLU and LeakyReLU(0.01) are 0.009
apart, GELU and SiLU 0.10, ReLU and tanh 0.59.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from primitives.errors import ExpressionError
from primitives.expression import Expression
from primitives.identity import POINTS, is_decreed
from primitives.module import compile_expression
from primitives.references import library

Array = NDArray[np.float64]
Function = Callable[[Array], Array]

_COUNT = 256
QUANTILES: Array = stats.norm.ppf((np.arange(_COUNT) + 0.5) / _COUNT)
"""Equally likely values of a standard normal input, symmetric about 0, shape (256,)."""

_SAME = 1e-6
_TRIED = 16
_HUGE = 1e150
_LARGEST_SCALE = 8.0
_INPUT_MAPS = tuple(
    (side * scale, shift)
    for side in (1.0, -1.0)
    for scale in (0.25, 0.4, 0.6, 1.0, 1.6, 2.5, 4.0)
    for shift in (0.0, -1.0, 1.0, -2.5, 2.5, -5.0, 5.0)
)


@dataclass(frozen=True)
class Match:
    """The known activation that a function is, or is nearest to.

    The function is ``scale*known(input_scale*x + input_shift) + shift``, exactly if ``same`` and
    nearly otherwise.

    Attributes:
        name: in the library.
        distance: see the module; 0 to sqrt(2).
        same: whether the two agree, to five digits or more, on a grid in [-200, 200].
        scale, shift: of the output.
        input_scale, input_shift: of the input.
    """

    name: str
    distance: float
    same: bool
    scale: float = 1.0
    shift: float = 0.0
    input_scale: float = 1.0
    input_shift: float = 0.0

    def __str__(self) -> str:
        """Return ``= silu``, ``= 2*sigmoid(2*x) - 1`` or ``gelu, 0.102 away``."""
        if not self.same:
            return f"{self.name}, {self.distance:.3f} away"
        inner = _sum(_times(self.input_scale, "x"), self.input_shift)
        return "= " + _sum(_times(self.scale, self.name if inner == "x" else f"{self.name}({inner})"), self.shift)


def _times(factor: float, text: str) -> str:
    rounded = float(f"{factor:.6g}")
    return {1.0: text, -1.0: f"-{text}"}.get(rounded, f"{rounded:g}*{text}")


def _sum(text: str, number: float) -> str:
    rounded = float(f"{number:.6g}") if abs(number) > 10 * _SAME else 0.0
    return text if rounded == 0 else f"{text} {'-' if rounded < 0 else '+'} {abs(rounded):g}"


def function_of(expression: Expression) -> Function:
    """Return a plain numpy function in float64, at the initial parameter values."""
    compiled = compile_expression(expression)

    def call(x: Array) -> Array:
        return np.clip(compiled.at(x), -_HUGE, _HUGE)  # nan stays nan; squares stay finite

    return call


def standardised(outputs: Array) -> Array:
    """Return outputs at :data:`QUANTILES` with mean 0 and variance 1 along the last axis."""
    centred = outputs - outputs.mean(axis=-1, keepdims=True)
    scaled: Array = centred / np.maximum(centred.std(axis=-1, keepdims=True), 1e-300)
    return scaled


def distances(rows: Array, one: Array) -> Array:
    """Return the distance of each standardised row to one standardised output, whichever its sign."""
    squares = 2 * (1 - np.abs(rows @ one) / one.size)
    apart: Array = np.sqrt(np.maximum(squares, 0.0))
    return apart


def nearest_known(expression: Expression) -> Match:
    """Return the library function that an expression is, or else the nearest one.

    Exact matches are sought first up to the output's scale and shift, then with the input
    reflected, then with the input scaled by 1/8 to 8 and shifted by up to 6. A match is judged on
    115 points in [-200, 200]: a difference between those points goes unseen. What has
    a slope by decree is none of them.

    Raises:
        ExpressionError: it is flat, or not finite, where a normal input has its mass.

    Example:
        >>> from primitives import parse
        >>> str(nearest_known(parse("(1 + tanh(x))/2")))
        '= 0.5*tanh + 0.5'
    """
    target = function_of(expression)
    outputs = target(QUANTILES)
    if not np.isfinite(outputs).all() or np.abs(outputs).max() >= _HUGE:
        raise ExpressionError(f"'{expression}' is not finite near 0 and resembles nothing")
    if np.ptp(outputs) <= 1e-12 * np.abs(outputs).max():
        raise ExpressionError(f"'{expression}' is flat between -2.9 and 2.9 and resembles nothing")
    plain = _ranked(outputs, _table(((1.0, 0.0), (-1.0, 0.0))))
    best = _match(target, *plain[0])
    if is_decreed(expression.body):  # no known activation has another function's slope
        return replace(best, same=False)
    candidates = [_match(target, *entry) for entry in plain[:_TRIED]]
    mapped = [] if best.same else _ranked(outputs, _table(_INPUT_MAPS))
    closest: dict[str, tuple[str, float, float]] = {}
    for entry in mapped:
        closest.setdefault(entry[0], entry)
    candidates += [_refined(target, *entry) for entry in [*closest.values()][:_TRIED]]
    return next((match for match in candidates if match.same), best)


@cache
def _known() -> dict[str, Function]:
    """Return the library's functions by name, in its order."""
    return {name: function_of(known.expression) for name, known in library().items()}


@cache
def _table(maps: tuple[tuple[float, float], ...]) -> tuple[list[tuple[str, float, float]], Array]:
    """Return ``(name, input scale, input shift)`` and, row by row, the standardised outputs."""
    entries, rows = [], []
    for name, known in _known().items():
        for scale, shift in maps:
            with np.errstate(all="ignore"):
                outputs = known(scale * QUANTILES + shift)
            if np.isfinite(outputs).all() and np.ptp(outputs) > 0:
                entries.append((name, scale, shift))
                rows.append(standardised(outputs))
    return entries, np.stack(rows)


def _ranked(outputs: Array, table: tuple[list[tuple[str, float, float]], Array]) -> list[tuple[str, float, float]]:
    """Return the entries of a table by distance, the library's order among equals."""
    entries, rows = table
    apart = distances(rows, standardised(outputs))
    return [entries[index] for index in np.argsort(np.round(apart, 7), kind="stable")]


def _match(target: Function, name: str, scale: float, shift: float) -> Match:
    """Fit the output's scale and shift for a given map of the input, and judge the fit on the wide grid."""
    known = _known()[name]
    inner, wanted = known(scale * QUANTILES + shift), target(QUANTILES)
    factor = float(np.mean((wanted - wanted.mean()) * (inner - inner.mean()))) / max(float(inner.var()), 1e-300)
    offset = float(wanted.mean() - factor * inner.mean())
    apart = float(distances(standardised(wanted), standardised(inner)))
    with np.errstate(all="ignore"):
        exact, fitted = target(POINTS), factor * known(scale * POINTS + shift) + offset
        error = np.abs(exact - fitted) / (1 + np.abs(exact))
    same = apart < _SAME and bool((error < 10 * _SAME).all())
    return Match(name, apart, same, factor, offset, scale, shift)


def _refined(target: Function, name: str, scale: float, shift: float) -> Match:
    """Improve a map of the input until the outputs agree or cannot be brought closer."""
    known, wanted = _known()[name], standardised(target(QUANTILES))

    def miss(point: Array) -> float:
        with np.errstate(all="ignore"):
            inner = known(scale * np.exp(point[0]) * QUANTILES + point[1])
        return float(distances(wanted, standardised(inner))) if np.isfinite(inner).all() else 2.0

    start = np.array([[0.0, shift], [0.3, shift], [0.0, shift + 0.3]])
    options: Any = {"xatol": 1e-11, "fatol": 1e-13, "maxiter": 300, "initial_simplex": start}
    found = optimize.minimize(miss, start[0], method="Nelder-Mead", options=options)
    whole = scale * float(np.exp(found.x[0]))
    inside = 1 / _LARGEST_SCALE <= abs(whole) <= _LARGEST_SCALE
    return (
        _match(target, name, *(round(v, 9) for v in (whole, float(found.x[1])))) if inside else Match(name, 2.0, False)
    )
