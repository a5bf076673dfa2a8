"""Output entropy of an activation: raw, and standardised and smoothed, with its first variation.

EAFO (Sun et al. 2024, arXiv 2405.12954) asks for an activation whose output has low differential
entropy. Taken literally that number is minus infinity for ReLU (half of the mass sits on one
point) and falls by merely shrinking the output. The prior is therefore the entropy of the output
standardised to unit variance and smoothed with a little Gaussian noise: finite for every finite
function with folds, flat pieces and kinks, and invariant under scaling and shifting.

Everything here works on values f(t_i) at nodes with weights w_i, so any density will do.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from evaluators.theory.density import Array, binned
from evaluators.theory.quadrature import Samples
from primitives import ActsearchError

NOISE = 0.1
"""Standard deviation of the smoothing noise, in units of the output's standard deviation."""

CEILING = 0.5 * math.log(2 * math.pi * math.e * (1 + NOISE**2))
"""Largest possible standardised entropy, in nats: a Gaussian output, which a linear activation gives."""

LEAST_ATOM = 1e-4
"""Mass on one point from which on it counts as an atom; smaller ones are rounding in saturated tails."""

_LEAST_WIDTH = 1e-250
_REACHES = (16.0, 41.0)
_BINS_A_NOISE = 16


@dataclass(frozen=True)
class RawEntropy:
    """Differential entropy without smoothing.

    Attributes:
        value: in nats; minus infinity when there is an atom.
        limit: of the standardised entropy as the noise shrinks to nothing: ``value`` minus the
            logarithm of the output's standard deviation.
        atom: mass of the output on points of positive probability.
    """

    value: float
    limit: float
    atom: float


def raw_entropy(samples: Samples) -> RawEntropy:
    """Return the differential entropy of f(X), where it exists.

    The function is taken as straight between neighbouring nodes, which makes the output density
    a sum of boxes, of any number of branches. Errors against closed forms, under a standard normal:
    below 2e-5 nats for functions of moderate slope, 5e-4 at a fold, 3e-3 at a jump or where the
    slope vanishes (``x**3``), 1e-2 for ``sin(30*x)``. A tail that is flat to rounding, as of
    ``tanh(10*x)``, counts as an atom.
    """
    value, atom = _of_boxes(samples)
    if atom >= LEAST_ATOM:
        return RawEntropy(-math.inf, -math.inf, atom)
    return RawEntropy(value, value - math.log(output(samples).deviation), 0.0)


def raw_variation(samples: Samples, direction: Array) -> float:
    """Return the derivative of the raw entropy along a direction, -E[s_q(f) df] with s_q = q'/q.

    For an f that only rises or only falls it is E[df'/f'], with an error of about 1e-6. With folds
    the score has no square and bins badly, so it is measured: a central difference of the entropy,
    with a relative error of a few per cent. Its step is so small that no slope changes by more
    than 3e-3 of the root mean square slope, and not smaller, because a fold must move by more than
    the nodes' distance.

    Args:
        samples: the function f.
        direction: df at the nodes, shape (n,).

    Raises:
        ActsearchError: f has flat pieces with mass, so there is no raw entropy.
    """
    atom = _of_boxes(samples)[1]
    if atom >= LEAST_ATOM:
        raise ActsearchError(f"there is no raw entropy: {atom:.3g} of the output's mass lies on single points")
    widths, weights = np.diff(samples.values), samples.under.weights
    if (widths > 0).all() or (widths < 0).all():
        masses = (weights[:-1] + weights[1:]) / 2
        return float(masses @ (np.diff(direction) / widths))
    nodes = samples.under.nodes
    steepest = float(np.abs(np.diff(direction) / np.diff(nodes)).max())
    if steepest == 0:
        return 0.0
    step = 3e-3 * math.sqrt(samples.under.expectation(samples.slopes**2)) / steepest
    ahead, behind = (
        _of_boxes(dataclasses.replace(samples, values=samples.values + s * direction))[0] for s in (step, -step)
    )
    return (ahead - behind) / (2 * step)


def _of_boxes(samples: Samples) -> tuple[float, float]:
    """Return the entropy of the output density as a sum of boxes, flat pieces left out, and their mass.

    The boxes of a rising or falling stretch lie side by side; the stretches are added up.
    """
    weights = samples.under.weights
    values, masses = _at_folds(samples.values, (weights[:-1] + weights[1:]) / 2, samples.under.nodes)
    widths = np.diff(values)
    size = np.maximum(np.abs(values[:-1]), np.abs(values[1:]))
    kept = np.abs(widths) > np.maximum(8 * np.finfo(float).eps * size, _LEAST_WIDTH)
    atom = float(masses[~kept].sum())
    if atom >= 1:
        return -math.inf, atom
    heights = np.divide(masses / (1 - atom), np.abs(widths), out=np.zeros_like(masses), where=kept)
    order = np.argsort(values, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    density = np.zeros(len(masses))
    for stretch in _stretches(np.where(kept, np.sign(widths), 0)):
        at, tall = rank[stretch.start : stretch.stop + 1], heights[stretch]
        if at[0] > at[-1]:
            at, tall = at[::-1], tall[::-1]
        at = np.maximum.accumulate(at)  # flat pieces may go the other way by a rounding
        density[at[0] : at[-1]] += np.repeat(tall, np.diff(at))
    inside = density > 0
    areas = np.diff(values[order])[inside] * density[inside]
    return -float(areas @ np.log(density[inside])), atom


def _stretches(signs: Array) -> list[slice]:
    """Return the intervals on which a function only rises or only falls; flat ones belong to what is before."""
    turning = np.flatnonzero(signs)
    turns = turning[1:][signs[turning[1:]] != signs[turning[:-1]]]
    ends = [0, *turns.tolist(), len(signs)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


def _at_folds(values: Array, masses: Array, nodes: Array) -> tuple[Array, Array]:
    """Return values and interval masses with each turning node moved to the vertex of the parabola there.

    Without it the entropy would depend on how a fold lies between its nodes.
    """
    differences = np.diff(values)
    at = 1 + np.flatnonzero(differences[:-1] * differences[1:] < 0)
    left, right = nodes[at] - nodes[at - 1], nodes[at + 1] - nodes[at]
    before, after = differences[at - 1] / left, differences[at] / right
    slope, bend = (before * right + after * left) / (left + right), (after - before) / (left + right)
    shift = np.clip(-slope / (2 * bend), -left, right)
    values, masses = values.copy(), masses.copy()
    values[at] += slope * shift + bend * shift**2
    both, part = masses[at - 1] + masses[at], (left + shift) / (left + right)
    masses[at - 1], masses[at] = both * part, both * (1 - part)
    return values, masses


@dataclass(frozen=True)
class _Grid:
    """Bins of the standardised output and what smooths them.

    Attributes:
        reach: how far it goes, in deviations; what lies beyond counts at one deviation from its end.
        step: width of a bin.
        count: of bins; the middle one is at 0.
        frequencies: of the real Fourier transform.
        noise: transform of the noise.
    """

    reach: float
    step: float
    count: int
    frequencies: Array
    noise: Array


@lru_cache(maxsize=8)
def _grid(noise: float, reach: float) -> _Grid:
    if not 1e-3 <= noise <= 1:
        raise ActsearchError(f"a noise of {noise:g} cannot be used; take one from 0.001 to 1 deviations of the output")
    step = noise / _BINS_A_NOISE
    count = next_fast_len(2 * round(reach / step) + 1, real=True)
    frequencies: Array = 2 * np.pi * np.arange(count // 2 + 1, dtype=float) / (count * step)
    return _Grid(reach, step, count, frequencies, np.exp(-((frequencies * noise) ** 2) / 2))


@dataclass(frozen=True, eq=False)
class Output:
    """An activation's output, standardised to mean 0 and variance 1 and smoothed by noise.

    Attributes:
        values: f at the nodes, shape (n,).
        weights: the mass of each, summing to 1.
        noise: standard deviation of the smoothing, in units of the output's.
    """

    values: Array
    weights: Array
    noise: float = NOISE

    @cached_property
    def mean(self) -> float:
        """Mean of the values."""
        return float(self.weights @ self.values)

    @cached_property
    def deviation(self) -> float:
        """Standard deviation of the values."""
        return math.sqrt(float(self.weights @ (self.values - self.mean) ** 2))

    @cached_property
    def standardised(self) -> Array:
        """Values less their mean, over their deviation; a constant stays where it is."""
        centred = self.values - self.mean
        return centred / self.deviation if self.deviation > 0 else centred

    @cached_property
    def _grid(self) -> _Grid:
        """The shorter grid where that suffices, as it nearly always does."""
        short, long = _REACHES
        farthest = max(-float(self.standardised.min()), float(self.standardised.max()))
        return _grid(self.noise, short if farthest < short - 1 else long)

    @cached_property
    def _positions(self) -> Array:
        """Where the standardised values lie, in bins."""
        grid, end = self._grid, self._grid.reach - 1
        positions: Array = np.clip(self.standardised, -end, end) / grid.step + grid.count // 2
        return positions

    @cached_property
    def _spectrum(self) -> NDArray[np.complex128]:
        grid = self._grid
        histogram = binned(self._positions, self.weights, grid.count)
        spectrum: NDArray[np.complex128] = np.fft.rfft(histogram / grid.step) * grid.noise
        return spectrum

    @property
    def bins(self) -> Array:
        """Standardised outputs at which :attr:`density` is given."""
        bins: Array = self._grid.step * np.arange(-(self._grid.count // 2), (self._grid.count + 1) // 2, dtype=float)
        return bins

    @cached_property
    def density(self) -> Array:
        """The smoothed density on the bins."""
        return np.maximum(np.fft.irfft(self._spectrum, n=self._grid.count), 0.0)

    @cached_property
    def entropy(self) -> float:
        """Entropy in nats of the standardised values plus noise, at most 1/2 log(2 pi e (1 + noise^2))."""
        inside = self.density > 1e-300
        return float(-np.sum(self.density[inside] * np.log(self.density[inside])) * self._grid.step)

    @cached_property
    def _score(self) -> Array:
        """q'/q on the bins; it fades where the density is nothing but rounding."""
        grid = self._grid
        slope = np.fft.irfft(1j * grid.frequencies * self._spectrum, n=grid.count)
        return slope / (self.density + 1e-12)

    @cached_property
    def smoothed_score(self) -> Array:
        """E[q'/q] at each node's standardised value plus noise; q is the smoothed density. Shape (n,)."""
        grid = self._grid
        averaged = np.fft.irfft(np.fft.rfft(self._score) * grid.noise, n=grid.count)
        return np.interp(self._positions, np.arange(grid.count), averaged)

    @cached_property
    def gradient(self) -> Array:
        """First variation of :attr:`entropy`: g with dH = E[g df] for a small change df of f, shape (n,).

        The score form of EAFO's first variation, -E[s_q(f) df] (s_q the score of the output's
        density), made invariant: with z the standardised value, g is minus (S(z) + c z) over the
        deviation, where S is the smoothed score and c = -E[S z], which tends to 1 with the noise.
        It is zero for a straight line only if the input is Gaussian. Needs a deviation > 0.
        """
        pull = -float(self.weights @ (self.smoothed_score * self.standardised))
        middle = float(self.weights @ self.smoothed_score)
        return -(self.smoothed_score - middle + pull * self.standardised) / self.deviation

    @cached_property
    def correction(self) -> float:
        """Size of the remaining correction: the gradient's norm sqrt(E[g^2]) times the deviation.

        Invariant under scaling and shifting; zero where the entropy is stationary, as for a
        Gaussian output, the worst.
        """
        return self.deviation * math.sqrt(float(self.weights @ self.gradient**2))


def output(samples: Samples, noise: float = NOISE) -> Output:
    """Return the standardised, smoothed output of an activation."""
    return Output(samples.values, samples.under.weights, noise)


def standardised_entropy(samples: Samples, noise: float = NOISE) -> float:
    """Return the entropy in nats of (f(X) - mean)/sd + noise*N; lower is better by the theory.

    At most :data:`CEILING`, 1.4239, at the default noise. For a constant function it is the
    entropy of the noise alone. The error is below 1e-6, also with kinks and atoms, 2e-4 when a jump
    lies between two nodes, and grows where f varies within a few nodes.

    Args:
        samples: the function f.
        noise: standard deviation of the smoothing in units of the output's, from 0.001 to 1.

    Raises:
        ActsearchError: the noise is out of range.
    """
    return output(samples, noise).entropy


def variation(samples: Samples, direction: Array, noise: float = NOISE) -> float:
    """Return the derivative of the standardised entropy along a direction, by the score form.

    Args:
        samples: the function f.
        direction: df at the nodes, shape (n,).
        noise: as in :func:`standardised_entropy`.
    """
    return samples.under.expectation(output(samples, noise).gradient * direction)


def descent(samples: Samples, noise: float = NOISE) -> Array:
    """Return the direction df of steepest descent of the standardised entropy in L2 of the input, shape (n,)."""
    return -output(samples, noise).gradient


def along(samples: Samples, direction: Array, steps: Array, noise: float = NOISE) -> Array:
    """Return the standardised entropies of f + s*df for each step s, in the shape of the steps."""
    rows = [Output(samples.values + s * direction, samples.under.weights, noise).entropy for s in np.ravel(steps)]
    return np.reshape(rows, np.shape(steps))
