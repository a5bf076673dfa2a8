"""The law of a stack: every member does there what its own network does alone, or it is no member.

Compared are outputs and gradients of a training step, the outputs of a second one, what is left in
buffers, and the outputs in evaluation: in float64 at 1e-8 of the largest value, whatever the recipe's
precision, or else, where a network computes in less, in float32 within ten times the gap between its own
float32 and float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from evaluators.training.cohort.fallback import is_ours
from evaluators.training.examples import extreme_rows
from evaluators.training.pieces import autocast, outputs_and_loss, seeded
from evaluators.training.task import Data, Task

_EXACT = 1e-8
_GAPS = 10.0
_LEAST = 1e-6
"""Of the largest value: what ten gaps are at least, for a network whose float32 happens to be exact."""
ROWS = 32
"""Examples of a look and of a trial, where a batch has as many."""
_AMONG = 512

Batch = tuple[Tensor, Tensor]

Behaviour = Mapping[str, Tensor]
"""What one network does: values by what they are, each in float64 on the CPU, of shape (values,)."""


def telling_rows(data: Data, batch_size: int) -> Tensor:
    """Return as many rows as a batch has, 32 at most, of the first 512.

    Those that hold the smallest and the largest symbol and target are among them, then the first.
    """
    count = min(_AMONG, len(data))
    rows: list[int] = []
    for values in (data.inputs[:count], data.targets[:count]):
        if not values.is_floating_point():
            rows += extreme_rows(values)
    return torch.tensor(list(dict.fromkeys([*rows, *range(count)]))[: min(batch_size, ROWS)])


def behaviour(
    network: nn.Module, sites: Sequence[nn.Module], task: Task, batch: Batch, device: torch.device
) -> Behaviour:
    """Return what a member's own network does; it is left in evaluation mode, its buffers changed, without gradients.

    Args:
        network: in the precision that it is to compute in.
        sites: its activation layers.
        task: whose loss is taken.
        batch: inputs and targets in the same precision.
        device: where they are.
    """
    inputs, targets = batch
    names = [name for name, _ in network.named_buffers()]
    constants = [p for site in sites for p in site.parameters()]
    inside = {id(p) for p in constants}
    weights = [p for p in network.parameters() if id(p) not in inside and p.requires_grad]
    with seeded(0, device), autocast(task.recipe, device):
        first, loss = outputs_and_loss(task, network.train(), inputs, targets)
        loss.backward()
        with torch.no_grad():
            second = network(inputs)
            evaluated = network.eval()(inputs)
    buffers = dict(network.named_buffers())
    found = described(
        (first, second, evaluated),
        [weight.grad for weight in weights],
        [torch.zeros_like(p) if p.grad is None else p.grad for p in constants],
        {name: buffers[name] for name in names},
    )
    network.zero_grad(set_to_none=True)
    return found


def described(
    outputs: tuple[Tensor, Tensor, Tensor],
    gradients: Sequence[Tensor | None],
    constants: Sequence[Tensor],
    buffers: Mapping[str, Tensor],
) -> Behaviour:
    """Return what one network did, by what it is.

    Args:
        outputs: of a training step, of a second one, and in evaluation.
        gradients: by the weights in their order, ``None`` where the loss does not depend on one.
        constants: the gradients by the learnable constants of the activations, site by site.
        buffers: what is left in them.
    """
    first, second, evaluated = outputs
    return {
        "its outputs in training": _flat([first]),
        "the weights that its loss depends on": torch.tensor([float(grad is not None) for grad in gradients]),
        "its gradients": _flat(grad for grad in gradients if grad is not None),
        "the gradients of its constants": _flat(constants),
        "its outputs in a second step": _flat([second]),
        **{f"what is left in its buffer '{name}'": _flat([buffer]) for name, buffer in buffers.items()},
        "its outputs in evaluation": _flat([evaluated]),
    }


def _flat(values: Iterable[Tensor]) -> Tensor:
    parts = [value.detach().cpu().double().flatten() for value in values]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)


def precise(
    make: Callable[[], nn.Module],
    sites: Callable[[nn.Module], Sequence[nn.Module]],
    task: Task,
    batch: Batch,
    device: torch.device,
) -> Behaviour:
    """Return what a network does in float64, or, where it does not run there, with every weight moved by a rounding.

    Args:
        make: makes the network; it may be called twice.
        sites: finds its activation layers.
        task: whose loss is taken.
        batch: inputs and targets in the recipe's precision.
        device: where they are.
    """
    try:
        network = make().double()
        return behaviour(network, sites(network), task, (in_double(batch[0]), in_double(batch[1])), device)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # it is written for one precision, or the device has no other
        if is_ours(error):
            raise
        network = make()
        with torch.no_grad():
            for weight in network.parameters():
                weight.mul_(1 + torch.finfo(weight.dtype).eps)
        return behaviour(network, sites(network), task, batch, device)


def difference(alone: Behaviour, stacked: Behaviour, exact: Behaviour | None = None) -> str | None:
    """Return what a member does otherwise in a stack, or ``None``.

    Args:
        alone: what its own network does.
        stacked: what its place in the stack does.
        exact: what :func:`precise` gave, where both were computed in less than float64.
    """
    for what, values in alone.items():
        scale, apart = _largest(values), _apart(values, stacked[what])
        allowed = _EXACT * scale if exact is None else max(_GAPS * _apart(values, exact[what]), _LEAST * scale)
        if not apart <= allowed:
            return f"{what}: {apart:.1e} from those it has alone, which are up to {scale:.1e}"
    return None


def in_double(values: Tensor) -> Tensor:
    """Return floating-point values in float64, others as they are."""
    return values.double() if values.is_floating_point() else values


def _largest(values: Tensor) -> float:
    finite = values[torch.isfinite(values)]
    return float(finite.abs().max()) if len(finite) else 0.0


def _apart(one: Tensor, other: Tensor) -> float:
    """Return the largest difference; what is not finite must be so in both."""
    if one.shape != other.shape:
        return float("inf")
    finite = torch.isfinite(one)
    if not torch.equal(finite, torch.isfinite(other)):
        return float("inf")
    return float((one[finite] - other[finite]).abs().max()) if bool(finite.any()) else 0.0
