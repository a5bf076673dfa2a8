"""Random expressions against references that share no code with the compiler."""

from __future__ import annotations

import pytest
import torch
from mpmath import mp, mpf

from evaluators import assess
from primitives import compile_expression
from search.campaign.loop import seeded
from tests.helpers import in_double
from tests.primitives.arithmetic import evaluate
from tests.strategies import grammar

COUNT, CHUNKS = 500, 10


def drawn(seed, count):
    """Return that many random expressions that pass the screen."""
    found = []
    with seeded(seed, 0):
        while len(found) < count:
            expression = grammar().expression(grammar().random_tree(2, 9))
            if expression is not None and assess(expression).rejection is None:
                found.append(expression)
    return found


@pytest.mark.parametrize(
    "chunk", [pytest.param(chunk, marks=[pytest.mark.slow] if chunk % 3 else []) for chunk in range(CHUNKS)]
)
def test_gradients_agree_with_finite_differences(chunk):
    """500 random expressions; a kink within a finite-difference step is retried at other points."""
    for expression in drawn(chunk, COUNT // CHUNKS):
        layer = in_double(compile_expression(expression).module(), expression)
        names = list(expression.parameters)

        def call(x, *values, layer=layer, names=names):
            return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

        values = [layer.get_parameter(name) for name in names]
        passed = False
        for seed in range(3):
            x = (4 * torch.rand(8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 2) * 3
            x.requires_grad_()
            passed = passed or torch.autograd.gradcheck(
                call, (x, *values), eps=1e-7, atol=1e-4, rtol=1e-3, raise_exception=False
            )
        assert passed, str(expression)


@pytest.mark.parametrize("chunk", range(3))
def test_values_at_extreme_inputs_agree_with_fifty_digit_arithmetic(chunk):
    for expression in drawn(100 + chunk, 60):
        compiled = compile_expression(expression)
        values = [torch.tensor(v, dtype=torch.float64) for _, v in expression.initial]
        for point in (-200.0, -20.0, -1e-8, 0.0, 1e-8, 0.7, 20.0, 200.0):
            with mp.workdps(50):
                symbols = {"x": mpf(point), **{name: mpf(value) for name, value in expression.initial}}
                exact = float(evaluate(expression.body, symbols))
                moved = float(evaluate(expression.body, {**symbols, "x": mpf(point) * (1 + mpf(10) ** -12)}))
            x = torch.tensor([point], dtype=torch.float64)
            found = compiled.value(x, *values).expand_as(x).item()
            # Rounding the input alone may move the value by as much as this:
            room = 1e-12 + abs(moved - exact)
            assert found == pytest.approx(exact, rel=1e-9, abs=room), (str(expression), point)
