"""A task's network at initialisation, with a batch to look at it by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from evaluators.training.pieces import autocast, fresh_network, on_device, seeded
from evaluators.training.task import ActivationFactory, Data, Task

ExampleLoss = Callable[[dict[str, Tensor], Tensor, Tensor], Tensor]


def starts(
    task: Task,
    activation: ActivationFactory,
    gain: float,
    seeds: Sequence[int],
    examples: int,
    device: torch.device | None = None,
) -> Iterator[tuple[nn.Module, Data]]:
    """Yield a freshly initialised network in evaluation mode and a batch of the training part for each seed.

    While the caller looks at them the global generators are seeded; afterwards they are as they were.

    Args:
        task: gives network and training data as ``Task.batch`` loads them.
        activation: called once for each place that needs an activation layer.
        gain: initialisation factor of the layers after an activation.
        seeds: one network and one batch each.
        examples: in a batch.
        device: where; the CPU when ``None``.
    """
    device = device or torch.device("cpu")
    data = on_device(task.data("train"), task.recipe, device)
    for seed in seeds:
        network = fresh_network(task, activation, gain, seed, device).eval()
        chosen = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))[:examples].to(device)
        with seeded(seed, device):
            yield network, Data(*task.batch(data, chosen, None))


def trained_parameters(network: nn.Module) -> dict[str, Tensor]:
    """Return the parameters that training would change, by name, detached."""
    return {name: p.detach() for name, p in network.named_parameters() if p.requires_grad}


def example_loss(task: Task, network: nn.Module) -> ExampleLoss:
    """Return the loss of one example as a function of parameters by name, the example and its target.

    Parameters that are not named are the network's own.
    """

    def loss(values: dict[str, Tensor], example: Tensor, target: Tensor) -> Tensor:
        with autocast(task.recipe, example.device):
            return task.loss_of(lambda x: functional_call(network, values, (x,)), example[None], target[None])

    return loss
