"""The roof of one core, and where the time of training steps goes beneath it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

_REPEATS = 15


@dataclass(frozen=True)
class Roof:
    """What one core can do at most: float32 operations and bytes a second."""

    flops: float
    bytes: float


def roof() -> Roof:
    """Measure a large matrix product and a large copy; the best of several, since noise only slows down."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    source, target = torch.randn(2**25), torch.empty(2**25)
    product = _fastest(lambda: torch.mm(a, b))
    copy = _fastest(lambda: target.copy_(source))
    return Roof(2 * 1024**3 / product, 2 * source.nbytes / copy)


def _fastest(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


class Traffic(TorchDispatchMode):
    """Adds up what operators read and write, views apart: the traffic if no cache held anything.

    Attributes:
        bytes: so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
            self.bytes += sum(min(t.nbytes, t.untyped_storage().nbytes()) for t in tensors)
        return result


Kind = Literal["products", "activations", "optimiser", "rest"]
"""Of a step's time; the rest is losses, norms, clipping, autograd and Python."""

_KINDS: dict[str, Kind] = {
    "aten::mm": "products",
    "aten::addmm": "products",
    "aten::bmm": "products",
    "aten::baddbmm": "products",
    "aten::convolution": "products",
    "aten::convolution_backward": "products",
    "aten::_scaled_dot_product_flash_attention_for_cpu": "products",
    "aten::_scaled_dot_product_flash_attention_for_cpu_backward": "products",
    "_EachItsOwn": "activations",
    "_EachItsOwnBackward": "activations",
    "ActivationFunction": "activations",
    "ActivationFunctionBackward": "activations",
    "aten::relu": "activations",
    "aten::threshold_backward": "activations",
    "aten::gelu": "activations",
    "aten::gelu_backward": "activations",
    "aten::silu": "activations",
    "aten::silu_backward": "activations",
    "aten::selu": "activations",
    "aten::elu_backward": "activations",
    "Optimizer.step#AdamW.step": "optimiser",
}
"""What a profiled function is, with all that it calls; generated modules that are one of torch's call that."""


@dataclass(frozen=True)
class Load:
    """What a stretch of training asks of the core.

    Attributes:
        bytes: see :class:`Traffic`.
        shares: of the time that the profiler saw.
    """

    bytes: float
    shares: dict[Kind, float]


def load(train: Callable[[], object]) -> Load:
    """Count and profile a stretch of training, called twice; it goes on each time."""
    with Traffic() as traffic:
        train()
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiled:
        train()
    times: dict[Kind, float] = {"products": 0.0, "activations": 0.0, "optimiser": 0.0, "rest": 0.0}
    for event in profiled.events():
        times[_kind(event)] += event.self_cpu_time_total
    return Load(traffic.bytes, {kind: seconds / sum(times.values()) for kind, seconds in times.items()})


def _kind(event: Any) -> Kind:
    """Return what the outermost function around an event is that is anything."""
    found: Kind = "rest"
    while event is not None:
        found = _KINDS.get(event.name, found)
        event = event.cpu_parent
    return found


def flops(train: Callable[[], object]) -> int:
    """Count the operations of a stretch of training in products; attention is spelt out for that."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        train()
    return counter.get_total_flops()
