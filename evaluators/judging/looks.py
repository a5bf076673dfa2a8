"""Many functions at a glance: the static screen and the cheap features of whole batches, from arrays alone.

What :func:`evaluators.judging.assessment.assess` says of one formula, here from values and slopes on a coarse grid.
It is an estimate that costs a hundredth; the assessment stays the authority. The entropy prior of functions that are
steep or singular may be off by half a nat and more; ``evaluators/study/agreement.md`` has the differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri

from evaluators.judging import screen
from evaluators.judging.rows import Grid, Rows
from evaluators.theory.density import Array
from evaluators.theory.entropy import NOISE
from evaluators.theory.finite import WIDE_GRID
from evaluators.theory.quadrature import GAIN_LIMITS
from primitives.identity import POINTS

NODES = np.linspace(-8.0, 8.0, 513)
"""Nodes of the quadrature under a standard normal, every 32nd of the assessment's."""
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
NORMAL_GRID = Grid(NODES, WEIGHTS)
FAR = (-200.0, -100.0, -50.0, 50.0, 100.0, 200.0)
"""Where tails are looked at."""
QUANTILES: Array = ndtri((np.arange(64) + 0.5) / 64)
"""Equally likely values of a standard normal input, symmetric about 0, shape (64,)."""

_PARTS = (NODES, POINTS, WIDE_GRID.astype(np.float64), QUANTILES)
_ENDS = np.cumsum([0, *map(len, _PARTS)])
AT_NODES, AT_POINTS, AT_WIDE, AT_QUANTILES = (slice(int(a), int(b)) for a, b in pairwise(_ENDS))
GRID = np.concatenate(_PARTS)
"""Where functions are looked at: the parts one after the other, shape (n,)."""
AT_FAR = np.array([AT_WIDE.start + int(np.argmin(np.abs(_PARTS[2] - x))) for x in FAR])

_LARGEST = float(np.finfo(np.float32).max)
_REACH = 16.0
_STEP = NOISE / 4
_BINS = next_fast_len(2 * round(_REACH / _STEP) + 1, real=True)
_FREQUENCIES = 2 * np.pi * np.arange(_BINS // 2 + 1) / (_BINS * _STEP)
_NOISE = np.exp(-((_FREQUENCIES * NOISE) ** 2) / 2)

NOT_FINITE = "it is not finite"
IDLE = "a learnable parameter has no effect"


@dataclass(frozen=True, eq=False)
class Looks:
    """Functions on :data:`GRID`, float64, one a row.

    Attributes:
        values: shape (n, grid).
        slopes: by ``x``, same shape.
        parameter_slopes: of all functions' parameters together, shape (m, grid).
        owners: the row of the function that each of those belongs to, shape (m,).
        costs: estimates of the assessment's cost, shape (n,).
        complexities: estimates of it, shape (n,).
    """

    values: Array
    slopes: Array
    parameter_slopes: Array
    owners: NDArray[np.intp]
    costs: Array
    complexities: Array

    def __len__(self) -> int:
        """Return the number of functions."""
        return len(self.values)

    def __getitem__(self, rows: NDArray[np.intp]) -> Looks:
        """Return some of the functions."""
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        kept = place[self.owners] >= 0
        return Looks(
            self.values[rows],
            self.slopes[rows],
            self.parameter_slopes[kept],
            place[self.owners[kept]],
            self.costs[rows],
            self.complexities[rows],
        )

    @cached_property
    def faults(self) -> dict[str, NDArray[np.bool_]]:
        """Which functions must not be trained, by reason, the first that holds being the one."""
        with np.errstate(all="ignore"):
            finite = _all_finite(self.values) & _all_finite(self.slopes)
            sound = np.ones(len(self), dtype=bool)
            np.logical_and.at(sound, self.owners, _all_finite(self.parameter_slopes))
            finite &= sound
            idle = np.zeros(len(self), dtype=bool)
            idle[self.owners[~self.parameter_slopes[:, AT_NODES].any(axis=1)]] = True
            found = screen.faults(self.values[:, AT_NODES], self.slopes[:, AT_NODES], NODES, WEIGHTS)
        return {NOT_FINITE: ~finite, **{reason: holds & finite for reason, holds in found.items()}, IDLE: idle & finite}

    @cached_property
    def sound(self) -> NDArray[np.bool_]:
        """Which functions pass the screen, shape (n,)."""
        sound: NDArray[np.bool_] = ~np.any([*self.faults.values()], axis=0)
        return sound

    def reason(self, row: int) -> str | None:
        """Return why a function must not be trained, or ``None``."""
        return next((reason for reason, holds in self.faults.items() if holds[row]), None)

    # --- features, of functions that pass the screen -----------------------------------------

    def at(self, places: slice | NDArray[np.intp]) -> Array:
        """Return values at places of the grid; a straight line in the place of what is not sound."""
        return np.where(self.sound[:, None], self.values[:, places], GRID[places])

    @cached_property
    def rows(self) -> Rows:
        """Values and slopes at the nodes; a straight line in the place of what is not sound."""
        return Rows(self.at(AT_NODES), np.where(self.sound[:, None], self.slopes[:, AT_NODES], 1.0), NORMAL_GRID)

    @cached_property
    def gain(self) -> Array:
        """The initialisation factor; see :func:`evaluators.theory.quadrature.gain`."""
        return np.clip(1 / np.sqrt(self.rows.second_moment), *GAIN_LIMITS)

    @cached_property
    def standardised(self) -> Array:
        """Outputs at :data:`QUANTILES` as :func:`standardised` has them, shape (n, 64)."""
        return standardised(self.values[:, AT_QUANTILES])

    @cached_property
    def _positions(self) -> Array:
        """Where the standardised values lie, in bins."""
        end = _REACH - 1
        standard = self.rows.centred / np.sqrt(self.rows.variance)[:, None]
        return np.clip(standard, -end, end) / _STEP + _BINS // 2

    @cached_property
    def _spectrum(self) -> NDArray[np.complex128]:
        positions, count = self._positions, len(self)
        middle = np.rint(positions).astype(np.intp)
        offset = positions - middle
        at = (middle + (_BINS * np.arange(count))[:, None]).ravel()
        histogram = np.zeros(count * _BINS)
        for move, share in ((0, 1 - offset**2), (-1, (offset**2 - offset) / 2), (1, (offset**2 + offset) / 2)):
            histogram += np.bincount(at + move, (WEIGHTS * share).ravel(), minlength=count * _BINS)
        spectrum: NDArray[np.complex128] = rfft(histogram.reshape(count, _BINS) / _STEP, axis=1) * _NOISE
        return spectrum

    @cached_property
    def _density(self) -> Array:
        return np.maximum(irfft(self._spectrum, n=_BINS, axis=1), 1e-300)

    @cached_property
    def entropy(self) -> Array:
        """The entropy prior in nats; see :func:`evaluators.theory.entropy.standardised_entropy`."""
        entropy: Array = -(self._density * np.log(self._density)).sum(axis=1) * _STEP
        return entropy

    @cached_property
    def correction(self) -> Array:
        """Size of the remaining correction; see :attr:`evaluators.theory.entropy.Output.correction`."""
        slope = irfft(1j * _FREQUENCIES * self._spectrum, n=_BINS, axis=1)
        score = slope / (self._density + 1e-12)
        averaged = irfft(rfft(score, axis=1) * _NOISE, n=_BINS, axis=1)
        below = self._positions.astype(np.intp)
        part = self._positions - below
        left = np.take_along_axis(averaged, below, axis=1)
        smoothed = left + part * (np.take_along_axis(averaged, below + 1, axis=1) - left)
        standard = self.rows.centred / np.sqrt(self.rows.variance)[:, None]
        pull = -((smoothed * standard) @ WEIGHTS)
        gradient = smoothed - (smoothed @ WEIGHTS)[:, None] + pull[:, None] * standard
        size: Array = np.sqrt(gradient**2 @ WEIGHTS)
        return size


def standardised(rows: Array) -> Array:
    """Return outputs with mean 0 and variance 1 along the last axis; nearly zeros where they hardly vary.

    Of what is not finite they are nan.
    """
    with np.errstate(all="ignore"):
        centred = rows - rows.mean(axis=-1, keepdims=True)
        least = 1e-9 * np.abs(rows).max(axis=-1, keepdims=True)
        scaled: Array = centred / np.maximum(np.maximum(centred.std(axis=-1, keepdims=True), least), 1e-300)
        return scaled


def _all_finite(rows: Array) -> NDArray[np.bool_]:
    """Tell which rows float32 can hold."""
    return np.asarray((np.abs(rows) <= _LARGEST).all(axis=1))
