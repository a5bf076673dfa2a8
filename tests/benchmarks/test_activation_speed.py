"""Forward and backward of generated activations against torch's GELU, and what they keep in between."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import nn

from evaluators import assess
from primitives import compile_expression, resolve
from search.campaign.loop import seeded
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig

SHAPE = (256, 197, 64)
NAMED = ("crrelu", "mish", "gelusine", "xielu", "pau")
RANDOM, SEED = 20, 0
ROUNDS = 9


def random_expressions() -> list:
    """Return the first 20 trees of depth 3 of the default grammar that pass the screen."""
    grammar, found = Grammar(GrammarConfig()), []
    with seeded(SEED, 0):
        while len(found) < RANDOM:
            expression = grammar.expression(grammar.random_tree(3, 3))
            if expression is not None and assess(expression).rejection is None:
                found.append(expression)
    return found


class Pace:
    """Times forward + backward beside torch's GELU, turn by turn, on the same tensors."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(SHAPE, generator=generator).requires_grad_()
        self.grad = torch.randn(SHAPE, generator=generator)
        for _ in range(30):  # until the allocator holds enough pages
            self._once(nn.functional.gelu)

    def _once(self, function: Callable[[torch.Tensor], torch.Tensor]) -> float:
        self.x.grad = None
        started = time.perf_counter()
        function(self.x).backward(self.grad)
        return time.perf_counter() - started

    def ratio(self, function: Callable[[torch.Tensor], torch.Tensor]) -> tuple[float, float, float]:
        """Return the median, least and largest ratio of the function's time to GELU's."""
        ratios = [self._once(function) / self._once(nn.functional.gelu) for _ in range(ROUNDS + 2)][2:]
        return statistics.median(ratios), min(ratios), max(ratios)


def kept(function: Callable[[torch.Tensor], torch.Tensor]) -> int:
    """Return the bytes saved for backward."""
    sizes: list[int] = []
    x = torch.randn(SHAPE, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.nbytes) or t, lambda t: t):
        function(x)
    return sum(sizes)


def shown(ratio: tuple[float, float, float]) -> str:
    return f"{ratio[0]:5.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})"


@pytest.mark.bench
@pytest.mark.timeout(1200)
def test_generated_activations_against_gelu():
    pace, gelu = Pace(), kept(nn.functional.gelu)
    expressions = [(name, resolve(name)) for name in NAMED] + [(e.formula, e) for e in random_expressions()]
    rows = []
    print(f"\nratios to F.gelu, forward + backward of {SHAPE}, one thread: median (least to largest) of {ROUNDS}")
    print(f"{'compiled':22} {'eager':22} {'naive autograd':22} bytes  function")
    for name, expression in expressions:
        compiled = compile_expression(expression)
        layer = compiled.module()
        values = [torch.tensor(v, requires_grad=True) for _, v in expression.initial]

        def naive(x: torch.Tensor, compiled=compiled, values=values) -> torch.Tensor:
            return compiled.value(x, *values)

        torch._dynamo.reset()
        ratios = [pace.ratio(f) for f in (torch.compile(layer, fullgraph=True), layer, naive)]
        rows.append([*(ratio[0] for ratio in ratios), kept(layer) / gelu, kept(naive) / gelu])
        print(*(f"{shown(ratio):22}" for ratio in ratios), f"{rows[-1][3]:4.2f} ({rows[-1][4]:.0f})  {name}")
    medians = [statistics.median(row[column] for row in rows[len(NAMED) :]) for column in range(3)]
    print(
        f"median of the {RANDOM} random ones: compiled {medians[0]:.2f}, eager {medians[1]:.2f}, naive {medians[2]:.2f}"
    )
    assert rows[0][0] <= 1.0
    for (_, expression), row in zip(expressions, rows, strict=True):
        assert row[3] <= 1.05 or expression.parameters
        assert row[3] <= 1.0001
