"""Several independent perceptrons side by side, for tasks that are many small problems in one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from evaluators.training.task import ActivationFactory


class _ParallelLinear(nn.Module):
    """One linear layer for each problem; problems with fewer inputs are padded with zeros."""

    def __init__(self, fans_in: Sequence[int], fan_out: int, gain: float) -> None:
        super().__init__()
        deviation = gain / torch.tensor(fans_in, dtype=torch.float32).sqrt()
        self.weight = nn.Parameter(torch.randn(len(fans_in), max(fans_in), fan_out) * deviation[:, None, None])
        self.bias = nn.Parameter(torch.zeros(len(fans_in), fan_out))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, problems, fan_in) to (batch, problems, fan_out)."""
        return torch.einsum("npi,pio->npo", x, self.weight) + self.bias


class ParallelMLP(nn.Module):
    """One perceptron for each of several problems, of the same hidden widths.

    A constant 1 is added to each problem's inputs, so that with a single input the kinks of a
    piecewise linear activation start at different places and not all at zero.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        hidden: Sequence[int],
        outputs: int,
        activation: ActivationFactory,
        gain: float,
    ) -> None:
        """Build it.

        Args:
            inputs: number of inputs of each problem.
            hidden: widths of the hidden layers.
            outputs: number of outputs of each problem.
            activation: called once for each hidden layer.
            gain: of the layers after an activation.
        """
        super().__init__()
        layers: list[nn.Module] = [_ParallelLinear([count + 1 for count in inputs], hidden[0], 1.0)]
        for fan_in, fan_out in pairwise([*hidden, outputs]):
            layers += [activation(), _ParallelLinear([fan_in] * len(inputs), fan_out, gain)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, problems, most inputs), padded with zeros at the end, to (batch, problems, outputs)."""
        return self.layers(torch.cat([torch.ones_like(x[..., :1]), x], dim=-1))  # type: ignore[no-any-return]
