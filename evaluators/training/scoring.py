"""Scores of a trained network, alone or in a stack, on one part of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from evaluators.training.pieces import SCORED_AT_ONCE, Diverged, autocast, on_device, rounded, seeded
from evaluators.training.status import LARGEST_SCORE
from evaluators.training.task import Part, Task

_DIGITS = 8


@dataclass(frozen=True)
class Scores:
    """What a network scores on one part of the data.

    Attributes:
        error, loss: means over the part.
        metrics: what :meth:`evaluators.Task.metrics` says, by name.
    """

    error: float
    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)

    def of(self, name: str) -> float:
        """Return a score by name; the error where there is none of that name."""
        return {**self.metrics, "loss": self.loss}.get(name, self.error)


def score(network: nn.Module, task: Task, part: Part, device: torch.device) -> Scores:
    """Return what a network scores on one part of the data; it is left in evaluation mode.

    Raises:
        Diverged: a number is not finite.
    """
    network.eval()
    data = on_device(task.data(part), task.recipe, device)
    error = loss = 0.0
    kept = Kept(task)
    with torch.no_grad(), seeded(0, device), autocast(task.recipe, device):
        for rows in torch.arange(len(data)).split(SCORED_AT_ONCE):
            inputs, targets = task.batch(data, rows, None)
            outputs = network(inputs)
            error += float(task.error(outputs, targets).sum())
            loss += float(task.loss(outputs, targets)) * len(rows)
            kept.add([outputs], targets)
    return finite_scores(error / len(data), loss / len(data), kept.metrics(0))


class Kept:
    """The outputs of members on a whole part, kept only for a task that computes metrics from them."""

    def __init__(self, task: Task) -> None:
        self._task, self._wanted = task, type(task).metrics is not Task.metrics
        self._outputs: list[Sequence[Tensor]] = []
        self._targets: list[Tensor] = []

    def add(self, outputs: Sequence[Tensor], targets: Tensor) -> None:
        """Keep the outputs of some examples, one tensor (n, ...) a member."""
        if self._wanted:
            self._outputs.append(outputs)
            self._targets.append(targets)

    def metrics(self, member: int) -> Mapping[str, float]:
        """Return what the task says of a member's outputs."""
        if not self._wanted:
            return {}
        return self._task.metrics(torch.cat([each[member] for each in self._outputs]), torch.cat(self._targets))


def finite_scores(error: float, loss: float, metrics: Mapping[str, float]) -> Scores:
    """Return scores rounded to eight digits, whatever their unit.

    Raises:
        Diverged: one of them is not finite, or beyond :data:`~evaluators.training.status.LARGEST_SCORE`.
    """
    if not (abs(error) <= LARGEST_SCORE and abs(loss) <= LARGEST_SCORE):
        raise Diverged("its outputs are not finite after training")
    for name, value in metrics.items():
        if not abs(value) <= LARGEST_SCORE:
            raise Diverged(f"its {name} is not finite after training")
    rest = {name: rounded(float(value), _DIGITS) for name, value in metrics.items()}
    return Scores(rounded(error, _DIGITS), rounded(loss, _DIGITS), rest)
