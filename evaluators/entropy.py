"""The EAFO prior: output entropy of an activation, made scale-free and finite.

EAFO (Sun et al. 2024, arXiv 2405.12954) asks for an activation whose output has low differential
entropy. Taken literally that number is minus infinity for ReLU (half of the mass sits on one
point) and falls by merely shrinking the output. So the output is standardised to unit variance
and smoothed with a little Gaussian noise; the result is finite for every finite function and
invariant under scaling and shifting of the output.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import fft

from evaluators.gaussian import WEIGHTS, Array, Samples, expectation

NOISE = 0.1
"""Standard deviation of the smoothing noise, in units of the output's standard deviation."""

_STEP = NOISE / 16
_REACH = 41.0
_BINS = fft.next_fast_len(2 * round(_REACH / _STEP) + 1, real=True)
_FREQUENCIES = 2 * np.pi * fft.rfftfreq(_BINS, d=_STEP)
# Linear binning adds a variance of step^2/6 on average; the noise gives that much up.
_SMOOTHING = np.exp(-(_FREQUENCIES**2) * (NOISE**2 - _STEP**2 / 6) / 2)

CEILING = 0.5 * math.log(2 * math.pi * math.e * (1 + NOISE**2))
"""Largest possible value, in nats: a Gaussian output, which a linear activation gives."""


def standardised_entropy(samples: Samples) -> float:
    """Return the entropy in nats of (f(Z) - mean)/sd + 0.1*N for standard normal Z and N.

    Lower is better by the theory; at most :data:`CEILING`, 1.4239. For a constant function it is
    the entropy of the noise alone.
    """
    values = samples.values
    centred = values - expectation(values)
    deviation = math.sqrt(expectation(centred**2))
    scaled = centred / deviation if deviation > 0 else centred
    density = _smoothed_density(np.clip(scaled, -_REACH + 1, _REACH - 1))
    inside = density > 1e-300
    return float(-np.sum(density[inside] * np.log(density[inside])) * _STEP)


def _smoothed_density(values: Array) -> Array:
    """Return the density of ``values`` plus noise on the bin centres, by linear binning and FFT."""
    position = values / _STEP + _BINS // 2
    lower = np.floor(position).astype(np.intp)
    share = position - lower
    histogram = np.bincount(lower, WEIGHTS * (1 - share), minlength=_BINS)
    histogram += np.bincount(lower + 1, WEIGHTS * share, minlength=_BINS)
    density = fft.irfft(fft.rfft(histogram / _STEP) * _SMOOTHING, n=_BINS)
    return np.maximum(density, 0.0)
