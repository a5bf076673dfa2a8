"""A task that is another one in all but what a study changes."""

from __future__ import annotations

import abc

from torch import Tensor, nn

from evaluators import Data, Task
from evaluators.training.task import ActivationFactory, Network, Part


class Around(Task):
    """Data, loss and error are those of the task within; its network is for the study to say."""

    def __init__(self, inner: Task) -> None:
        self.inner, self.name, self.recipe, self.score = inner, inner.name, inner.recipe, inner.score

    def data(self, part: Part) -> Data:
        """Return the task's data."""
        return self.inner.data(part)

    @abc.abstractmethod
    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return a network; see :meth:`evaluators.Task.network`."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the task's loss."""
        return self.inner.loss(outputs, targets)

    def loss_of(self, network: Network, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return what the task lowers in training."""
        return self.inner.loss_of(network, inputs, targets)

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the task's error."""
        return self.inner.error(outputs, targets)
