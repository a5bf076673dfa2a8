"""Layers whose initial weights keep the scale of the signal."""

from __future__ import annotations

import math
from typing import TypeVar

from torch import nn

Layer = TypeVar("Layer", nn.Linear, nn.Conv1d, nn.Conv2d)


def scaled(layer: Layer, gain: float = 1.0) -> Layer:
    """Give a layer N(0, (gain/sqrt(fan_in))^2) weights and, if it has one, a zero bias; return it.

    After a LayerNorm or on standardised inputs ``gain=1`` gives pre-activations of unit variance;
    after an activation, pass the activation's gain.
    """
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def scaled_linear(fan_in: int, fan_out: int, gain: float = 1.0) -> nn.Linear:
    """Return a :func:`scaled` linear layer."""
    return scaled(nn.Linear(fan_in, fan_out), gain)
