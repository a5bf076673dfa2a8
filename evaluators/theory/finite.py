"""Is a function finite wherever a network may evaluate it?"""

from __future__ import annotations

import numpy as np

from primitives import Expression, compile_expression

_EDGES = [0.0, 1e-8, 1e-4, 20.0, 50.0, 100.0, 200.0]
WIDE_GRID = np.array(
    sorted({s * e for e in _EDGES for s in (-1, 1)} | set(np.linspace(-12, 12, 193).tolist())), dtype=np.float32
)
"""Inputs in [-200, 200], float32, shape (n,)."""


def not_finite(expression: Expression) -> str | None:
    """Return why an expression overflows or is undefined on the wide grid, or ``None``."""
    import torch

    x, compiled = torch.from_numpy(WIDE_GRID), compile_expression(expression)
    values = [torch.tensor(value) for _, value in expression.initial]
    outputs = {"the value": compiled.value(x, *values)}
    names = ["the slope", *(f"the derivative by {name}" for name in expression.parameters)]
    outputs |= dict(zip(names, compiled.slopes(x, *values), strict=True))
    for name, output in outputs.items():
        bad = ~torch.isfinite(output.expand_as(x))
        if bad.any():
            where = min(x[bad].tolist(), key=abs)
            return f"{name} is not finite at x = {where + 0.0:g}"
    return None
