"""What differentiates a forward kernel itself (torch.export, compiled transforms) finds the symbols' slopes."""

from __future__ import annotations

import pytest
import torch

from primitives import all_primitives, compile_expression, library, parse
from primitives.check import applied
from primitives.expression import Expression
from tests.primitives.test_stable import JOINTS

POINTS = [
    0.0,
    1e-20,
    1e-8,
    -1e-8,
    1e-4,
    -1e-4,
    0.3,
    -0.3,
    1.0,
    -1.0,
    3.0,
    -3.0,
    6.0,
    20.0,
    -20.0,
    200.0,
    -200.0,
    1e4,
    -1e4,
]
ROUNDED = {"plu": -1.0}
"""Joints that are not where rounding puts them."""
SINGLE = [each.name for each in all_primitives() if each.arity == 1 and each.slope_of is None]


def checked(expression, but=None):
    for dtype, rtol in ((torch.float32, 2e-3), (torch.float64, 1e-6)):
        compiled = compile_expression(expression)
        x = torch.tensor([point for point in POINTS if point != but], dtype=dtype, requires_grad=True)
        parameters = [value.to(dtype) for value in compiled.initial]
        value = compiled.value(x, *parameters)
        if not value.requires_grad:
            continue
        (found,) = torch.autograd.grad(value.expand_as(x).sum(), x)
        wanted = compiled.slopes(x.detach(), *parameters)[0].expand_as(x)
        kept = torch.isfinite(wanted)
        torch.testing.assert_close(found[kept], wanted[kept], rtol=rtol, atol=1e-5)


@pytest.mark.parametrize("name", SINGLE)
def test_the_kernel_of_a_primitive_differentiates_to_its_slope(name):
    primitive = next(each for each in all_primitives() if each.name == name)
    checked(Expression(applied(primitive)))


@pytest.mark.parametrize("name", library())
def test_the_kernel_of_a_known_activation_differentiates_to_its_slope(name):
    checked(library()[name].expression, ROUNDED.get(name))


@pytest.mark.parametrize("text", JOINTS)
def test_a_kernel_with_joints_differentiates_to_their_limit(text):
    checked(parse(text))


def test_at_a_bound_that_is_a_number_the_slope_is_torch_s_of_its_clamp():
    for text in ("max(x, 1)", "min(x, 1)", "min(max(x, 1), 2)"):
        compiled = compile_expression(parse(text))
        x = torch.tensor([1.0], requires_grad=True)
        torch.clamp(x, min=1.0).backward()
        assert compiled.slopes(torch.tensor([1.0]))[0].item() == x.grad.item() == 0.0
