"""How far out value and slope are right: every known activation in every precision, in one table.

``python -m search.studies.ranges`` (``make table-ranges``) writes ``ranges.md`` beside this file. The generated torch
code, at both signs of 3, 30, 300 and so on up to the end of the range, is compared with the same formulas in extended
precision (numpy's ``longdouble``, up to 1e4932). What is beyond the range itself is infinite in both and right.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sympy
import torch
from numpy.typing import NDArray

from primitives import Expression, compile_expression, library
from primitives.derivative import derivative
from primitives.joints import joined
from primitives.sampled import Values

FILE = Path(__file__).with_name("ranges.md")
PRECISIONS = {torch.float16: 4, torch.bfloat16: 38, torch.float32: 38, torch.float64: 307}
"""With the last power of ten that each has."""
ROOM = {torch.float16: 2e-3, torch.bfloat16: 2e-2, torch.float32: 1e-4, torch.float64: 1e-9}
"""Deviation that counts as right, of the larger of 1 and the value."""
_HEAD = """# How far out activations are right

Made by `make table-ranges`: value and slope of the generated torch code at both signs of 3, 30, 300 and so on,
against the same formula in extended precision. Of the {count} functions of the library that have no oscillation,
these are wrong somewhere within the range of a precision; the number is the last power of ten that is right. All
others are right to the end in float16, bfloat16, float32 and float64.

| function | what | float16 | bfloat16 | float32 | float64 |
|---|---|---|---|---|---|
"""


def main() -> None:
    """Measure and write the table."""
    expressions = {name: each.expression for name, each in library().items() if not oscillates(each.expression)}
    FILE.write_text(_HEAD.format(count=len(expressions)) + "".join(rows(expressions)), encoding="utf-8")
    print(f"wrote {FILE}")


def rows(expressions: dict[str, Expression]) -> Iterator[str]:
    """Yield a row for each function whose value, or slope, is wrong somewhere."""
    for name, expression in expressions.items():
        limits = [last_right(expression, dtype) for dtype in PRECISIONS]
        for what, found in zip(("value", "slope"), zip(*limits, strict=True), strict=True):
            if any(last is not None for last in found):
                cells = ("to the end" if last is None else f"1e{last}" for last in found)
                yield f"| `{name}` | {what} | {' | '.join(cells)} |\n"


def oscillates(expression: Expression) -> bool:
    """Tell whether a function has a wave, whose argument rounding alone moves far out."""
    return any(str(node.func) in ("sin", "cos", "tan", "sinc") for node in expression.body.atoms(sympy.Function))


def last_right(expression: Expression, dtype: torch.dtype) -> tuple[int | None, int | None]:
    """Return up to which power of ten value and slope are right, each ``None`` where to the end."""
    powers = np.arange(PRECISIONS[dtype] + 1)
    sizes = torch.tensor([3 * 10.0**power for power in powers], dtype=torch.float64).to(dtype)
    x = torch.cat([sizes, -sizes])
    layer = compile_expression(expression).module().to(dtype)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.fill_(expression.parameters[name])
    leaf = x.clone().requires_grad_()
    value = layer(leaf)
    value.sum().backward()
    assert leaf.grad is not None
    slope = joined(derivative(expression.kernel, sympy.Symbol("x")), expression.initial)
    wanted = [_exact(body, x, expression) for body in (expression.kernel, slope)]
    found = value.detach(), leaf.grad
    first, second = (_last(each, right, dtype) for each, right in zip(found, wanted, strict=True))
    return first, second


def _exact(body: sympy.Expr, x: torch.Tensor, expression: Expression) -> NDArray[Any]:
    """Return values in extended precision, in double where a part has no extended kernel (erf, Bessel functions)."""
    for kind in (np.longdouble, np.float64):
        found = Values(x.double().numpy().astype(kind), dict(expression.initial), kind).of(body)
        if found is not None:
            return found.astype(np.longdouble)
    raise AssertionError(str(body))


def _last(found: torch.Tensor, wanted: NDArray[Any], dtype: torch.dtype) -> int | None:
    largest = np.longdouble(torch.finfo(dtype).max)
    with np.errstate(all="ignore"):
        beyond = np.abs(wanted) > largest
        numbers = found.double().numpy()
        close = np.abs(numbers - wanted) <= ROOM[dtype] * np.maximum(1, np.abs(wanted))
    right = np.where(beyond | np.isnan(wanted), ~np.isnan(numbers) | np.isnan(wanted), close)
    both = right.reshape(2, -1).all(axis=0)
    return None if both.all() else int(np.argmin(both)) - 1


if __name__ == "__main__":
    main()
