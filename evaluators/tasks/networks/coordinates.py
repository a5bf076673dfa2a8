"""Perceptrons that take coordinates, whose first layer sets the frequencies that they begin with."""

from __future__ import annotations

import math

import torch
from torch import nn

from evaluators.tasks.networks.scaled import scaled_linear
from evaluators.theory.quadrature import GAIN_LIMITS
from evaluators.training.task import ActivationFactory

_NODES = torch.linspace(-6, 6, 2001, dtype=torch.float64)
_WEIGHTS = torch.exp(-(_NODES**2) / 2) / torch.exp(-(_NODES**2) / 2).sum()


def gain_at(activation: nn.Module, scale: float) -> float:
    """Return the initialisation factor after an activation whose inputs are normal with a standard deviation.

    It is one over the root mean square of its outputs, within the limits of every gain.
    """
    with torch.no_grad():
        outputs = activation((scale * _NODES).to(torch.get_default_dtype())).double()
    size = math.sqrt(float(_WEIGHTS @ outputs.square()))
    low, high = GAIN_LIMITS
    return min(max(1 / size, low), high) if size > 0 and math.isfinite(size) else low


def coordinate_mlp(
    inputs: int, width: int, depth: int, outputs: int, scale: float, activation: ActivationFactory, gain: float
) -> nn.Sequential:
    """Return a perceptron whose first activations see a signal of a standard deviation, the others one of 1.

    As in SIREN (Sitzmann et al. 2020, arXiv 2006.09661), whose first layer multiplies by 30 and whose others begin at
    unit scale: the first layer's scale is the highest frequency that the network begins with.

    Args:
        inputs: coordinates, each of unit variance.
        width: of each hidden layer.
        depth: hidden layers, 2 at least.
        outputs: of the network.
        scale: standard deviation of what the first activations see.
        activation: called once a hidden layer.
        gain: of the layers after the second.
    """
    first = activation()
    layers: list[nn.Module] = [scaled_linear(inputs, width, scale), first]
    layers += [scaled_linear(width, width, gain_at(first, scale)), activation()]
    for _ in range(depth - 2):
        layers += [scaled_linear(width, width, gain), activation()]
    return nn.Sequential(*layers, scaled_linear(width, outputs, gain))
