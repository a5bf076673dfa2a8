from __future__ import annotations

import pytest
import torch

from evaluators.instruments.timing import Spread, interleaved, measure_cost
from primitives import parse, resolve

CPU = torch.device("cpu")
SHAPE = (16, 32)


def test_every_expression_has_a_timing_in_every_mode_and_order():
    texts = ["relu(x)", "x*sigmoid(beta*x); beta=1.5"]
    timings = measure_cost([parse(text) for text in texts], CPU, SHAPE, rounds=2)
    assert [(t.expression, t.mode) for t in timings] == [(t, m) for m in ("compiled", "eager") for t in texts]
    for timing in timings:
        assert timing.reason == ""
        assert timing.peak is None
        for spread in (timing.seconds, timing.relu, timing.gelu):
            assert 0 < spread.least <= spread.low <= spread.median <= spread.high


def test_memory_is_what_backward_needs():
    swish, gelu, line = measure_cost([resolve(e) for e in ("swish", "gelu", "2*x")], CPU, SHAPE, ("eager",), rounds=1)
    elements = SHAPE[0] * SHAPE[1]
    assert gelu.saved == 4
    assert swish.saved == 4 + 4 / elements  # the input and one number
    assert line.saved == 4


def test_without_a_compiler_eager_is_measured_and_compiled_says_why(monkeypatch):
    def broken(*_, **__):
        def fail(*_):
            raise RuntimeError("No working C++ compiler found\nand more")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    compiled, eager = measure_cost([parse("tanh(x)")], CPU, SHAPE, rounds=1)
    assert compiled.seconds is compiled.relu is compiled.gelu is compiled.saved is None
    assert compiled.reason == "torch.compile failed: RuntimeError: No working C++ compiler found"
    assert eager.seconds is not None


def test_interleaved_times_every_call_in_every_round():
    order: list[str] = []
    seconds = interleaved([lambda: order.append("a"), lambda: order.append("b")], 3, CPU)
    assert seconds.shape == (3, 2)
    assert (seconds > 0).all()
    changes = [name for at, name in enumerate(order) if at == 0 or order[at - 1] != name]
    assert changes == ["a", "b"] * 4  # once to see how short they are


def test_the_median_stands_against_one_slow_round():
    assert Spread.of(torch.tensor([1.0, 2.0, 3.0, 4.0, 1000.0]).numpy()) == Spread(3, 2, 4, 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="measures memory of a GPU")
def test_the_peak_on_a_gpu_holds_output_and_gradient():
    [timing] = measure_cost([parse("sin(x)*x")], torch.device("cuda"), (256, 1024), ("eager",), rounds=2)
    assert timing.peak >= 8
