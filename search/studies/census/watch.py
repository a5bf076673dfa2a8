"""Which operators of an old activation a forward runs, found without the check of the swap."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from evaluators.instruments.swapping.check import Checked
from evaluators.instruments.swapping.swap import Swapped
from search.studies.census.same import Same

Ran = tuple[str, str, tuple[str, ...]]
"""An activation that runs: its kind, its line, the names of the modules that run, innermost first."""

_TORCH = os.path.dirname(torch.__file__)
_OPERATORS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "_prelu_kernel": "PReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "log_sigmoid_forward": "LogSigmoid",
    "rrelu_with_noise": "RReLU",
    "_transformer_encoder_layer_fwd": "ReLU or GELU",
}


class Watch(TorchDispatchMode):
    """Counts activations outside :class:`Same`: kind, line, names of the modules that run, innermost first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._names = {id(module): name for name, module in network.named_modules()}
        self.seen: Counter[Ran] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not Same.depth and (kind := _kind(func, args)):
            self.seen[(kind, *self._place())] += 1
        return func(*args, **(kwargs or {}))

    def _place(self) -> tuple[str, tuple[str, ...]]:
        frame: FrameType | None = sys._getframe(2)
        line = ""
        names: list[str] = []
        while frame is not None:
            file = frame.f_code.co_filename
            if not line and not file.startswith((_TORCH, f"<swapped of {_TORCH}")):
                line = f"{os.path.basename(file).rstrip('>')}:{frame.f_lineno}"
            for value in frame.f_locals.values() if frame.f_code.co_argcount else ():
                if isinstance(value, nn.Module) and id(value) in self._names:
                    names.append(self._names[id(value)])
                break
            frame = frame.f_back
        return line, tuple(dict.fromkeys(names))


def _kind(func: OpOverload, args: Sequence[object]) -> str | None:
    name = str(func.overloadpacket).removeprefix("aten.").removesuffix("_")
    numbers = [a for a in args[1:] if isinstance(a, int | float)]
    if name == "hardtanh":
        return "ReLU6" if numbers[:2] == [0, 6] else "Hardtanh"
    if name == "elu":
        scaled = len(numbers) > 1 and numbers[1] != 1
        return "SELU" if scaled else "CELU" if len(numbers) > 2 and numbers[2] != 1 else "ELU"
    return _OPERATORS.get(name)


def unnamed(seen: Mapping[Ran, int], kind: str, done: Swapped, checked: Checked) -> list[str]:
    """Return the operators of the old kind that the swap names nowhere."""
    lines = {left.line for left in done.left if left.line} | {one.line for one in checked.running}
    lines |= {gate.line for gate in done.gates if gate.line}
    modules = {left.module for left in done.left if not left.line} | {g.name for g in done.gates if not g.line}
    return [
        f"{found} at {line} in {names[0] if names else '?'} x{times}"
        for (found, line, names), times in seen.items()
        if kind in found.split(" or ") and line not in lines and not modules & set(names)
    ]
