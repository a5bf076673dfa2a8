"""What a swapped network really computes: one forward, watched operator by operator."""

from __future__ import annotations

import copy
import functools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from evaluators.instruments.swapping.known import KNOWN, Known, Wanted, known_operator
from evaluators.instruments.swapping.places import Left, Place
from evaluators.instruments.swapping.source import OWNER, shown
from evaluators.instruments.swapping.surroundings import generators_kept
from primitives import ActsearchError

_HERE = os.path.dirname(os.path.abspath(__file__))
_TORCH = os.path.dirname(os.path.abspath(torch.__file__))
_BY_NAME = {known.name: known for known in KNOWN}
_FUSED = {
    "lstm": ("Sigmoid", "Tanh"),
    "gru": ("Sigmoid", "Tanh"),
    "lstm_cell": ("Sigmoid", "Tanh"),
    "gru_cell": ("Sigmoid", "Tanh"),
    "_thnn_fused_lstm_cell": ("Sigmoid", "Tanh"),
    "_thnn_fused_gru_cell": ("Sigmoid", "Tanh"),
    "mkldnn_rnn_layer": ("Sigmoid", "Tanh"),
    "rnn_tanh": ("Tanh",),
    "rnn_relu": ("ReLU",),
    "_transformer_encoder_layer_fwd": ("ReLU", "GELU"),
}
"""Operators that compute an activation within."""


@dataclass(frozen=True)
class Running:
    """An activation of the old kind that a forward still computes.

    Attributes:
        module: qualified name of the module that computes it.
        was: its name.
        line: file and line that asks for it.
        times: how often in a forward.
    """

    module: str
    was: str
    line: str
    times: int

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.module or 'the network itself'}: {self.was} still runs at {self.line}, {self.times} times"


@dataclass(frozen=True)
class Checked:
    """What a forward of a swapped network showed.

    Attributes:
        running: old activations that still run; what ``where`` left out and gates are not among them.
        never: names of new activations that never ran.
        reread: names of places that worked in place and whose unchanged input was read afterwards.
        larger: activations that were left since they are a part of a larger one.
    """

    running: tuple[Running, ...]
    never: tuple[str, ...]
    reread: tuple[str, ...]
    larger: tuple[Left, ...]

    @property
    def fine(self) -> bool:
        """Whether a person has nothing to act on."""
        return not (self.running or self.never or self.reread)

    def __str__(self) -> str:
        """Return one line for each thing to act on."""
        lines = [str(one) for one in self.running]
        lines += [f"{name}: the new activation never ran" for name in self.never]
        lines += [
            f"{name}: the old activation changed its input, which is read afterwards; the new one does not"
            for name in self.reread
        ]
        return "\n".join(lines) or "every replaced place ran, and no old activation did"


def check(
    network: nn.Module,
    example: Any,
    wanted: Wanted,
    new: tuple[nn.Module, ...],
    places: Sequence[Place],
    staying: Sequence[Place],
    left: Sequence[Left],
) -> Checked:
    """Run a copy of a network in both modes and tell what ran.

    Args:
        network: a swapped one.
        example: of its input.
        wanted: what was replaced.
        new: the new activations.
        places: of them.
        staying: places that are meant to stay as they were.
        left: what the look left.

    Raises:
        ActsearchError: the network raises in the mode that it is in.
    """
    ids = {id(module) for module in new}
    names = [name for name, module in network.named_modules() if id(module) in ids]
    trial = _copied(network)
    modules = dict(trial.named_modules())
    if not modules.keys() >= set(names):  # its own way to be copied leaves something out
        trial, modules = network, dict(network.named_modules())
    changing = {place.name for place in places if place.in_place}
    watch = _Watch(trial, wanted, {name: modules[name] for name in names}, changing)
    with _untouched(trial, trial is network), watch.counting():
        failed: list[Exception] = []
        for training in (network.training, not network.training):
            try:
                with torch.set_grad_enabled(training), watch:
                    _called(trial.train(training), pytree.tree_map(_own, example))
            except Exception as error:  # a user's network may raise anything, and one mode may want a larger batch
                failed.append(error)
            watch.forget()
    if len(failed) == 2:
        name, first = type(network).__name__, failed[0]
        raise ActsearchError(f"{name} raises {type(first).__name__} on the example: {first}") from first
    kept, lines = {place.name for place in staying}, {(place.module, place.line) for place in staying if place.line}
    running = tuple(
        Running(module, was, line, times)
        for (module, was, line), times in watch.seen.items()
        if module not in kept and (module, line) not in lines
    )
    never = tuple(name for name in names if not watch.ran[name])
    larger = tuple(one for one in left if one.larger)
    return Checked(running, never, tuple(sorted(watch.reread)), larger)


def _copied(network: nn.Module) -> nn.Module:
    """Return a copy of a network; where it has none, the network itself, which is put back afterwards."""
    try:
        return copy.deepcopy(network)
    except Exception:  # a module may hold what cannot be copied
        return network


@contextmanager
def _untouched(network: nn.Module, users: bool) -> Iterator[None]:
    """Put all generators back afterwards and, if it is the user's, a network's state, modes and what it keeps."""
    if not users:
        with generators_kept(sorted({p.device.index or 0 for p in network.parameters() if p.device.type == "cuda"})):
            yield
        return
    tensors = {name: value for name, value in network.state_dict().items() if isinstance(value, torch.Tensor)}
    state = {name: value.clone() for name, value in tensors.items() if not is_lazy(value)}
    held = [(module, dict(vars(module)), _contents(module)) for module in network.modules()]
    modes = [(module, module.training) for module in network.modules()]
    devices = sorted({v.device.index or 0 for v in state.values() if v.device.type == "cuda"})
    try:
        with generators_kept(devices):
            yield
    finally:
        for module, before, contents in held:
            vars(module).clear()
            vars(module).update(before)
            for container, content in contents:
                container.clear()
                container.extend(content) if isinstance(container, list) else container.update(content)
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if name in state:
                    value.copy_(state[name])


def _contents(module: nn.Module) -> list[tuple[Any, Any]]:
    """Return the lists and dictionaries of a module that its forward may change, with what is in them."""
    own = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    return [(value, value.copy()) for value in own.values() if type(value) in (list, dict, set)]


def _own(value: Any) -> Any:
    """Return a copy of a tensor: a network may change its input."""
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def _called(network: nn.Module, example: Any) -> Any:
    if isinstance(example, Mapping):
        return network(**example)
    return network(*example) if isinstance(example, tuple) else network(example)


class _Watch(TorchDispatchMode):
    """Counts the operators that compute an old activation, and calls of new ones."""

    def __init__(self, network: nn.Module, wanted: Wanted, new: dict[str, nn.Module], changing: set[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._wanted, self._new, self._changing = wanted, new, changing
        self._modules = {id(module): name for name, module in network.named_modules()}
        self._depth = 0
        self._given: dict[int, tuple[str, torch.Tensor]] = {}
        self.seen: Counter[tuple[str, str, str]] = Counter()
        self.ran: Counter[str] = Counter()
        self.reread: set[str] = set()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count calls of new activations meanwhile."""
        for name, module in self._new.items():
            vars(module)["forward"] = functools.partial(self._forward, name, module.forward)
        try:
            yield
        finally:
            for module in self._new.values():
                vars(module).pop("forward", None)

    def forget(self) -> None:
        """Begin anew with the inputs that are watched."""
        self._given.clear()
        self._depth = 0

    def _forward(self, name: str, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.ran[name] += 1
        self._depth += 1
        try:
            output = forward(*args, **kwargs)
        finally:
            self._depth -= 1
        tensors = args and isinstance(args[0], torch.Tensor) and isinstance(output, torch.Tensor)
        if tensors and name in self._changing and _memory(args[0]) != _memory(output):
            self._given[_memory(args[0])] = name, args[0]
        return output

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        if not self._depth:
            for known in _computed(func, args):
                if known in self._wanted.known:
                    module, line = self._place()
                    self.seen[module, known.name, line] += 1
            if self._given:
                self._reads(func, args)
        return func(*args, **(kwargs or {}))

    def _reads(self, func: Any, args: Any) -> None:
        """Note which watched inputs an operator reads; one that is written into is right again."""
        for number, tensor in enumerate(t for t in pytree.tree_leaves(args) if isinstance(t, torch.Tensor)):
            if found := self._given.get(_memory(tensor)):
                if number == 0 and func.overloadpacket is torch.ops.aten.copy_:
                    del self._given[_memory(tensor)]
                else:
                    self.reread.add(found[0])

    def _place(self) -> tuple[str, str]:
        """Return the innermost module that runs, and the line outside torch that asks."""
        frame: FrameType | None = sys._getframe(2)
        module, line = "", ""
        while frame is not None and not (module and line):
            file = frame.f_code.co_filename
            if not line and not file.startswith((_TORCH, _HERE)):
                line = shown(frame.f_code, frame.f_lineno)
            owner = frame.f_locals.get("self", frame.f_locals.get(OWNER))
            if not module and isinstance(owner, nn.Module) and id(owner) in self._modules:
                module = self._modules[id(owner)] or "."
            frame = frame.f_back
        return module.removeprefix("."), line


def _memory(tensor: torch.Tensor) -> int:
    """Return what tells the memory of a tensor from that of others that live."""
    return int(tensor.untyped_storage()._cdata)


def _computed(func: Any, args: Any) -> list[Known]:
    """Return the activations that an operator computes."""
    name = str(func.overloadpacket).removeprefix("aten.")
    if name in _FUSED:
        return [_BY_NAME[known] for known in _FUSED[name]]
    known = known_operator(func)
    if known is None:
        return []
    numbers = [a for a in args[1:] if isinstance(a, int | float)]
    if known.name == "Hardtanh" and numbers[:2] == [0, 6]:
        known = _BY_NAME["ReLU6"]
    if known.name == "ELU" and len(numbers) >= 2:
        known = _BY_NAME["SELU" if numbers[1] != 1 else "CELU" if len(numbers) > 2 and numbers[2] != 1 else "ELU"]
    return [known]
