"""The 5,103 functions b(u(x), u(x)) of PANGAEA's operators: how many are worth a training?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from primitives import ActsearchError, Expression, compile_expression, get
from primitives.expression import X

UNARY = (
    "zero", "one", "identity", "neg", "abs", "inverse", "square", "exp", "erf", "erfc", "sinh", "cosh", "tanh",
    "expm1", "sigmoid", "logsigmoid", "asinh", "atan", "i0e", "i1e", "relu", "elu", "selu", "silu", "softplus",
    "softsign", "hardsigmoid",
)  # fmt: skip
BINARY = ("add", "sub", "mul", "div", "pow", "max", "min")


def trees() -> Iterator[tuple[str, Expression | None]]:
    """Yield each tree's name and its expression, or ``None`` where that is no real function at all."""
    for binary in BINARY:
        for left in UNARY:
            for right in UNARY:
                name = f"{binary}({left}, {right})"
                try:
                    body = get(binary).build(get(left).build(X), get(right).build(X))
                    yield name, Expression(body)
                except (ActsearchError, TypeError, ValueError):
                    yield name, None


def values(expression: Expression, x: np.ndarray) -> np.ndarray:
    """Return the values in float64."""
    return compile_expression(expression).at(x)


def classes(rows: np.ndarray, tolerance: float = 1e-6, mirror: int = 0) -> int:
    """Return the number of groups of rows that agree within a tolerance relative to each row's size.

    Args:
        rows: values, one function a row.
        tolerance: of the largest difference.
        mirror: half the length of a grid whose second half mirrors the first: count a function
            and its reflection once.
    """
    scaled = rows / np.maximum(1.0, np.abs(rows).max(axis=1, keepdims=True))
    swapped = standardised(np.roll(scaled, mirror, axis=1)) if mirror else scaled
    left = list(range(len(rows)))
    count = 0
    while left:
        first, *rest = left
        far = np.abs(scaled[rest] - scaled[first]).max(axis=1) > tolerance
        far &= np.abs(swapped[rest] - scaled[first]).max(axis=1) > tolerance
        left = [index for index, keep in zip(rest, far, strict=True) if keep]
        count += 1
    return count


def standardised(rows: np.ndarray) -> np.ndarray:
    """Return rows of mean 0 and size 1 whose entry of largest size, the first of equals, is positive."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    size = np.abs(centred).max(axis=1, keepdims=True)
    first = np.argmax(np.abs(centred) > 0.999999 * size, axis=1)
    return centred / size * np.sign(centred[np.arange(len(rows)), first])[:, None]
