"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from evaluators.tasks.networks.scaled import scaled_linear
from evaluators.training.task import ActivationFactory


def mlp(widths: Sequence[int], activation: ActivationFactory, gain: float) -> nn.Sequential:
    """Return linear layers of the given widths with an activation between each two."""
    layers: list[nn.Module] = [scaled_linear(widths[0], widths[1])]
    for fan_in, fan_out in pairwise(widths[1:]):
        layers += [activation(), scaled_linear(fan_in, fan_out, gain)]
    return nn.Sequential(*layers)
