"""Derivatives of a network by its inputs, written so that a stack of networks can follow."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.func import grad, jvp

from evaluators.training.task import Network

with warnings.catch_warnings():  # of code of torch's own, which it makes when forward mode is first used
    warnings.filterwarnings("ignore", message=".*torch.jit.script", category=FutureWarning)
    jvp(torch.sigmoid, (torch.zeros(1),), (torch.ones(1),))


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

    Forward mode over reverse mode, the way of a Hessian-vector product (Pearlmutter 1994).

    Args:
        network: to (n, 1), each row of which follows from its own point alone.
        points: shape (n, inputs).
        axes: coordinates by which it is differentiated twice.
    """
    seconds: list[Tensor] = []
    first = points
    for axis in axes:
        direction = torch.zeros_like(points)
        direction[:, axis] = 1
        first, along, *_ = jvp(lambda some: gradient(network, some), (points,), (direction,))
        seconds.append(along[:, axis : axis + 1])
    return first, tuple(seconds)
