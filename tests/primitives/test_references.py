from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mpmath import mp, mpf

from primitives import compile_expression, library, parse, resolve
from tests.helpers import in_double
from tests.primitives.textbook import KINKS, PARAMETERS, TEXTBOOK, TORCH

POINTS = [-200.0, -20.0, -4.1, -2.7, -0.9, -0.1, -1e-3, -1e-8, 0.0, 1e-8, 1e-3, 0.3, 0.99, 2.4, 5.7, 20.0, 200.0]
TOLERANCE = {torch.float64: (1e-11, 1e-13), torch.float32: (2e-5, 1e-5)}
CANCELLING = {"pflu", "calu"}  # far out on the left they are a product with the difference of two nearly equal numbers
STEEP = {"siren", "finer", "soft_modulus", "smu1"}  # condition numbers far above 1: an error in x shows
NEAR_KINK = {"pau"}  # two coefficients start closer to the kink of abs than a finite difference reaches


def test_the_library_holds_exactly_the_functions_that_have_an_independent_form():
    assert set(library()) == set(TEXTBOOK)
    assert len(library()) >= 125


@pytest.mark.parametrize("name", TEXTBOOK)
def test_value_and_gradient_equal_fifty_digit_arithmetic_on_the_published_formula(name):
    expression = library()[name].expression
    compiled = compile_expression(expression)
    away = [p for p in POINTS if min((abs(p - kink) for kink in KINKS.get(name, ())), default=1) > 1e-9]
    for dtype, (relative, absolute) in TOLERANCE.items():
        x = torch.tensor(away, dtype=dtype)
        values = [torch.tensor(v, dtype=dtype) for _, v in expression.initial]
        found = compiled.value(x, *values).expand_as(x), compiled.slopes(x, *values)[0].expand_as(x)
        largest = torch.finfo(dtype).max
        with mp.workdps(50):
            wanted = (
                [TEXTBOOK[name](mpf(float(p))) for p in x],
                [mp.diff(TEXTBOOK[name], mpf(float(p)), h=mpf(10) ** -20) for p in x],
            )
        for result, exact in zip(found, wanted, strict=True):
            kept = torch.tensor([abs(e) < 0.1 * largest for e in exact])
            expected = torch.tensor([float(e) for e in exact], dtype=torch.float64)
            scale = 300 if name in STEEP else 10 if name in CANCELLING else 1
            torch.testing.assert_close(
                result[kept].double(), expected[kept], rtol=scale * relative, atol=scale * absolute
            )


@pytest.mark.parametrize("name", TORCH)
def test_a_reference_equals_torchs_own_module_also_at_kinks_infinities_and_nan(name):
    ours = in_double(compile_expression(library()[name].expression).module(), library()[name].expression)
    grid = torch.tensor([*POINTS, *KINKS.get(name, ()), math.inf, -math.inf, math.nan], dtype=torch.float64)
    x, y = grid.clone().requires_grad_(), grid.clone().requires_grad_()
    left, right = ours(x), TORCH[name](y)
    finite = torch.isfinite(grid)
    torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-10, equal_nan=True)
    left[finite].sum().backward()
    right[finite].sum().backward()
    torch.testing.assert_close(x.grad[finite], y.grad[finite], rtol=1e-7, atol=1e-9)  # torch keeps 1/6 in float32


@pytest.mark.parametrize("name", PARAMETERS)
def test_learnable_constants_start_at_the_published_values(name):
    assert sorted(library()[name].expression.parameters.values()) == pytest.approx(PARAMETERS[name], rel=1e-8)


def test_every_other_reference_has_no_learnable_constant():
    learnable = {name for name, known in library().items() if known.expression.parameters}
    assert learnable == set(PARAMETERS)


@pytest.mark.parametrize("name", library())
def test_gradients_and_second_gradients_pass_gradcheck(name):
    expression = library()[name].expression
    layer = in_double(compile_expression(expression).module(), expression)
    names, values = [list(part) for part in zip(*layer.named_parameters(), strict=True)] or ([], [])
    x = torch.randn(30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x[[min((abs(p - k) for k in KINKS.get(name, ())), default=1) > 1e-3 for p in x.tolist()]].requires_grad_()

    def call(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    step = 1e-8 if name in STEEP | NEAR_KINK else 1e-6
    assert torch.autograd.gradcheck(call, (x, *values), eps=step, atol=1e-4, rtol=1e-3)
    if name not in STEEP | NEAR_KINK:
        assert torch.autograd.gradgradcheck(call, (x, *values), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("text", "name"),
    [("tanhexp", "telu"), ("ExpExpish", "golu"), ("PAU54", "pau"), ("Swish-1", "silu"), ("x", "identity")],
)
def test_other_names_in_use_lead_to_the_same_entry(text, name):
    assert resolve(text) == library()[name].expression


def test_pangaeas_specialised_function_is_softplus_at_its_initial_values():
    found = compile_expression(parse("alpha*x - beta*logsigmoid(gamma*x)"))
    x = torch.linspace(-30, 30, 101, dtype=torch.float64)
    one = torch.ones((), dtype=torch.float64)
    np.testing.assert_allclose(found.value(x, one, one, one), torch.nn.Softplus(threshold=40)(x), atol=1e-12)
