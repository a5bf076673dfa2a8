"""``tabular``: four classical tables, one small perceptron each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluators.tasks.networks import ParallelMLP
from evaluators.tasks.parts import Parts, shuffled
from evaluators.training.task import ActivationFactory, Data, Part, Recipe, Task

FEATURES = {"breast_cancer": 30, "wine": 13, "iris": 4, "diabetes": 10}
"""The tables, in their order, and how many features each has."""

_OUTPUTS = 3
_NUMBERS = "diabetes"
"""The table whose answers are numbers; the others have classes."""


class _Tables(nn.Module):
    """One perceptron a table; an example goes through that of its own."""

    def __init__(self, activation: ActivationFactory, gain: float) -> None:
        super().__init__()
        self.tables = ParallelMLP(list(FEATURES.values()), (32, 32), _OUTPUTS, activation, gain)

    def forward(self, examples: Tensor) -> Tensor:
        """Map (batch, 1 + 30), table number and features, to (batch, 3)."""
        number, features = examples[:, :1], examples[:, None, 1:]
        chosen = (number == torch.arange(len(FEATURES), device=examples.device)).to(features.dtype)
        outputs = self.tables(features.expand(-1, len(FEATURES), -1))
        return torch.einsum("npo,np->no", outputs, chosen)


class Tabular(Task):
    """scikit-learn's real tables: breast cancer, wine, iris (classes) and diabetes (a number).

    569 + 178 + 149 + 442 rows of 30, 13, 4 and 10 features, one repeated iris left out; each
    table split 60 / 20 / 20 per cent by a fixed permutation, features and numbers standardised by
    its training part, in all 801 / 265 / 272 examples. The network is one perceptron a table, 32
    and 32 hidden units wide, computed together.

    The error of an example is 1 for a wrong class, and for a number the squared error divided by
    the variance of the part's numbers, so that a table's mean is the share of wrong answers or
    1 - R^2: at most 1 for a constant answer, 0 when all are right. Every table counts the same,
    however many rows it has, in loss and error.

    Validation error after training: ReLU 0.1381, GELU 0.1335.
    """

    name, score = "tabular", "brier"
    recipe = Recipe(steps=1000, batch_size=64, learning_rate=1e-3)

    @cached_property
    def _parts(self) -> Parts:
        tables = [_table(name, number) for number, name in enumerate(FEATURES)]
        return {part: _joined([table[part] for table in tables]) for part in ("train", "validation", "test")}

    def data(self, part: Part) -> Data:
        """Return inputs (n, 31), table number and features padded with zeros, and targets (n, 3).

        Targets are the class or number, whether it is a number, and the example's weight.
        """
        return self._parts[part]

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the perceptrons, about 9 thousand weights."""
        return _Tables(activation, gain)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the weighted mean of cross-entropies and squared errors of outputs (n, 3)."""
        answer, is_number, weight = targets.unbind(dim=1)
        classes = (answer * (1 - is_number)).long()
        entropy = nn.functional.cross_entropy(outputs, classes, reduction="none")
        return (weight * torch.where(is_number > 0, (outputs[:, 0] - answer).square(), entropy)).mean()

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the weighted error of each example; over a part its mean is the mean over tables."""
        answer, is_number, weight = targets.unbind(dim=1)
        wrong = (outputs.argmax(dim=1) != answer).to(outputs.dtype)
        return weight * torch.where(is_number > 0, (outputs[:, 0] - answer).square(), wrong)

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return ``brier``: the weighted mean of squared errors, of numbers and of probabilities."""
        answer, is_number, weight = targets.unbind(dim=1)
        truth = nn.functional.one_hot((answer * (1 - is_number)).long(), _OUTPUTS)
        distance = (torch.softmax(outputs.float(), dim=1) - truth).square().sum(dim=1)
        squared = torch.where(is_number > 0, (outputs[:, 0] - answer).square(), distance)
        return {"brier": float((weight * squared).mean())}


def _table(name: str, number: int) -> Parts:
    """Return one table's parts; the weight is one over the number of the part's rows and its variance."""
    from sklearn import datasets

    features, answers = getattr(datasets, f"load_{name}")(return_X_y=True)
    kept = np.sort(np.unique(features, axis=0, return_index=True)[1])
    features, answers = features[kept], answers[kept].astype(float)
    rows = shuffled(len(kept), len(kept) * 6 // 10, len(kept) * 2 // 10)
    train = rows["train"]
    features = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    if name == _NUMBERS:
        answers = (answers - answers[train].mean()) / answers[train].std()
    return {part: _part(features[chosen], answers[chosen], number, name == _NUMBERS) for part, chosen in rows.items()}


def _part(features: Any, answers: Any, number: int, is_number: bool) -> Data:
    padded = np.zeros((len(answers), 1 + max(FEATURES.values())))
    padded[:, 0] = number
    padded[:, 1 : 1 + features.shape[1]] = features
    weight = 1 / len(answers) / (answers.var() if is_number else 1.0)
    targets = np.stack([answers, np.full_like(answers, is_number), np.full_like(answers, weight)], axis=1)
    return Data(torch.tensor(padded, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32))


def _joined(tables: list[Data]) -> Data:
    """Return the examples of all tables, weights scaled so that each table's sum is the same share of all."""
    inputs, targets = torch.cat([t.inputs for t in tables]), torch.cat([t.targets for t in tables])
    scale = torch.tensor([1.0, 1.0, len(inputs) / len(tables)])
    return Data(inputs, targets * scale)
