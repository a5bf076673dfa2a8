"""Derivatives of a network by its inputs, written so that a stack of networks can follow."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import grad, vjp

from evaluators.training.task import Network


def gradient(network: Network, points: Tensor) -> Tensor:
    """Return the derivatives of each output by the coordinates of its own point, shape of the points (n, inputs).

    Args:
        network: to (n, 1), each row of which follows from its own point alone.
        points: shape (n, inputs).
    """
    found: Tensor = grad(lambda some: network(some).sum())(points)
    return found


def gradient_and_second(network: Network, points: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the derivatives as :func:`gradient` does, and the second ones along some axes, each of shape (n, 1).

    Reverse mode over reverse mode: all axes share the network's values and its gradient.

    Args:
        network: to (n, 1), each row of which follows from its own point alone.
        points: shape (n, inputs).
        axes: coordinates by which it is differentiated twice.
    """
    first, back = vjp(lambda some: gradient(network, some), points)[:2]
    seconds: list[Tensor] = []
    for axis in axes:
        direction = torch.zeros_like(points)
        direction[:, axis] = 1
        (along,) = back(direction)
        seconds.append(along[:, axis : axis + 1])
    return first, tuple(seconds)
