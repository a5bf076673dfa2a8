from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from primitives import PrimitiveError, all_primitives, compile_expression, get
from primitives.check import expressed, uses
from primitives.expression import X
from primitives.numeric import numeric
from primitives.values import Values

POINTS = np.concatenate([np.linspace(-8, 8, 257), [-200.0, -20.0, -1e-8, 1e-8, 20.0, 200.0, np.inf, -np.inf, np.nan]])


@pytest.mark.parametrize("primitive", all_primitives(), ids=lambda primitive: primitive.name)
def test_value_and_slopes_are_those_of_the_torch_kernels(primitive):
    """Of every primitive as a function of x in every way a formula may use it; at both ends and at nan as well."""
    made = numeric(primitive)
    for use in uses(primitive):
        expression = expressed(primitive, use)
        if expression is None or X not in expression.body.free_symbols:
            continue
        compiled = compile_expression(expression)
        alpha, finite = sympy.Symbol("alpha"), np.isfinite(POINTS)
        arguments = [
            np.broadcast_to(sympy.lambdify((X, alpha), each)(POINTS, 0.625), POINTS.shape).astype(float)
            for each in use.arguments
        ]
        inner = [float(sympy.sympify(each).diff(X)) for each in use.arguments]
        with np.errstate(all="ignore"):
            found = np.broadcast_to(made.value(*arguments), POINTS.shape)
            parts = [slope * by_x for slope, by_x in zip(made.slopes(*arguments), inner, strict=True) if by_x]
            slope = np.broadcast_to(sum(parts), POINTS.shape)
        wanted = compiled.at(POINTS)
        np.testing.assert_allclose(found[finite], wanted[finite], rtol=1e-9, atol=1e-12, equal_nan=True)
        exact = compiled.slopes(torch.from_numpy(POINTS), *compiled.initial)[0].expand(POINTS.shape).numpy()
        smooth = finite & np.isfinite(exact) & np.isfinite(slope)
        if primitive.clamp:  # two functions share a tie, a number has no part in it
            smooth &= arguments[0] != arguments[1]
        np.testing.assert_allclose(slope[smooth], exact[smooth], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("kernel", "reason"),
    [
        ("", "is missing"),
        ("np.nothing({0})", "fails: AttributeError"),
        ("np.float32({0})", "returns float32 where float64 is wanted"),
        ("{0}[0]", r"returns the shape \(4,\) for inputs of shape \(2, 4\)"),
        ("list({0})", "returns list where a float64 array is wanted"),
        ("np.asarray(__import__('warnings').warn('old') or {0})", r"warns \(old\)"),
        ("np.asarray_chkfinite({0})", "fails: ValueError: .*, of inputs that are nan, infinite or 1e300"),
    ],
)
def test_a_numpy_kernel_that_cannot_be_used_is_named_with_the_reason(kernel, reason):
    from primitives import Kernels, unregister
    from primitives.registry import add, make

    definition = get("tanh").definition
    entry = make(
        "badly", definition, [lambda x: 1 - get("tanh").function(x) ** 2], Kernels("torch.tanh({0})", kernel, "")
    )
    add(entry)
    try:
        with pytest.raises(PrimitiveError, match=rf"primitive 'badly' cannot be searched with.*({reason})"):
            numeric(entry)
    finally:
        unregister("badly")


def test_values_of_formulas_are_those_of_their_source_and_parts_are_evaluated_once(monkeypatch):
    import primitives.sampled as module
    from primitives import parse
    from primitives.identity import POINTS as THERE

    expression = parse("alpha*sin(x)**2 + x*tanh(x)/3 - max(x, beta); alpha=0.3; beta=-1.5")
    values = Values(THERE, dict(expression.initial))
    np.testing.assert_allclose(values.of(expression.body), compile_expression(expression).at(THERE), rtol=1e-12)
    calls, real = [], module.numeric
    monkeypatch.setattr(module, "numeric", lambda primitive: calls.append(primitive.name) or real(primitive))
    values.of(expression.body + X)
    assert calls == []
    assert values.of(X.func("unknown")) is None
