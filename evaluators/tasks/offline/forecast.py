"""``forecast``: the next samples of a recording, from those before."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import nn

from evaluators.tasks.networks import mlp
from evaluators.tasks.parts import Parts
from evaluators.tasks.squared import SquaredError
from evaluators.training.task import ActivationFactory, Data, Part, Recipe
from primitives.errors import ActsearchError

_WINDOW, _AHEAD = 48, 16
_CUTS: dict[Part, slice] = {"train": slice(0, 6000), "validation": slice(6000, 9000), "test": slice(9000, 12_000)}


class Forecast(SquaredError):
    """The next 16 samples of a recorded membrane potential from the 48 before: a series that ships with matplotlib.

    12,000 samples, cut in their order into 6,000 that train, 3,000 that validate and 3,000 that test; no window spans
    a cut. Windows and what follows are taken relative to a window's last sample, in standard deviations of what
    follows in training. The network is 48-64-64-16, the direct forecast of several steps at once (Zeng et al. 2023,
    arXiv 2205.13504, with a linear layer). Who says that nothing changes has an error of about 1.

    Validation error after training: ReLU 0.1729, GELU 0.1967.
    """

    name = "forecast"
    recipe = Recipe(steps=800, batch_size=128, learning_rate=3e-3)

    @cached_property
    def _parts(self) -> Parts:
        windows = {part: _windows(_recording()[cut]) for part, cut in _CUTS.items()}
        size = windows["train"][:, _WINDOW:].std()
        return {
            part: Data(
                torch.tensor(rows[:, :_WINDOW] / size, dtype=torch.float32),
                torch.tensor(rows[:, _WINDOW:] / size, dtype=torch.float32),
            )
            for part, rows in windows.items()
        }

    def data(self, part: Part) -> Data:
        """Return windows (n, 48) and what follows (n, 16)."""
        return self._parts[part]

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the perceptron, about 8 thousand weights."""
        return mlp([_WINDOW, 64, 64, _AHEAD], activation, gain)


def _recording() -> np.ndarray:
    """Return the 12,000 samples.

    Raises:
        ActsearchError: this copy of matplotlib came without its sample data.
    """
    from matplotlib.cbook import get_sample_data

    try:
        samples: np.ndarray = np.fromfile(str(get_sample_data("membrane.dat", asfileobj=False)), np.float32)
        return samples.astype(np.float64)
    except OSError as error:
        raise ActsearchError(
            "task 'forecast': this copy of matplotlib has no sample data 'membrane.dat'; reinstall it with pip"
        ) from error


def _windows(samples: np.ndarray) -> np.ndarray:
    """Return every window with what follows, relative to the window's last sample, shape (n, 64)."""
    rows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW + _AHEAD)
    relative: np.ndarray = rows - rows[:, _WINDOW - 1 : _WINDOW]
    return relative
