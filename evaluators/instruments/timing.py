"""What activations cost to run on the machine at hand: time and memory of forward and backward.

Everything is measured beside ReLU and GELU in the same rounds, so that whatever else the machine
does falls on all of them alike. The two are torch's own kernels called eagerly, in both modes:
compiled alone on a CPU, torch's ReLU keeps a mask of bytes and takes ten times as long, which would
make everything look fast. These numbers are for reading: they never enter selection, whose
objective is the deterministic :func:`evaluators.judging.cost.cost`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from primitives import Expression, compile_expression

Mode = Literal["compiled", "eager"]
SHAPE = (64, 128, 128)
"""Batch, tokens and width: a million elements, 4 MiB in float32."""
ROUNDS = 25
_LEAST_SECONDS = 5e-4


@dataclass(frozen=True)
class Spread:
    """The median over the rounds, the quartiles around it, and the least, which other work raises last."""

    median: float
    low: float
    high: float
    least: float

    @staticmethod
    def of(values: NDArray[np.float64]) -> Spread:
        """Return the spread of values, shape (rounds,)."""
        return Spread(*(float(np.percentile(values, at)) for at in (50, 25, 75, 0)))


@dataclass(frozen=True)
class Timing:
    """The measured cost of one activation layer, forward and backward in float32.

    Attributes:
        expression: what the layer computes.
        mode: ``compiled`` by torch.compile or ``eager``.
        seconds: of one forward and backward pass; ``None`` where it could not be measured.
        relu, gelu: the time as a multiple of torch's own, called eagerly, in the same round.
        saved: bytes kept for backward, for each element of the input.
        peak: largest bytes allocated meanwhile beyond input and gradient, for each element; CUDA only.
        reason: why there are no numbers, empty otherwise.
    """

    expression: str
    mode: Mode
    seconds: Spread | None = None
    relu: Spread | None = None
    gelu: Spread | None = None
    saved: float | None = None
    peak: float | None = None
    reason: str = ""


def measure_cost(
    expressions: Sequence[Expression],
    device: torch.device,
    shape: Sequence[int] = SHAPE,
    modes: Sequence[Mode] = ("compiled", "eager"),
    rounds: int = ROUNDS,
) -> list[Timing]:
    """Measure forward and backward of activation layers, interleaved with torch's ReLU and GELU.

    Args:
        expressions: what to measure; learnable parameters get gradients too.
        device: where. A CPU runs with as many threads as torch is set to.
        shape: of the input, standard normal float32.
        modes: each gives one timing an expression.
        rounds: passes of all layers in turn, over which median and quartiles are taken.

    Returns:
        Timings of the first mode in the order of the expressions, then of the next. Where
        torch.compile has no compiler to call, or fails, the timing says why and has no numbers.
    """
    return [timing for mode in modes for timing in _measure_mode(expressions, device, shape, mode, rounds)]


def interleaved(calls: Sequence[Callable[[], object]], rounds: int, device: torch.device) -> NDArray[np.float64]:
    """Time several calls in turn, round by round.

    Args:
        calls: each has been called before, so that nothing is done for the first time.
        rounds: how often.
        device: waited for before the clock is read.

    Returns:
        Seconds of one call, shape (rounds, calls). Short calls are repeated to last about half a millisecond.
    """
    repeats = [max(1, math.ceil(_LEAST_SECONDS / max(_seconds(call, 1, device), 1e-7))) for call in calls]
    return np.array([[_seconds(*each, device) for each in zip(calls, repeats, strict=True)] for _ in range(rounds)])


def _seconds(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    call()  # brings what it needs into the cache
    _wait(device)
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    _wait(device)
    return (time.perf_counter() - started) / repeats


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _measure_mode(
    expressions: Sequence[Expression], device: torch.device, shape: Sequence[int], mode: Mode, rounds: int
) -> list[Timing]:
    generator = torch.Generator().manual_seed(0)
    x, grad = (torch.randn(*shape, generator=generator).to(device) for _ in range(2))
    references = [_Pass(layer, x, grad, "eager") for layer in (nn.ReLU(), nn.GELU())]
    passes = [_Pass(compile_expression(e).module().to(device), x, grad, mode) for e in expressions]
    measured = [each for each in passes if not each.reason]
    table = interleaved([*references, *measured], rounds, device)
    column = {each: table[:, at] for at, each in enumerate(measured, start=len(references))}
    return [
        _timing(expression, mode, each, table, column.get(each))
        for expression, each in zip(expressions, passes, strict=True)
    ]


def _timing(
    expression: Expression,
    mode: Mode,
    each: _Pass,
    table: NDArray[np.float64],
    seconds: NDArray[np.float64] | None,
) -> Timing:
    if seconds is None:
        return Timing(str(expression), mode, reason=each.reason)
    relu, gelu = (Spread.of(seconds / table[:, at]) for at in (0, 1))
    return Timing(str(expression), mode, Spread.of(seconds), relu, gelu, each.saved(), each.peak())


class _Pass:
    """Forward and backward of one layer on a fixed input.

    Attributes:
        reason: why the layer cannot be compiled; empty when it can be called.
    """

    def __init__(self, layer: nn.Module, x: Tensor, grad: Tensor, mode: Mode) -> None:
        self._x, self._grad = x.detach().requires_grad_(), grad
        self._layer: Callable[[Tensor], Tensor] = layer
        self._parameters = list(layer.parameters())
        self.reason = ""
        if mode == "compiled":
            self._layer = torch.compile(layer, fullgraph=True, dynamic=False)
            self.reason = self._first_failure()
        else:
            self()

    def __call__(self) -> None:
        for tensor in (self._x, *self._parameters):
            tensor.grad = None
        self._layer(self._x).backward(self._grad)

    def _first_failure(self) -> str:
        """Compile the layer and return why that fails, in one line."""
        try:
            with _quiet():
                self()
        except Exception as error:  # what a missing or broken compiler raises differs by backend and release
            lines = str(error).strip().splitlines() or [""]
            return f"torch.compile failed: {type(error).__name__}: {lines[0]}"
        return ""

    def saved(self) -> float:
        """Return the bytes kept for backward, for each element; what is kept twice counts once."""
        sizes: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), _quiet():
            self._layer(self._x)
        return sum(sizes.values()) / self._x.numel()

    def peak(self) -> float | None:
        """Return the largest number of bytes allocated beyond what was there before, for each element."""
        device = self._x.device
        if device.type != "cuda":
            return None
        self._x.grad = None
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        self()
        return (torch.cuda.max_memory_allocated(device) - before) / self._x.numel()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the compiler's log lines off the screen; what it fails with is reported by us."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
