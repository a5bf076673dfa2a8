"""Scores of a real network before any training: what one gradient at initialisation says.

These are two of the zero-cost proxies of architecture search (Abdelfattah et al. 2021, arXiv
2101.08134), the ones that need no change of the network: the norm of the loss gradient
(``grad_norm`` there) and the trace of the empirical Fisher information (after Turner et al. 2020,
arXiv 1906.04113, whose score sums squared gradients over examples).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from evaluators.instruments.start import example_loss, starts, trained_parameters
from evaluators.training.pieces import autocast
from evaluators.training.task import ActivationFactory, Data, Task

_CHUNK = 128


@dataclass(frozen=True)
class Proxies:
    """Means over initialisations, each with a batch of its own.

    Attributes:
        gradient_norm: Euclidean norm of the gradient of the batch's mean loss by all parameters.
        fisher_trace: mean over examples of the squared norm of each example's own gradient, the
            trace of the empirical Fisher information.
        gradient_ratio: natural logarithm of the gradient's norm at the first weight matrix over
            that at the last; below 0 gradients vanish on the way down.
    """

    gradient_norm: float
    fisher_trace: float
    gradient_ratio: float


def proxies(
    task: Task,
    activation: ActivationFactory,
    gain: float,
    seeds: Sequence[int] = (0, 1, 2),
    examples: int = 256,
    device: torch.device | None = None,
) -> Proxies:
    """Return the scores of a task's freshly initialised networks, in evaluation mode and the recipe's precision.

    Args:
        task: gives network, training data as ``Task.batch`` loads them, and loss.
        activation: called once for each place that needs an activation layer.
        gain: initialisation factor of the layers after an activation.
        seeds: one network and one batch each; the global generator is left as it was.
        examples: of the training part in a batch.
        device: where; the CPU when ``None``.

    Returns:
        Means over the seeds; not finite where a gradient is not.
    """
    rows = [
        (*_gradient(task, network, batch), _fisher_trace(task, network, batch))
        for network, batch in starts(task, activation, gain, seeds, examples, device)
    ]
    norm, ratio, trace = (math.fsum(column) / len(rows) for column in zip(*rows, strict=True))
    return Proxies(norm, trace, ratio)


def _gradient(task: Task, network: nn.Module, batch: Data) -> tuple[float, float]:
    """Return the norm of the batch's gradient and the logarithm of its ratio from first to last matrix."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    with autocast(task.recipe, batch.inputs.device):
        loss = task.loss_of(network, batch.inputs, batch.targets)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    squares = {id(p): float(_squared(g)) for p, g in zip(parameters, gradients, strict=True) if g is not None}
    weights = [getattr(module, "weight", None) for module in network.modules()]
    ends = [squares[id(w)] for w in weights if isinstance(w, Tensor) and w.dim() > 1 and id(w) in squares]
    ratio = 0.5 * (_log(ends[0]) - _log(ends[-1])) if ends else 0.0
    return math.sqrt(math.fsum(squares.values())), ratio


def _squared(gradient: Tensor) -> Tensor:
    """Return the sum of squares, in float64 where the device has it."""
    wide = gradient if gradient.device.type == "mps" else gradient.double()
    return wide.square().sum()


def _log(value: float) -> float:
    return math.log(max(value, 1e-300))


def _fisher_trace(task: Task, network: nn.Module, batch: Data) -> float:
    parameters, loss = trained_parameters(network), example_loss(task, network)

    def square(example: Tensor, target: Tensor) -> Tensor:
        gradients = grad(loss)(parameters, example, target)
        return torch.stack([_squared(g) for g in gradients.values()]).sum()

    # The fused attention kernels have no rule for vmap; the plain one is exact and vectorises.
    with sdpa_kernel(SDPBackend.MATH):
        squares: Tensor = vmap(square, chunk_size=_CHUNK)(batch.inputs, batch.targets)
    return float(squares.mean())
