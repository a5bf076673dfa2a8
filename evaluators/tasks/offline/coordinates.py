"""``inr-image`` and ``inr-signal``: networks from coordinates to what is there, scored where they were not trained."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from evaluators.tasks.networks import coordinate_mlp
from evaluators.tasks.parts import Parts, shuffled
from evaluators.tasks.squared import SquaredError
from evaluators.training.task import ActivationFactory, Data, Part, Recipe

_UNIT = math.sqrt(3)
"""Makes coordinates uniform in [-1, 1] of unit variance."""


class Coordinates(SquaredError):
    """A network from coordinates to values in [0, 1]; the error is the squared one, mean over channels.

    Its part of a field is kept whole: half of the places train, a quarter validates, a quarter tests.
    """

    @property
    @abc.abstractmethod
    def _parts(self) -> Parts:
        """Places and what is there."""

    def data(self, part: Part) -> Data:
        """Return places (n, coordinates) and values (n, channels)."""
        return self._parts[part]

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return ``minus_psnr``: the negative peak signal-to-noise ratio in decibels, for values in [0, 1]."""
        return {"minus_psnr": 10 * math.log10(max(1e-12, float((outputs - targets).double().square().mean())))}


class InrImage(Coordinates):
    """A photograph as a function of its coordinates: scikit-learn's sample image of a temple, held-out pixels.

    128x128 pixels, each the mean of 2x2 of the middle of the photograph, in [0, 1], three channels; 8,192 train,
    4,096 validate, 4,096 test. The network is 2-64-64-64-3, and its first activations see a signal of standard
    deviation 12, as SIREN's see one of 30 over coordinates up to 1 (Sitzmann et al. 2020, arXiv 2006.09661). The peak
    signal-to-noise ratio in decibels is -10 log10 of the error.

    Validation error after training: ReLU 0.0183, GELU 0.0163.
    """

    name = "inr-image"
    input_scale = 12.0
    recipe = Recipe(steps=400, batch_size=1024, learning_rate=0.01, weight_decay=0.0)

    @cached_property
    def _parts(self) -> Parts:
        from sklearn.datasets import load_sample_image

        photograph = load_sample_image("china.jpg").astype(np.float64) / 255
        top, left = (photograph.shape[0] - 256) // 2, (photograph.shape[1] - 256) // 2
        cut = photograph[top : top + 256, left : left + 256]
        small = cut.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
        along = _UNIT * np.linspace(-1, 1, 128)
        places = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1).reshape(-1, 2)
        return _parts_of(places, small.reshape(-1, 3))

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the perceptron, about 9 thousand weights."""
        return coordinate_mlp(2, 64, 3, 3, self.input_scale, activation, gain)


class InrSignal(Coordinates):
    """A sound-like signal as a function of time: a chirp, a tone that swells, and three clicks, held-out samples.

    4,096 samples in [0, 1]; half train, a quarter validates, a quarter tests. The chirp sweeps from 4 to 60 periods
    over the signal. The network is 1-64-64-64-1, and its first activations see a signal of standard deviation 30
    (Sitzmann et al. 2020, arXiv 2006.09661, scale the time of their audio clips by 100).

    Validation error after training: ReLU 0.0458, GELU 0.0427.
    """

    name = "inr-signal"
    input_scale = 30.0
    recipe = Recipe(steps=400, batch_size=512, learning_rate=0.01, weight_decay=0.0)

    @cached_property
    def _parts(self) -> Parts:
        from scipy.signal import chirp

        time = np.linspace(0, 1, 4096)
        swell = np.exp(-(((time - 0.7) / 0.1) ** 2)) * np.sin(2 * np.pi * 45 * time)
        clicks = sum(np.exp(-(((time - at) / 0.004) ** 2)) for at in (0.15, 0.4, 0.9))
        sound = 0.5 * chirp(time, 4, 1, 60) + 0.4 * swell + 0.6 * clicks
        values = (sound - sound.min()) / (sound.max() - sound.min())
        return _parts_of(_UNIT * (2 * time[:, None] - 1), values[:, None])

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the perceptron, about 9 thousand weights."""
        return coordinate_mlp(1, 64, 3, 1, self.input_scale, activation, gain)


def _parts_of(places: np.ndarray, values: np.ndarray) -> Parts:
    """Return half of the places, a quarter and a quarter, by a fixed permutation, float32."""
    count = len(places)
    return {
        part: Data(torch.tensor(places[rows], dtype=torch.float32), torch.tensor(values[rows], dtype=torch.float32))
        for part, rows in shuffled(count, count // 2, count // 4).items()
    }
