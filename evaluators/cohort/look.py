"""One look at a network before it is stacked: what it keeps, what it draws, in which precision it computes."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from evaluators.cohort.fallback import Unstackable
from evaluators.cohort.law import Batch, in_double
from evaluators.task import Data, Task
from evaluators.train import augmenting, autocast, generators, seeded

_DEEP = 6
"""How far into containers and objects of a module is looked for what changes."""


@dataclass(frozen=True)
class Seen:
    """What one training step of a network does beside its weights.

    Attributes:
        changed: names of the buffers that it writes, such as running statistics.
        draws: whether it, its loss, or the loading of a batch draws from a global generator, as dropout does.
        draws_outside: whether that is Python's or NumPy's, of which ``vmap`` knows nothing.
        double: whether a copy in float64 runs up to the loss, and computes everything in float64.
    """

    changed: frozenset[str]
    draws: bool
    draws_outside: bool
    double: bool


def look_at(make: Callable[[], nn.Module], task: Task, data: Data, device: torch.device) -> Seen:
    """Run a network on a few examples as plain torch would.

    Args:
        make: makes one member's own. It is made anew for every look, since a copy would not draw from the
            generators that the network draws from, if it can be copied at all.
        task: what it trains on.
        data: the training part.
        device: where it and the data are.

    Raises:
        Unstackable: it holds a module with weights under two names, or state that is no buffer
            written in place.
    """
    probe = make().train()
    names = [name for name, module in probe.named_modules(remove_duplicate=False) if _holds_state(module)]
    if len(names) != sum(_holds_state(module) for module in probe.modules()):
        raise Unstackable("a module with weights stands under two names")
    buffers = dict(probe.named_buffers())
    before = {name: buffer.clone() for name, buffer in buffers.items()}
    with seeded(0, device), torch.no_grad(), autocast(task.recipe, device):
        states = generators(device)
        for rows in (torch.tensor([0, 1]), torch.tensor([2, 3])):
            kept = _kept(probe)  # what the first pass puts there and the second leaves alone is made once for all
            inputs, targets = task.batch(data, rows % len(data), augmenting(0, 0))
            task.loss(probe(inputs), targets)
        drew = generators(device).differ(states)
    after = dict(probe.named_buffers())
    if any(after[name] is not buffer for name, buffer in buffers.items()):
        raise Unstackable("it assigns a buffer anew in forward; write it in place, as with copy_()")
    if (where := _first_difference(kept, _kept(probe))) is not None:
        raise Unstackable(f"it keeps state outside of buffers, in '{where}'; register a buffer and write it in place")
    changed = frozenset(name for name, buffer in after.items() if not torch.equal(buffer, before[name]))
    double = _computes_in_double(make, task, (inputs, targets), device)
    return Seen(changed, bool(drew), bool(drew & {"Python", "NumPy"}), double)


def _holds_state(module: nn.Module) -> bool:
    """Tell whether a module itself, not one inside it, has weights or buffers."""
    return any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))


# --- what is kept outside of buffers ---------------------------------------------------------

_OWN = frozenset(vars(nn.Module())) | {"training"}
"""What every module has; weights, buffers and modules inside are looked at by themselves."""


def _kept(network: nn.Module) -> dict[str, Any]:
    """Return what modules hold in plain attributes, by name, as values that can be compared."""
    return {
        f"{name}.{key}".lstrip("."): _frozen(value, _DEEP)
        for name, module in network.named_modules()
        for key, value in vars(module).items()
        if key not in _OWN
    }


def _first_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    names = dict.fromkeys((*one, *other))
    return next((name for name in names if name not in one or name not in other or one[name] != other[name]), None)


def _frozen(value: Any, deep: int) -> Any:
    """Return what is another thing after a value, or something inside it, has changed."""
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        return repr(value)
    if isinstance(value, Tensor):
        return id(value), 0 if value.is_inference() else value._version
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), repr(value) if value.dtype == object else value.tobytes()
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if isinstance(value, (random.Random, np.random.Generator, np.random.RandomState)):
        return repr(value.getstate() if isinstance(value, random.Random) else value.__getstate__())
    if isinstance(value, (nn.Module, type)) or callable(value) or not deep:
        return id(value)
    if isinstance(value, Mapping):
        return [(repr(key), _frozen(each, deep - 1)) for key, each in value.items()]
    if isinstance(value, Collection):
        return [type(value).__name__, *(_frozen(each, deep - 1) for each in value)]
    return [type(value).__name__, _frozen(vars(value), deep - 1)] if hasattr(value, "__dict__") else id(value)


# --- precision -------------------------------------------------------------------------------


class _Narrow(TorchFunctionMode):
    """Notes whether anything is computed in less than float64."""

    found = False

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function and look at the type of what it returns."""
        del types
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(each, Tensor) and each.is_floating_point() and each.dtype != torch.float64 and each.dim():
                self.found = True
        return result


def _computes_in_double(make: Callable[[], nn.Module], task: Task, batch: Batch, device: torch.device) -> bool:
    """Tell whether a network in float64 runs up to the loss, and leaves it nowhere."""
    narrow = _Narrow()
    try:
        probe = make().double().train()
        with seeded(0, device), torch.no_grad(), narrow:
            task.loss(probe(in_double(batch[0])), in_double(batch[1]))
    except torch.OutOfMemoryError:
        raise
    except Exception:  # a network may be written for one precision
        return False
    return not narrow.found
