"""A module's derivatives by torch, forward and reverse, are those in symbols, to third order."""

from __future__ import annotations

import mpmath
import pytest
import torch
from torch.func import functional_call, grad, hessian, jvp, vmap

from primitives import compile_expression, library, parse, resolve
from primitives.module import derivative_by_x

NAMES = [name for name in library() if name not in ("hardswish", "smu1")]
"""Torch has no third derivative of what is made of its hardsigmoid; that of smu1, at a scale of 4e-9, is rounding."""
X = torch.linspace(-3, 3, 25, dtype=torch.float64) + 0.013


def forward(function):
    return lambda x: jvp(function, (x,), (torch.ones_like(x),))[1]


def reverse(function):
    return grad(lambda x: function(x).sum())


@pytest.mark.parametrize("name", NAMES)
def test_forward_and_reverse_mode_agree_with_the_symbols_to_third_order(name):
    expression = resolve(name)
    module = compile_expression(expression).module().double()
    parameters = [torch.as_tensor(p.detach()).double() for p in module.parameters()]
    along, back = module, module
    for order in (1, 2, 3):
        wanted = derivative_by_x(expression, order)(X, *parameters).expand(X.shape)
        along, back = forward(along), reverse(back)
        for found in (along(X), back(X)):
            torch.testing.assert_close(found.detach(), wanted, rtol=1e-7, atol=1e-7 * float(wanted.abs().max()))


def test_the_curvature_of_hardsigmoid_s_kin_is_had_by_torch_s_double_backward():
    module = compile_expression(resolve("x*hardsigmoid(x)")).module().double()
    x = torch.tensor([0.3, 2.9, 4.0, -5.0], dtype=torch.float64)
    _, product = torch.autograd.functional.hvp(lambda v: module(v).sum(), x, torch.ones_like(x))
    torch.testing.assert_close(product, torch.tensor([1 / 3, 1 / 3, 0.0, 0.0], dtype=torch.float64))


@pytest.mark.parametrize("text", ["x*sigmoid(beta*x); beta=1.5", "alpha*tanh(x) + sin(beta*x); alpha=0.5; beta=2.0"])
def test_forward_mode_reaches_parameters_and_batches(text):
    module = compile_expression(resolve(text)).module().double()
    values = {name: p.detach() for name, p in module.named_parameters()}

    def at(beta):
        return functional_call(module, {**values, "beta": beta}, (X,)).sum()

    beta = values["beta"]
    assert jvp(at, (beta,), (torch.ones_like(beta),))[1] == pytest.approx(float(grad(at)(beta)))
    torch.testing.assert_close(hessian(at)(beta).view(()), grad(lambda b: grad(at)(b).sum())(beta).view(()))
    each = vmap(forward(module))(X.view(5, 5))
    torch.testing.assert_close(each, forward(module)(X).view(5, 5))


def test_half_precision_moves_in_its_own_type():
    module, x = compile_expression(resolve("crrelu")).module(), X.to(torch.bfloat16)
    moved = forward(module)(x)
    assert moved.dtype == torch.bfloat16
    torch.testing.assert_close(moved.float(), forward(module)(x.float()), rtol=0.01, atol=0.01)


def test_derivatives_of_scaled_bessel_functions_do_not_cancel_near_zero():
    with mpmath.workdps(60):
        for order in (2, 3):
            points = [1e-8, 1e-3, 0.3, 2.9, 3.1, 8.0, 20.0]
            wanted = [float(mpmath.diff(_i1e, mpmath.mpf(p), order, h=mpmath.mpf("1e-15"))) for p in points]
            found = derivative_by_x(parse("i1e(x)"), order)(torch.tensor(points, dtype=torch.float64))
            torch.testing.assert_close(found.tolist(), wanted, rtol=1e-9, atol=0)
    at_zero = derivative_by_x(parse("i1e(x)"), 2)(torch.zeros(1, dtype=torch.float64))
    assert at_zero.item() == 0


def _i1e(x):
    return mpmath.exp(-abs(x)) * mpmath.besseli(1, x)


SMOOTH = {
    "cos(abs(x))": -1.0, "relu(x) + log(1 + exp(-abs(x)))": 0.25, "exp(-abs(x))*(1 + abs(x))": -1.0,
    "log(cosh(abs(x)))": 1.0, "sqrt(1 + abs(x)**2)": 1.0, "x*abs(x)": 0.0, "relu(x)**3": 0.0,
}  # fmt: skip


@pytest.mark.parametrize("text", SMOOTH)
def test_the_second_derivative_at_a_joint_is_the_limit_of_both_sides_whoever_takes_it(text):
    compiled, zero = compile_expression(resolve(text)), torch.zeros(1, dtype=torch.float64)
    module = compiled.module().double()
    found = [
        hessian(lambda x: module(x).sum())(zero),
        grad(grad(lambda x: module(x).sum()))(zero[0]),
        grad(grad(lambda x: compiled.value(x).sum()))(zero[0]),
        derivative_by_x(resolve(text), 2)(zero),
    ]
    x = zero.clone().requires_grad_()
    (slope,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    found.append(torch.autograd.grad(slope.sum(), x)[0])
    assert [float(each.detach()) for each in found] == pytest.approx([SMOOTH[text]] * 5)
