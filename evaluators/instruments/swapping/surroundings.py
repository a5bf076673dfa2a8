"""Where an activation stands: inside a larger one, as a gate, in a kernel that nothing reaches."""

from __future__ import annotations

import copy
import dis
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from evaluators.instruments.swapping.chain import chain_of, entries
from evaluators.instruments.swapping.known import Known, known_class, known_function
from evaluators.instruments.swapping.names import mentioned

_SQUEEZE = re.compile("[Ss]queeze|[Ee]xcit|^SE($|[A-Z_])|EffectiveSE|GlobalContext|ChannelAtt|^Eca|CecaModule")
_POOLS = {"mean", "adaptive_avg_pool2d", "avg_pool2d", "adaptive_avg_pool1d", "AdaptiveAvgPool2d"}
_POOL_MODULES = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
_PROBES = ((2, 3), (2, 3, 4), (2, 3, 4, 4))


def is_gate(path: Sequence[nn.Module], known: Known | None) -> bool:
    """Tell whether an activation is the gate of squeeze-and-excite.

    Args:
        path: the modules around it, the network first.
        known: what it is.
    """
    if known is None or not known.gate:
        return False
    owner = next((m for m in reversed(path) if not isinstance(m, nn.Sequential)), None)
    if owner is None:
        return False
    around = path[max(n for n, m in enumerate(path) if m is owner) :]
    if _SQUEEZE.search(type(owner).__name__):
        return True
    pools = any(isinstance(child, _POOL_MODULES) for module in around for child in module.children())
    return (pools or bool(_POOLS & _said(owner))) and _multiplies(owner)


def larger_activation(owner: nn.Module) -> bool:
    """Tell whether a module is an activation of its own that computes with another one inside.

    It is one when it holds nothing but activations and single numbers, and answers each value by itself. It is
    tried on a copy.
    """
    if known_class(type(owner)):
        return True
    if isinstance(owner, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return False
    inner = list(owner.children())
    if any(known_class(type(child)) is None or list(child.children()) for child in inner):
        return False
    if list(owner.buffers()) or any(is_lazy(p) or p.numel() > 1 for p in owner.parameters()):
        return False
    return _is_pointwise(owner)


@contextmanager
def generators_kept(devices: Sequence[int] = ()) -> Iterator[None]:
    """Put the generators of torch, Python and NumPy back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _is_pointwise(owner: nn.Module) -> bool:
    """Tell whether a module answers each value by itself, the same each time, and is no plain activation."""
    try:
        with generators_kept(), torch.no_grad():
            trial = copy.deepcopy(owner).cpu().double()
            return all(_answers_each(trial.train(mode), shape) for mode in (True, False) for shape in _PROBES)
    except Exception:  # what a user's module raises when it is given a small tensor says that it is something else
        return False


def _answers_each(module: nn.Module, shape: tuple[int, ...]) -> bool:
    x = torch.linspace(-3, 3, torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)
    with _Recorder() as recorder:
        y = module(x.clone())
    if not isinstance(y, torch.Tensor) or y.shape != x.shape or torch.equal(y, x):
        return False
    if any(torch.equal(given, x) and torch.equal(answer, y) for given, answer in recorder.calls):
        return False
    order = torch.randperm(x.numel())
    moved = module(x.flatten()[order].reshape(shape))
    other = x.clone()
    other.view(-1)[0] = -5.0
    same = torch.equal(y, module(x.clone())) and torch.equal(y.flatten()[1:], module(other).flatten()[1:])
    return same and torch.allclose(moved.flatten(), y.flatten()[order], 1e-9, 1e-12)


class _Recorder(TorchFunctionMode):
    """Keeps what every known activation is given and answers."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        known = known_function(func) is not None and args and isinstance(args[0], torch.Tensor)
        given = args[0].clone() if known else None
        answer = func(*args, **(kwargs or {}))
        if given is not None:
            self.calls.append((given, answer.clone()))
        return answer


def _said(owner: nn.Module) -> set[str]:
    names: set[str] = set()
    for entry, _ in entries(type(owner)).values():
        chain = chain_of(entry)
        names.update(*(mentioned(f.__code__) for f in chain.functions)) if chain else None
    return names


def _multiplies(owner: nn.Module) -> bool:
    """Tell whether a module's forward multiplies."""
    entry = entries(type(owner)).get("forward")
    chain = chain_of(entry[0]) if entry else None
    if chain is None:
        return False
    steps = list(dis.get_instructions(chain.functions[-1]))
    return any(s.opname == "BINARY_OP" and s.argrepr.startswith("*") for s in steps) or "mul" in _said(owner)
