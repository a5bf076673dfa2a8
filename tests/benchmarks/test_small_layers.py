"""What a call of a small layer costs in eager mode, where overhead counts and the arithmetic hardly does."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import nn

from primitives import compile_expression, resolve

pytestmark = pytest.mark.bench

SIZE, CALLS, ROUNDS = 1000, 200, 31
NAMES = ("mish", "telu", "x*tanh(x)", "softplus(x)*x", "squareplus", "x*sigmoid(beta*x)", "crrelu", "xielu", "gelusine")


class Pace:
    """Times calls in turns on one thread."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(SIZE, generator=generator).requires_grad_()
        self.grad = torch.randn(SIZE, generator=generator)

    def both(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.x.grad = None
        function(self.x).backward(self.grad)

    def microseconds(self, calls: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
        """Return the time of one call in each round, by name."""
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                started = time.perf_counter()
                for _ in range(CALLS):
                    call()
                taken[name].append((time.perf_counter() - started) / CALLS * 1e6)
        return {name: times[2:] for name, times in taken.items()}


def test_a_layer_of_1000_elements_beside_gelu():
    pace = Pace()
    functions = {"F.gelu": nn.functional.gelu, "nn.PReLU": nn.PReLU()}
    functions |= {name: compile_expression(resolve(name)).module() for name in NAMES}
    taken = pace.microseconds({name: lambda f=f: pace.both(f) for name, f in functions.items()})
    print(f"\nforward + backward of {SIZE} elements, eager, one thread: ratio to F.gelu, median (quartiles) of rounds")
    medians = {}
    for name, times in taken.items():
        ratios = [one / other for one, other in zip(times, taken["F.gelu"], strict=True)]
        low, medians[name], high = statistics.quantiles(ratios, n=4)
        print(f"{medians[name]:5.2f} ({low:.2f} to {high:.2f}) {statistics.median(times):6.1f} us  {name}")
    assert max(medians["x*tanh(x)"], medians["softplus(x)*x"]) <= 1.5


def test_what_calling_through_autograd_function_adds():
    """A layer's call beside its kernel alone; torch's newer style of Function inspects a signature each time."""
    pace = Pace()
    layer = compile_expression(resolve("x*tanh(x)")).module()
    newer = layer.forward.__globals__["ForwardModeFunction"].apply
    kernel = compile_expression(resolve("x*tanh(x)")).value
    taken = pace.microseconds(
        {"layer": lambda: layer(pace.x), "newer": lambda: newer(pace.x), "autograd": lambda: kernel(pace.x)}
    )
    low = {name: min(times) for name, times in taken.items()}
    print(f"\nforward of {SIZE} elements, least of the rounds in us:", {k: round(v, 1) for k, v in low.items()})
    assert low["layer"] < low["newer"]
