"""What a swap costs, and what a step of a swapped network costs beside one written with that activation."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from evaluators import swap
from tests.benchmarks.against import Ratio, against, ratio_of

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]

BEFORE = "c23a263"
"""The last build whose swap traced."""
ROUNDS = 31
SWAP = """
import timm, torch
from torch import nn
from evaluators import swap
torch.set_num_threads(1)
first, second = (timm.create_model("efficientnet_b0") for _ in range(2))
swap(first, nn.SiLU, nn.Tanh)
work = lambda: swap(second, nn.SiLU, nn.Tanh)
"""


class Called(nn.Module):
    """Three layers with calls of a function."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return x


class Written(Called):
    """The same, written with a module of another activation."""

    def __init__(self, width):
        super().__init__(width)
        self.act = nn.Tanh()

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer(x))
        return x


class Block(nn.Module):
    """A block of a convolutional network, with an activation in three shapes."""

    def __init__(self, act=None):
        super().__init__()
        self.one, self.two = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.norm, self.act = nn.BatchNorm2d(16), act() if act else nn.ReLU()
        self.more = nn.ModuleList([act(), act()]) if act else None

    def forward(self, x):
        if self.more is not None:
            return self.more[1](x + self.two(self.more[0](self.act(self.norm(self.one(x))))))
        return F.relu(x + self.two(self.act(self.norm(self.one(x))).relu()))


def stepped(network, x):
    """Return what runs a step: forward and backward."""

    def step():
        network(x).sum().backward()

    return step


def compared(swapped, written, calls=1) -> Ratio:
    """Return the time of one over that of the other, run in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in (swapped, written):
        for _ in range(10):
            run()
    for round_ in range(ROUNDS):
        for which in (0, 1) if round_ % 2 else (1, 0):
            started = time.perf_counter()
            for _ in range(calls):
                (swapped, written)[which]()
            times[which].append(time.perf_counter() - started)
    return ratio_of(*times)


def test_a_swap_is_ten_times_as_fast_as_by_tracing_and_takes_a_fifth_of_a_second_at_most():
    timm = pytest.importorskip("timm")
    ratio = against(BEFORE, SWAP, pairs=7)
    print(f"\nswap of efficientnet_b0, seconds of this build over those of {BEFORE}: {ratio}")
    swap(timm.create_model("vit_tiny_patch16_224"), nn.GELU, nn.Tanh)  # what is imported late
    network = timm.create_model("vit_base_patch16_224")
    started = time.process_time()
    swap(network, nn.GELU, nn.Tanh)
    spent = time.process_time() - started
    print(f"swap of vit_base_patch16_224: {spent:.3f} s")
    assert ratio.middle <= 0.1
    assert spent <= 0.2


@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_of_a_swapped_network_costs_what_one_written_so_costs(compiled):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    swapped, written = nn.Sequential(*(Block() for _ in range(4))), nn.Sequential(*(Block(nn.Tanh) for _ in range(4)))
    assert swap(swapped, nn.ReLU, nn.Tanh).count == 12
    x = torch.randn(8, 16, 24, 24)
    runs = [stepped(torch.compile(one) if compiled else one, x) for one in (swapped, written)]
    ratio = compared(*runs, calls=3)
    print(f"\na step of a swapped network over one written so{', compiled' if compiled else ''}: {ratio}")
    assert ratio.low <= 1.03


def test_a_call_in_a_small_layer_costs_two_microseconds_at_most():
    torch.set_num_threads(1)
    swapped, written, x = Called(64), Written(64), torch.randn(32, 64)
    swap(swapped, nn.ReLU, nn.Tanh)
    with torch.no_grad():
        ratio = compared(lambda: swapped(x), lambda: written(x), calls=200)
        started = time.perf_counter()
        for _ in range(2000):
            written(x)
        each = (time.perf_counter() - started) / 2000 / 3
    more = (ratio.middle - 1) * each * 1e6
    print(f"\na swapped call of Linear(64) at batch 32: {more:+.2f} microseconds of {each * 1e6:.1f}: {ratio}")
    assert more <= 2
