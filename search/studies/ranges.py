"""How far out value and slope are right: every known activation, and 2,000 random formulas, in every precision.

``python -m search.studies.ranges`` (``make table-ranges``) writes ``ranges.md`` beside this file. The generated torch
code, at both signs of 3, 30, 300 and so on up to the end of the range, is compared with the same formulas in extended
precision (numpy's ``longdouble``, up to 1e4932). What is beyond the range itself is infinite in both and right.
The random formulas are drawn from the grammar of a search, seed 0, and pass its screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sympy
import torch
from numpy.typing import NDArray

from evaluators import assess
from primitives import Expression, compile_expression, library
from primitives.derivative import derivative
from primitives.joints import joined
from primitives.sampled import Values
from search.campaign.loop import seeded
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig

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
_RANDOM = """
## Random formulas

{count:,} formulas of 2 to 9 nodes drawn from the grammar of a search that pass its screen and have no oscillation.
Nearly all limits are the overflow of a power within the formula: of its square (`sqrt(1 + x**2)`, which the grammar's
analytic quotient has) at the square root of the range, of a cube at the third root, and so on.

| right | what | float16 | bfloat16 | float32 | float64 |
|---|---|---|---|---|---|
"""
_WORST = """
The nearest limits in float32:

| formula | what | float32 |
|---|---|---|
"""
COUNT = 2_000
_ROOTS = {"to the end": 1, "to its square root or beyond": 2, "to its third root": 3, "to its fourth root": 4}
_SHOWN = 12
Limits = list[tuple[str, list[tuple[int | None, int | None]]]]
"""Formulas, each with the limits of value and slope in every precision."""


def main() -> None:
    """Measure and write the table."""
    expressions = {name: each.expression for name, each in library().items() if not oscillates(each.expression)}
    known = _HEAD.format(count=len(expressions)) + "".join(rows(expressions))
    limits = measured(drawn(COUNT))
    FILE.write_text(
        known + _RANDOM.format(count=COUNT) + "".join(shares(limits)) + _WORST + "".join(worst(limits)),
        encoding="utf-8",
    )
    print(f"wrote {FILE}")


def drawn(count: int) -> list[Expression]:
    """Return so many random formulas that pass the screen and have no wave, always the same."""
    grammar, found = Grammar(GrammarConfig()), dict[str, Expression]()
    with seeded(0, 0):
        while len(found) < count:
            expression = grammar.expression(grammar.random_tree(2, 9))
            if expression is None or oscillates(expression) or str(expression) in found:
                continue
            if assess(expression).rejection is None:
                found[str(expression)] = expression
    return [*found.values()]


def measured(expressions: Sequence[Expression]) -> Limits:
    """Return the limits of formulas."""
    return [(str(each), [last_right(each, dtype) for dtype in PRECISIONS]) for each in expressions]


def shares(limits: Limits) -> Iterator[str]:
    """Yield a row for value and slope and how far out they are right: how many formulas are, in percent."""
    for at, what in enumerate(("value", "slope")):
        for words, root in _ROOTS.items():
            cells = []
            for place, most in enumerate(PRECISIONS.values()):
                lasts = [found[place][at] for _, found in limits]
                reach = most // root - 1
                right = sum(last is None or (root > 1 and last >= reach) for last in lasts)
                cells.append(f"{100 * right / len(lasts):.1f} %")
            yield f"| {words} | {what} | {' | '.join(cells)} |\n"


def worst(limits: Limits) -> Iterator[str]:
    """Yield the rows of the nearest limits in float32."""
    place = [*PRECISIONS].index(torch.float32)
    found = [
        (last, text, what)
        for text, each in limits
        for what, last in zip(("value", "slope"), each[place], strict=True)
        if last is not None
    ]
    for last, text, what in sorted(found)[:_SHOWN]:
        yield f"| `{text}` | {what} | 1e{last} |\n"


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
