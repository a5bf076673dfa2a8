"""One look at a network before it is stacked: what it keeps, what it draws, what ``vmap`` would get wrong."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from evaluators.task import Data, Task
from evaluators.train import augmenting, autocast, generators, seeded


class Unstackable(Exception):
    """A network whose members cannot share one forward pass; the message says why."""


@dataclass(frozen=True)
class Seen:
    """What one training step of a network does beside its weights.

    Attributes:
        changed: names of the buffers that it writes, such as running statistics.
        draws: whether it draws random numbers, as dropout does.
    """

    changed: frozenset[str]
    draws: bool


def look_at(network: nn.Module, task: Task, data: Data, device: torch.device) -> Seen:
    """Run a copy of a network on two examples as plain torch would.

    Args:
        network: with slots in its activations' places, which do something simple here.
        task: what it trains on.
        data: the training part.
        device: where it and the data are.

    Raises:
        Unstackable: it holds a module with weights under two names, or state that is no buffer
            written in place.
    """
    names = [name for name, module in network.named_modules(remove_duplicate=False) if _holds_state(module)]
    if len(names) != sum(_holds_state(module) for module in network.modules()):
        raise Unstackable("a module with weights stands under two names")
    probe = copy.deepcopy(network).train()
    buffers = dict(probe.named_buffers())
    before = {name: buffer.clone() for name, buffer in buffers.items()}
    plain = [_plain(module) for module in probe.modules()]
    with seeded(0, device), torch.no_grad(), autocast(task.recipe, device):
        inputs, _ = task.batch(data, torch.arange(min(2, len(data))), augmenting(0, 0))
        states = generators(device)
        probe(inputs)
        drew = any(not torch.equal(one, other) for one, other in zip(states, generators(device), strict=True))
    after = dict(probe.named_buffers())
    if any(after[name] is not buffer for name, buffer in buffers.items()):
        raise Unstackable("it assigns a buffer anew in forward; write it in place, as with copy_()")
    if [_plain(module) for module in probe.modules()] != plain:
        raise Unstackable("it keeps state in plain attributes")
    changed = frozenset(name for name, buffer in after.items() if not torch.equal(buffer, before[name]))
    return Seen(changed, drew)


def _holds_state(module: nn.Module) -> bool:
    """Tell whether a module itself, not one inside it, has weights or buffers."""
    return any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))


def _plain(module: nn.Module) -> dict[str, Any]:
    """Return a module's attributes that are numbers or texts."""
    return {name: value for name, value in vars(module).items() if isinstance(value, (int, float, str, bool))}
