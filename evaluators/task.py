"""A task: data in three parts, a network that takes the activation, a loss and an error."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Part = Literal["train", "validation", "test"]
ActivationFactory = Callable[[], nn.Module]


@dataclass(frozen=True)
class Data:
    """One part of a task's data, in memory.

    Attributes:
        inputs: shape (n, ...), float.
        targets: shape (n, ...).
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.inputs)

    def to(self, device: torch.device) -> Data:
        """Return the same data on another device."""
        return Data(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True)
class Recipe:
    """How a task is trained: AdamW with linear warm-up and cosine decay to zero.

    Attributes:
        steps: optimiser steps of a full training.
        batch_size: examples a step, drawn without replacement epoch by epoch.
        learning_rate: peak value.
        weight_decay: applied to tensors of two or more dimensions only, so never to a bias, a
            norm, or a learnable activation parameter.
        activation_decay: weight decay of the learnable constants of activations. At 0 nothing
            pulls them; above, decay turns a function into another one (CRReLU into ReLU).
        warmup: share of the steps with rising learning rate.
        clip: largest norm of the whole gradient.
    """

    steps: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    activation_decay: float = 0.0
    warmup: float = 0.1
    clip: float = 1.0


class Task(abc.ABC):
    """What candidates are trained on. Subclass it for your own network.

    ``tests`` for a subclass: :class:`evaluators.testing.TaskContract`.
    """

    name: str
    recipe: Recipe

    @abc.abstractmethod
    def data(self, part: Part) -> Data:
        """Return one part of the data. The three parts share no example."""

    @abc.abstractmethod
    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Build a freshly initialised network.

        Args:
            activation: call it once for each place that needs an activation layer.
            gain: multiply the initial standard deviation 1/sqrt(fan_in) of every layer that
                follows an activation by this, so that each activation starts at the same
                signal scale. Random numbers must come from torch's global generator and must
                not depend on the activation.
        """

    @abc.abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar training loss, a mean over the batch."""

    @abc.abstractmethod
    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the error of each example, shape (n,); the score is its mean, lower is better."""


class Classification(Task):
    """A task with class indices as targets: cross-entropy and the share of wrong answers."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of logits (n, classes) against indices (n,)."""
        return nn.functional.cross_entropy(outputs, targets)

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return 1.0 where the largest logit is not the target, else 0.0."""
        return (outputs.argmax(dim=1) != targets).float()
