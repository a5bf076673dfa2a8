"""What tasks have in common whose targets are numbers."""

from __future__ import annotations

from torch import Tensor

from evaluators.training.task import Task


class SquaredError(Task):
    """A task whose outputs and targets are numbers of one shape (n, outputs)."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error."""
        return (outputs - targets).square().mean()

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the squared error of each example, mean over its outputs."""
        return (outputs - targets).square().mean(dim=1)
