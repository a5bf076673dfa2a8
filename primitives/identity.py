"""When are two expressions the same function? Structure first, then values within a tolerance."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from primitives.expression import Expression
from primitives.module import compile_expression
from primitives.parser import parse

# Reaches past 6, so that ReLU and ReLU6 differ; multiples of the golden ratio share no period with
# anything; dense near 0, where kinks and poles are.
_INNER = 103
_GOLDEN = (np.arange(1, 97) * 0.6180339887498949) % 1.0
_NEAR_ZERO = [0.0, 1e-8, -1e-8, 1.3e-3, -1.7e-3, 0.031, -0.029]
_OUTER = [-200.0, -97.3, -41.9, -17.7, -8.3, -5.2, 5.7, 8.9, 19.1, 43.7, 101.3, 200.0]
POINTS = np.concatenate([_NEAR_ZERO, 8.4 * _GOLDEN - 4.1, _OUTER])
"""Inputs at which functions are compared, float64, shape (115,), the inner 103 first."""

_MOVES = ((-1.3, -0.21), (0.6, 0.83))  # of every parameter, to where training may take it
_ALONE = 0.37  # added to one parameter at a time
_UNDEFINED = 1e5
TOLERANCE = 1e-6
Fingerprint = NDArray[np.float64]


def fingerprint(expression: Expression, *, scale_free: bool = False, reflected: bool = False) -> Fingerprint:
    """Return what an expression does, as a vector that does not depend on how it is written.

    The vector holds the values on a fixed float64 grid of 115 points in [-200, 200], compressed by
    ``asinh`` so that one absolute tolerance (1e-6) serves small and large values: at the initial
    parameter values; with all parameters moved, twice, and with each moved alone, since training
    moves them (``abs(alpha)*x`` is not ``alpha*x``); and the slopes with respect to the parameters.
    The order is free of their names.

    Args:
        expression: what to describe.
        scale_free: divide by the root mean square on the inner 103 points, signed, so that
            ``c*f(x)`` has the print of ``f(x)`` for every number ``c`` but 0.
        reflected: describe ``f(-x)`` instead.
    """
    function = compile_expression(expression)
    x = torch.from_numpy(-POINTS if reflected else POINTS)
    initial = function.initial
    outputs = function.value(x, *initial).expand_as(x).numpy()
    scale = _scale(outputs[:_INNER]) if scale_free else 1.0

    def moved(values: list[torch.Tensor]) -> NDArray[np.float64]:
        there = function.value(x, *values).expand_as(x).numpy()
        finite: NDArray[np.float64] = np.nan_to_num(there, nan=_UNDEFINED, posinf=_UNDEFINED, neginf=_UNDEFINED)
        return finite / scale

    rows = [outputs / scale]
    rows += [moved([factor * v + shift for v in initial]) for factor, shift in (_MOVES if initial else ())]
    places = range(len(initial))
    alone = [moved([v + _ALONE * (place == index) for index, v in enumerate(initial)]) for place in places]
    rows += sorted(alone, key=lambda s: np.round(s, 6).tolist())
    slopes = [s.expand_as(x).numpy() / scale for s in function.slopes(x, *initial)[1:]] if initial else []
    rows += sorted(slopes, key=lambda s: np.round(s, 6).tolist())
    return np.asarray(np.arcsinh(np.concatenate(rows)))


def _scale(values: NDArray[np.float64]) -> float:
    """Return the root mean square with the sign of the value of largest size; 1 for zeros."""
    size = float(np.sqrt(np.mean(values**2)))
    return size * float(np.sign(values[np.argmax(np.abs(values) > 0.999 * np.abs(values).max())])) or 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """What an index must know of an expression to look for it, so that it need not be read again.

    Attributes:
        key: its structure, see :attr:`Expression.key`.
        size: length of its fingerprint, 0 where it has none.
        projection: of its fingerprint.
    """

    key: str
    size: int = 0
    projection: float = 0.0


@dataclass
class IdentityIndex:
    """Finds the earlier expression that a new one equals, in logarithmic time.

    Fingerprints are kept sorted by one fixed projection; a look-up compares in full only the
    few whose projection is close, so the tolerance is honest (no rounding boundaries). Of an expression that
    is known by its mark alone the fingerprint is made when it is compared for the first time.

    An id stands for one expression: adding it again replaces what it stood for.
    """

    _ids: dict[str, set[int]] = field(default_factory=dict)
    _keys: dict[int, str] = field(default_factory=dict)
    _sorted: list[tuple[int, float, int]] = field(default_factory=list)
    _places: dict[int, tuple[int, float, int]] = field(default_factory=dict)
    _prints: dict[int, Fingerprint] = field(default_factory=dict)
    _texts: dict[int, str] = field(default_factory=dict)

    def find_structure(self, expression: Expression) -> int | None:
        """Return the lowest id of an expression written the same way, or ``None``."""
        return min(self._ids.get(expression.key, ()), default=None)

    def find_values(self, print_: Fingerprint) -> int | None:
        """Return the id of an expression with the same values and parameter slopes, or ``None``."""
        if not np.isfinite(print_).all():
            return None
        size, projection = print_.size, _project(print_)
        reach = TOLERANCE * 1.01
        low = bisect.bisect_left(self._sorted, (size, projection - reach, -1))
        for length, value, identifier in self._sorted[low:]:
            if length != size or value > projection + reach:
                return None
            known = self._print(identifier)
            if known.size == print_.size and np.abs(known - print_).max() <= TOLERANCE:
                return identifier
        return None

    def _print(self, identifier: int) -> Fingerprint:
        if identifier not in self._prints:
            self._prints[identifier] = fingerprint(parse(self._texts.pop(identifier)), scale_free=True)
        return self._prints[identifier]

    def restore(self, identifier: int, mark: Mark, text: str) -> None:
        """Remember an expression by its mark and its text, of which a scale-free fingerprint is made when needed."""
        if identifier in self._keys:
            self._drop(identifier)
        self._keys[identifier] = mark.key
        self._ids.setdefault(mark.key, set()).add(identifier)
        if mark.size:
            self._texts[identifier] = text
            self._places[identifier] = (mark.size, mark.projection, identifier)
            bisect.insort(self._sorted, self._places[identifier])

    def add(self, identifier: int, expression: Expression, print_: Fingerprint | None) -> Mark:
        """Remember an expression under an id; without a fingerprint only its structure. Return its mark.

        What the index holds does not depend on the order of additions: of equal structures the
        lowest id counts.
        """
        if identifier in self._keys:
            self._drop(identifier)
        self._keys[identifier] = expression.key
        self._ids.setdefault(expression.key, set()).add(identifier)
        if print_ is None or not np.isfinite(print_).all():
            return Mark(expression.key)
        self._prints[identifier] = print_
        self._places[identifier] = (print_.size, _project(print_), identifier)
        bisect.insort(self._sorted, self._places[identifier])
        return Mark(expression.key, *self._places[identifier][:2])

    def forget(self, identifier: int, expression: Expression) -> None:
        """Undo :meth:`add` of the same id and expression; another id's equal expression stays known."""
        if self._keys.get(identifier) == expression.key:
            self._drop(identifier)

    def _drop(self, identifier: int) -> None:
        key = self._keys.pop(identifier)
        self._ids[key].remove(identifier)
        if not self._ids[key]:
            del self._ids[key]
        self._prints.pop(identifier, None)
        self._texts.pop(identifier, None)
        if place := self._places.pop(identifier, None):
            del self._sorted[bisect.bisect_left(self._sorted, place)]


def _project(print_: Fingerprint) -> float:
    """Return an average with fixed uneven weights: two prints within a tolerance project within it."""
    weights = 1.0 + np.sin(np.arange(print_.size))
    return float(print_ @ weights / weights.sum())
