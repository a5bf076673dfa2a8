"""Contract tests of a primitive: subclass :class:`PrimitiveContract` to check your own.

Needs pytest and mpmath (``pip install 'actsearch[test]'``)::

    class TestCube(PrimitiveContract):
        @pytest.fixture
        def primitive(self):
            return cube
"""

from __future__ import annotations

from typing import Any

import mpmath
import pytest
import sympy
import torch

from primitives.expression import Expression, X
from primitives.module import compile_expression
from primitives.primitive import Primitive

POINTS = (-200.0, -20.0, -3.3, -1.0, -0.4, -1e-8, 1e-8, 0.3, 0.9, 2.7, 20.0, 200.0)
TOLERANCE = {torch.float64: 2e-12, torch.float32: 3e-6}
# A slope such as 1 - tanh(x)**2 cancels: its error is small beside one, not beside itself.
ABSOLUTE = {torch.float64: 1e-15, torch.float32: 3e-7}


class PrimitiveContract:
    """Laws that every primitive obeys; the reference is mpmath on the textbook definition."""

    @pytest.fixture
    def primitive(self) -> Primitive:
        """Return the primitive under test; override it."""
        raise NotImplementedError

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
    def test_value_and_slope_agree_with_the_definition_in_high_precision(
        self, primitive: Primitive, dtype: torch.dtype
    ) -> None:
        """Forward and derivative match 40-digit arithmetic from 1e-8 to 200 on both sides."""
        compiled = compile_expression(Expression(applied(primitive)))
        for point in POINTS:
            x = torch.tensor([point], dtype=dtype)
            exact = reference(primitive, float(x))
            if exact is None:
                continue
            for name, result, wanted in zip(
                ("value", "slope"), (compiled.value(x), compiled.slopes(x)[0].expand_as(x)), exact, strict=True
            ):
                expected = torch.tensor([float(wanted)], dtype=torch.float64).to(dtype)
                close = torch.isclose(result, expected, rtol=TOLERANCE[dtype], atol=ABSOLUTE[dtype])
                found = f"{name} of {primitive.name} at {point}: {result.item()!r}, not {expected.item()!r}"
                assert close.item(), found

    def test_a_nan_stays_a_nan(self, primitive: Primitive) -> None:
        """A missing number never turns into a plausible one."""
        if primitive.name in ("step", "sign"):
            pytest.skip("torch defines both as zero at nan")
        x = torch.tensor([float("nan")])
        assert torch.isnan(compile_expression(Expression(applied(primitive))).value(x)).all()

    def test_stated_facts_hold_on_a_grid(self, primitive: Primitive) -> None:
        """Parity, boundedness and monotony are what the entry says."""
        x = torch.arange(-600, 601, dtype=torch.float64) / 20
        y = compile_expression(Expression(applied(primitive))).value(x).expand_as(x)
        finite = torch.isfinite(y)
        if primitive.arity == 2:
            return
        if primitive.parity == "even":
            assert torch.allclose(y, y.flip(0), equal_nan=True)
        if primitive.parity == "odd":
            assert torch.allclose(y, -y.flip(0), equal_nan=True)
        if primitive.bounded:
            assert y[finite].abs().max() <= 3
        if primitive.monotone:
            steps = y[finite].diff()
            assert (steps >= -1e-12).all() or (steps <= 1e-12).all()

    def test_the_cost_is_positive_for_a_named_kernel(self, primitive: Primitive) -> None:
        """Nothing is free: a zero cost would win every comparison."""
        assert primitive.function is None or primitive.cost > 0
        assert primitive.weight >= 1


def applied(primitive: Primitive) -> sympy.Expr:
    """Return the primitive as a function of ``x`` alone; a binary one is applied to (x, x/2 + 1/3)."""
    second = X / 2 + sympy.Rational(1, 3)
    return primitive.build(X) if primitive.arity == 1 else primitive.build(X, second)


def reference(primitive: Primitive, point: float) -> tuple[Any, Any] | None:
    """Return value and slope by 40-digit arithmetic on the definition, or ``None`` outside its domain."""
    assert primitive.definition is not None
    definition: Any = primitive.definition

    def function(x: Any) -> Any:
        exact = sympy.Float(str(x), 60)
        arguments = (exact,) if primitive.arity == 1 else (exact, exact / 2 + sympy.Rational(1, 3))
        value = definition(*arguments).evalf(50)
        if not value.is_real:
            raise ValueError
        return mpmath.mpf(str(value))

    with mpmath.workdps(50):
        try:
            return function(mpmath.mpf(point)), mpmath.diff(function, mpmath.mpf(point), h=mpmath.mpf("1e-20"))
        except ValueError:
            return None
