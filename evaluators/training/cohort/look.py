"""One look at a network before it is stacked: what it keeps, what it draws, in which precision it computes."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from evaluators.training.cohort.fallback import Unstackable, is_ours
from evaluators.training.cohort.law import ROWS, Batch, in_double
from evaluators.training.pieces import augmenting, autocast, generators, outputs_and_loss, seeded
from evaluators.training.task import Data, Task

_DEEP, _LONG = 6, 1000
"""How far into containers and objects is looked for what changes, and up to how many values."""


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


def look_at(
    make: Callable[[], nn.Module], activation: type[nn.Module], task: Task, data: Data, device: torch.device
) -> Seen:
    """Run a network on two small batches as plain torch would.

    Args:
        make: makes one member's own. It is made anew for every look, since a copy would not draw from the
            generators that the network draws from, if it can be copied at all.
        activation: the class of its activations.
        task: what it trains on.
        data: the training part.
        device: where it and the data are.

    Raises:
        Unstackable: it holds what a stack cannot hold, or keeps state that is no buffer written in place.
    """
    probe, task = make().train(), copy.copy(task)
    _refuse_unheld(probe, activation)
    buffers = dict(probe.named_buffers())
    before = {name: buffer.clone() for name, buffer in buffers.items()}
    rows = torch.arange(2 * min(task.recipe.batch_size, ROWS)) % len(data)
    with seeded(0, device), autocast(task.recipe, device):
        states = generators(device)
        for some in rows.chunk(2):
            kept = _kept(probe, task, before)  # what is there after one pass and stays is made once for all
            inputs, targets = task.batch(data, some, augmenting(0, 0))
            outputs, _ = outputs_and_loss(task, probe, inputs, targets)
            task.error(outputs.detach(), targets)
        drew = generators(device).differ(states)
    after = dict(probe.named_buffers())
    if any(after.get(name) is not buffer for name, buffer in buffers.items()):
        raise Unstackable("it assigns a buffer anew in forward; write it in place, as with copy_()")
    if (where := _first_difference(kept, _kept(probe, task, before))) is not None:
        raise Unstackable(f"it keeps state outside of buffers, in '{where}'; register a buffer and write it in place")
    changed = frozenset(name for name, buffer in buffers.items() if not torch.equal(buffer, before[name]))
    double = _computes_in_double(make, task, (inputs, targets), device)
    return Seen(changed, bool(drew), bool(drew & {"Python", "NumPy"}), double)


def _refuse_unheld(network: nn.Module, activation: type[nn.Module]) -> None:
    """Refuse what stacked weights and buffers cannot stand for."""
    modules = [(n, m) for n, m in network.named_modules(remove_duplicate=False) if not isinstance(m, activation)]
    names = [name for name, module in modules if _holds_state(module)]
    if len(names) != len({id(module) for _, module in modules if _holds_state(module)}):
        raise Unstackable("a module with weights stands under two names")
    if any(w._backward_hooks or getattr(w, "_post_accumulate_grad_hooks", None) for w in network.parameters()):
        raise Unstackable("it has hooks on its weights, which a stack would not call")
    for name, buffer in network.named_buffers():
        if buffer.layout != torch.strided:
            raise Unstackable(f"its buffer '{name}' is sparse")


def _holds_state(module: nn.Module) -> bool:
    """Tell whether a module itself, not one inside it, has weights or buffers."""
    return any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))


# --- what is kept outside of buffers ---------------------------------------------------------

_OWN = frozenset(vars(nn.Module())) | {"training"}
"""What every module has; weights, buffers and modules inside are looked at by themselves."""


def _kept(network: nn.Module, task: Task, known: Collection[str]) -> dict[str, Any]:
    """Return what modules and the task hold in plain attributes, and in buffers that are not known, by name."""
    found = {
        f"{name}.{key}".lstrip("."): _frozen(value, _DEEP)
        for name, module in network.named_modules()
        for key, value in vars(module).items()
        if key not in _OWN
    }
    born = {name: _frozen(buffer, 1) for name, buffer in network.named_buffers() if name not in known}
    return {**found, **born, **{f"the task's {key}": _frozen(value, _DEEP) for key, value in vars(task).items()}}


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
        small = value.size <= _LONG and value.dtype != object
        return id(value), value.shape, value.tobytes() if small else ""
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if isinstance(value, (random.Random, np.random.Generator, np.random.RandomState)):
        return repr(value.getstate() if isinstance(value, random.Random) else value.__getstate__())
    if isinstance(value, (nn.Module, type)) or callable(value) or not deep:
        return id(value)
    if isinstance(value, Collection) and len(value) > _LONG:
        return id(value), len(value)
    if isinstance(value, Mapping):
        return [(repr(key), _frozen(each, deep - 1)) for key, each in value.items()]
    if isinstance(value, Collection):
        return [type(value).__name__, *(_frozen(each, deep - 1) for each in value)]
    return [type(value).__name__, _frozen(vars(value), deep - 1)] if hasattr(value, "__dict__") else repr(value)


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
            task.loss_of(probe, in_double(batch[0]), in_double(batch[1]))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a network may be written for one precision
        if is_ours(error):
            raise
        return False
    return not narrow.found
