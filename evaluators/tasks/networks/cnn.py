"""Small convolutional networks that halve the resolution at each layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from evaluators.tasks.networks.scaled import scaled, scaled_linear
from evaluators.training.task import ActivationFactory


def cnn2d(image: int, channels: Sequence[int], classes: int, activation: ActivationFactory, gain: float) -> nn.Module:
    """Return 3x3 convolutions of stride 2, each with BatchNorm and an activation, and a linear head.

    Only the head takes the gain: BatchNorm undoes the scale of the weights before it, and larger
    ones would merely learn more slowly.

    Args:
        image: height and width of the images, which come as (batch, image, image).
        channels: of each convolution's output.
        classes: number of logits.
        activation: called once for each convolution.
        gain: of the head.
    """
    layers: list[nn.Module] = [nn.Unflatten(1, (1, image))]
    for before, after in pairwise([1, *channels]):
        convolution = scaled(nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False))
        layers += [convolution, nn.BatchNorm2d(after), activation()]
        image = (image + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), scaled_linear(channels[-1] * image**2, classes, gain))


def cnn1d(length: int, channels: Sequence[int], classes: int, activation: ActivationFactory, gain: float) -> nn.Module:
    """Return 1-D convolutions of stride 2 and width 5, 3, 3, ..., each with an activation, and a linear head.

    With channels 25, 25, 25 it is the convolutional network of MNIST-1D (Greydanus & Kobak 2024,
    arXiv 2011.14439).

    Args:
        length: of the signals, which come as (batch, length).
        channels: of each convolution's output.
        classes: number of logits.
        activation: called once for each convolution.
        gain: of the layers after an activation.
    """
    layers: list[nn.Module] = [nn.Unflatten(1, (1, length))]
    for number, (before, after) in enumerate(pairwise([1, *channels])):
        size = 3 if number else 5
        convolution = nn.Conv1d(before, after, size, stride=2, padding=1)
        layers += [scaled(convolution, gain if number else 1.0), activation()]
        length = (length + 2 - size) // 2 + 1
    return nn.Sequential(*layers, nn.Flatten(), scaled_linear(channels[-1] * length, classes, gain))
