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
import torch

from primitives.check import applied, fault
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
        """Forward and derivative from 1e-8 to 200 on both sides, numpy, nan, domain, parity, bounds, monotony."""
        reason = fault(primitive)
        assert reason is None, reason

    def test_the_slope_is_what_autograd_finds_in_the_kernel(self, primitive: Primitive) -> None:
        """The symbolic derivative and torch's own agree, away from kinks."""
        compiled = compile_expression(Expression(applied(primitive)))
        x = torch.tensor([-2.37, -1.41, -0.77, 0.31, 0.83, 1.69, 3.3], dtype=torch.float64, requires_grad=True)
        value = compiled.value(x)
        kept = torch.isfinite(value.detach())
        if not value.requires_grad:
            return
        (wanted,) = torch.autograd.grad(value[kept].sum(), x)
        torch.testing.assert_close(compiled.slopes(x.detach())[0].expand_as(x)[kept], wanted[kept])
