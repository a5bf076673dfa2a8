"""The jax file's derivatives are the symbolic ones, not those that jax finds in the kernels."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from primitives import Kernels, compile_expression, named, parse, resolve, unregister
from primitives.export.dialects import export
from primitives.module import derivative_at
from tests.primitives.test_export import GRID, drawn, load

jax = pytest.importorskip("jax")

POINTS = np.concatenate([GRID, [-6.0, -3.0, -1.0, 1.0, 3.0, 6.0, 1e-20, 1e-4, 1e4, 1e6]])
TEXTS = [
    "squareplus", "symlog", "symexp", "turbulent_base", "sinc_plus_x", "gelusinc", "sinc(x)", "relu6", "hardtanh",
    "hardsigmoid", "hardswish", "abs", "plu", "abs(x)**1.5", "log_abs(x)", "gelu", "mish", "gompertz(x)",
    "cloglog(x)*x", "i1e(x)", "i0e(x)*x", "crrelu", "xielu", "selu", "asinh(x)*x", "zero(x) + alpha", "alpha*x + 2",
    "max(alpha, x)*min(2, x)", "telu",
]  # fmt: skip
SMOOTH = ["sinc(x)", "gelu", "mish", "i1e(x)", "i0e(x)", "gompertz(x)", "cloglog(x)", "x*sigmoid(beta*x); beta=1.5"]


def written(expression):
    return load(export(expression, "jax"))["activation"]


def slopes(function, x, initial):
    """Return jax's derivatives by x and by each parameter, one for each point."""
    places = tuple(range(1 + len(initial)))
    return jax.vmap(jax.grad(function, argnums=places), in_axes=(0, *(None for _ in initial)))(x, *initial)


@pytest.mark.parametrize("expressions", [[resolve(text) for text in TEXTS], drawn(10)], ids=["named", "random"])
def test_grad_by_x_and_by_every_parameter_is_the_torch_modules(expressions):
    def all_slopes(x):
        return [slopes(written(e), x, [value for _, value in e.initial]) for e in expressions]

    with jax.enable_x64(True):
        found = jax.jit(all_slopes)(jax.numpy.asarray(POINTS))
    x = torch.from_numpy(POINTS)
    for expression, ours in zip(expressions, found, strict=True):
        wanted = compile_expression(expression).slopes(x, *compile_expression(expression).initial)
        for one, other in zip(ours, wanted, strict=True):
            exact = other.expand(x.shape).numpy()
            kept = np.abs(exact) < 1e200  # beside the largest number, rounding decides
            np.testing.assert_allclose(
                np.asarray(one)[kept], exact[kept], rtol=1e-8, atol=1e-10, err_msg=str(expression)
            )


def test_second_derivatives_are_right_backward_forward_and_across():
    points = np.array([-20.0, -2.7, -0.4, -1e-8, 0.0, 1e-8, 0.4, 1.9, 20.0])
    ways = (lambda f: jax.grad(jax.grad(f)), jax.hessian, lambda f: jax.jacfwd(jax.jacfwd(f)))
    plans = [(resolve(text), way) for index, text in enumerate(SMOOTH) for way in (ways if not index else ways[1:2])]

    def twice(x):
        return [jax.vmap(way(lambda at, e=e: written(e)(at, *e.parameters.values())))(x) for e, way in plans]

    with jax.enable_x64(True):
        found = jax.jit(twice)(jax.numpy.asarray(points))
    for (expression, _), ours in zip(plans, found, strict=True):
        wanted = derivative_at(expression, 2, points)
        kept = points != 0 if "i0e" in expression.formula else np.isfinite(points)  # its slope has a jump inside
        np.testing.assert_allclose(ours[kept], wanted[kept], rtol=1e-9, atol=1e-11, err_msg=str(expression))


def test_jit_half_precision_whole_numbers_and_channels_of_parameters():
    function, x = written(resolve("crrelu")), np.array([[-1.5, 0.0], [2.0, 0.5]])
    assert function(np.array([1, 2])).dtype == np.float32
    assert function(3).shape == ()
    with pytest.raises(TypeError, match="takes numbers, not complex64"):
        function(np.array([1j], np.complex64))
    each = jax.numpy.asarray([0.01, 0.5])

    def loss(x, each):
        return function(x, each).sum()

    half = jax.numpy.bfloat16
    by_x, by_each = jax.jit(jax.grad(loss, argnums=(0, 1)))(jax.numpy.asarray(x, half), each)
    assert (by_x.dtype, by_x.shape, by_each.shape) == (half, (2, 2), (2,))
    np.testing.assert_allclose(by_each, (x * np.exp(-(x**2) / 2)).sum(0), rtol=1e-2)


def test_what_does_not_move_does_not_spoil_what_does():
    function = written(parse("x*sqrt(alpha); alpha=0"))  # its slope by alpha is infinite
    assert jax.grad(function)(1.0) == 0


def test_a_function_whose_derivative_has_no_jax_kernel_leaves_it_to_jax():
    from primitives.registry import auxiliary

    slope = auxiliary("own_slope", [lambda _: sympy.Integer(0)], Kernels("torch.cos({0})", "np.cos({0})", ""), 20)
    named("own_sine", sympy.sin, [slope], kernels=Kernels("torch.sin({0})", "np.sin({0})", "jnp.sin({0})"), cost=20)
    try:
        function = written(parse("x*own_sine(x)"))
        assert jax.grad(function)(1.5) == pytest.approx(np.sin(1.5) + 1.5 * np.cos(1.5), rel=1e-6)
    finally:
        unregister("own_sine")
