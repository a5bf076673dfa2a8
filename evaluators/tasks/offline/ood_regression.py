"""``ood-regression``: formulas learned on one range and scored outside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor, nn

from evaluators.tasks.networks import ParallelMLP
from evaluators.tasks.offline.formulas import FORMULAS, Formula
from evaluators.tasks.parts import Parts
from evaluators.training.task import ActivationFactory, Data, Part, Recipe, Task

RANGES: dict[Part, tuple[float, float]] = {"train": (0.0, 1.0), "validation": (1.0, 1.5), "test": (1.5, 2.0)}
"""How far from the centre the farthest input of an example lies, in half widths of the training range."""

_SIZES: dict[Part, int] = {"train": 1024, "validation": 512, "test": 512}
_UNIT = math.sqrt(3)
"""Makes inputs uniform in [-1, 1] of unit variance."""


class OODRegression(Task):
    """16 formulas of 1 to 3 inputs: 4 polynomials, 4 harmonics and 8 laws of physics (AI Feynman's).

    Training inputs are uniform in a box; validation inputs lie outside it, up to 1.5 times its
    half width in the input that is farthest out, on either side; test inputs lie farther out
    still, up to 2 times. 1,024 / 512 / 512 examples of each formula, without noise, outputs
    standardised by the training part. The network is one perceptron a formula, 32 and 32 hidden
    units wide, computed together.

    With r the squared error divided by the variance of the part's targets, the error is
    r / (1 + r), mean over formulas: 0 is exact, the mean of the part scores less than 0.5, and one
    formula on which the network explodes counts at most 1, so that it does not hide the others;
    unlike a cut it is never flat, so that of two bad ones the better still wins. The loss is the
    plain squared error.

    Validation error after training: ReLU 0.0688, GELU 0.0470.
    """

    name = "ood-regression"
    recipe = Recipe(steps=1500, batch_size=128, learning_rate=0.01)

    @cached_property
    def _parts(self) -> Parts:
        generator = torch.Generator().manual_seed(0)
        made = {part: [_examples(formula, part, generator) for formula in FORMULAS] for part in RANGES}
        train = [values for _, values in made["train"]]
        return {
            part: Data(
                torch.stack([inputs for inputs, _ in examples], dim=1),
                torch.stack([_targets(values, t) for (_, values), t in zip(examples, train, strict=True)], dim=1),
            )
            for part, examples in made.items()
        }

    def data(self, part: Part) -> Data:
        """Return inputs (n, 16, 3), zero where a formula has fewer, and targets (n, 16, 2).

        The first target is the formula's value, the second one over the variance of the part's values.
        """
        return self._parts[part]

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the perceptrons, about 20 thousand weights."""
        return ParallelMLP([formula.inputs for formula in FORMULAS], (32, 32), 1, activation, gain)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error of outputs (n, 16, 1), in variances of the training part."""
        return (outputs[..., 0] - targets[..., 0]).square().mean()

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the bounded squared error of each example, mean over formulas, in [0, 1]."""
        relative = (outputs[..., 0] - targets[..., 0]).square() * targets[..., 1]
        return (1 - 1 / (1 + relative)).mean(dim=1)

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return ``log_error``: the decimal logarithm of a formula's mean squared error, mean over formulas."""
        relative = (outputs[..., 0] - targets[..., 0]).double().square() * targets[..., 1]
        return {"log_error": float(relative.mean(dim=0).clamp(min=1e-12).log10().mean())}


def _examples(formula: Formula, part: Part, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return inputs (n, 3) of unit variance and values (n,) of a formula."""
    count, (low, high) = _SIZES[part], RANGES[part]
    u = 2 * torch.rand(count, formula.inputs, generator=generator, dtype=torch.float64) - 1
    if part != "train":  # move each point along its ray to where its farthest input is within the range
        distance = high - (high - low) * torch.rand(count, 1, generator=generator, dtype=torch.float64)
        u = u / u.abs().amax(dim=1, keepdim=True) * distance
    inputs = nn.functional.pad(u * _UNIT, (0, 3 - formula.inputs))
    return inputs.float(), formula(u)


def _targets(values: Tensor, train: Tensor) -> Tensor:
    """Return standardised values and one over their variance, shape (n, 2)."""
    values = (values - train.mean()) / train.std()
    weight = 1 / values.var(correction=0)
    return torch.stack([values, weight.expand_as(values)], dim=1).float()
