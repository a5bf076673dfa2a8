"""Contract tests of a primitive: subclass :class:`PrimitiveContract` to check your own.

Needs pytest and mpmath (``pip install 'actsearch[test]'``)::

    class TestCube(PrimitiveContract):
        @pytest.fixture
        def primitive(self):
            return cube
"""

from __future__ import annotations

try:
    import pytest
except ModuleNotFoundError:
    raise ImportError("primitives.testing needs pytest: pip install 'actsearch[test]'") from None
import numpy as np
import torch

from primitives.check import applied, expressed, fault, uses
from primitives.expression import Expression
from primitives.module import compile_expression
from primitives.primitive import Primitive


class PrimitiveContract:
    """Laws that every primitive obeys; the reference is 50-digit arithmetic on the textbook definition."""

    @pytest.fixture
    def primitive(self) -> Primitive:
        """Return the primitive under test; override it."""
        raise NotImplementedError

    def test_kernels_slope_and_facts_agree_with_the_definition(self, primitive: Primitive) -> None:
        """Forward and derivative from 1e-8 to 200 on both sides, numpy, nan, domain, parity, bounds, monotony.

        A binary one also with equal arguments, numbers and a learnable parameter, alone and stacked.
        """
        reason = fault(primitive)
        assert reason is None, reason

    def test_the_slope_is_what_autograd_finds_in_the_kernel(self, primitive: Primitive) -> None:
        """The symbolic derivative and torch's own agree, away from kinks."""
        compiled = compile_expression(Expression(applied(primitive)))
        x = torch.tensor([-2.37, -1.41, -0.77, 0.31, 0.83, 1.69, 3.3], dtype=torch.float64, requires_grad=True)
        value = compiled.value(x)
        kept = torch.isfinite(value.detach())
        if not value.requires_grad or primitive.slope_of is not None:
            return
        (wanted,) = torch.autograd.grad(value[kept].sum(), x)
        torch.testing.assert_close(compiled.slopes(x.detach())[0].expand_as(x)[kept], wanted[kept])

    def test_the_jax_kernel_agrees_with_the_torch_one(self, primitive: Primitive) -> None:
        """In float64, in every way in which a formula may use the primitive; left out where jax is not installed."""
        jax = pytest.importorskip("jax")
        if primitive.function is not None and not primitive.jax:
            return
        x = np.array([-20.0, -2.3, -0.4, 0.3, 1.7, 20.0])
        for use in uses(primitive):
            if (expression := expressed(primitive, use)) is None:
                continue
            compiled = compile_expression(expression)
            with jax.enable_x64(True):
                found = compiled.jax(jax.numpy.asarray(x), *(value for _, value in expression.initial))
            kept = np.isfinite(compiled.at(x))
            found = np.broadcast_to(np.asarray(found), x.shape)
            np.testing.assert_allclose(found[kept], compiled.at(x)[kept], rtol=1e-9, atol=1e-12, err_msg=str(use))
