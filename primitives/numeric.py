"""Primitives as plain numpy functions, value and slopes: what a search looks at before any formula is built."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import scipy.special
import sympy
from numpy.typing import NDArray

from primitives.emit import Code, code
from primitives.errors import PrimitiveError
from primitives.primitive import Primitive

Array: TypeAlias = NDArray[np.float64]
Slope: TypeAlias = Array | float

_TRIED = np.array([[-200.0, -1.7, -1e-8, 0.0], [0.3, 1.0, 5.3, 200.0]])
_BEYOND = np.array([[-np.inf, -1e300, np.nan, np.nan], [np.nan, 1e-300, 1e300, np.inf]])
"""What trees come to, and a kernel must bear."""


@dataclass(frozen=True)
class Numeric:
    """A primitive in float64 arrays.

    Attributes:
        value: of one array an argument; a number where the primitive is a constant.
        slopes: of the same arrays, the derivative by each argument; a number where that is constant.
    """

    value: Callable[..., Slope]
    slopes: Callable[..., tuple[Slope, ...]]


@lru_cache(maxsize=512)
def numeric(primitive: Primitive) -> Numeric:
    """Return a primitive's numpy functions, made of its own numpy kernel and those that its derivative mentions.

    Raises:
        PrimitiveError: there is no numpy kernel for it or its derivative, or it raises, warns, or returns
            another shape or type than float64 arrays of the shape of its arguments.
    """
    if primitive.function is not None and not primitive.numpy:
        raise _unusable(primitive, "is missing")
    try:
        symbols = primitive.symbols
        body = primitive.build(*symbols)
        slopes = [_slope(body, symbol) for symbol in symbols]
        made = Numeric(
            _function(code([body], "numpy"), symbols, single=True),
            _function(code(slopes, "numpy"), symbols),
        )
    except Exception as error:  # a user's derivative may raise anything
        raise _unusable(primitive, f"cannot be written in numpy: {type(error).__name__}: {error}") from error
    if reason := _fault(primitive, made, [each.is_number for each in (body, *slopes)]):
        raise _unusable(primitive, reason)
    return made


def _slope(body: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """Return a derivative; that of a power as ``y*x**(y - 1)``, since sympy's ``y*x**y/x`` is 0/0 at zero."""
    slope = body.diff(symbol)
    return sympy.powsimp(slope) if body.is_Pow else slope


def _unusable(primitive: Primitive, reason: str) -> PrimitiveError:
    return PrimitiveError(
        f"primitive '{primitive.name}' cannot be searched with: its numpy kernel ('{primitive.numpy}') or that of its "
        f"derivative {reason}; mend the kernel or leave the primitive out of the grammar"
    )


def _function(lines: Code, symbols: tuple[sympy.Symbol, ...], single: bool = False) -> Any:
    """Execute our own text: what the table of primitives says, in terms of checked symbols."""
    body = [f"    {line}" for line in lines.lines()]
    result = lines.results[0] if single else f"({', '.join(lines.results)},)"
    arguments = ", ".join(symbol.name for symbol in symbols)
    helpers = [line for helper in lines.helpers for line in helper.splitlines()]
    text = "\n".join([*helpers, f"def function({arguments}):", *body, f"    return {result}"])
    names: dict[str, Any] = {"np": np, "scipy": scipy}
    exec(compile(text, "<actsearch numpy kernel>", "exec"), names)  # noqa: S102 - see above
    return names["function"]


def _fault(primitive: Primitive, made: Numeric, constant: Sequence[bool]) -> str | None:
    """Return what is wrong with numpy functions, tried on a few inputs that they must not write to."""
    for tried in (_TRIED, _BEYOND):
        arguments = [tried.copy(), tried[::-1, ::-1].copy(), tried[:, ::-1].copy()][: primitive.arity]
        if "exponent" in primitive.types:
            arguments[1] = np.full_like(tried, 2.0)
        if reason := _fault_at(arguments, made, constant):
            return reason if tried is _TRIED else f"{reason}, of inputs that are nan, infinite or 1e300"
    return None


def _fault_at(arguments: Sequence[Array], made: Numeric, constant: Sequence[bool]) -> str | None:
    for argument in arguments:
        argument.setflags(write=False)

    def results(*arguments: Array) -> list[Slope]:
        return [made.value(*arguments), *made.slopes(*arguments)]

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        try:
            found, row = results(*arguments), results(*(argument[:1] for argument in arguments))
        except Warning as warning:
            return f"warns ({warning})"
        except Exception as error:
            return f"fails: {type(error).__name__}: {error}"
    for result, alone, fixed in zip(found, row, constant, strict=True):
        if reason := _misshapen(result, fixed):
            return reason
        if not fixed and not np.array_equal(np.asarray(result)[:1], alone, equal_nan=True):
            return "gives other values of some inputs than of more, or each time"
    return None


def _misshapen(result: Any, fixed: bool) -> str | None:
    """Return what is wrong with a result; only that of a constant may be a number."""
    if fixed and isinstance(result, (int, float)) and not isinstance(result, bool):
        return None
    if type(result) is not np.ndarray:
        return f"returns {type(result).__name__} where a float64 array is wanted"
    if result.dtype != np.float64:
        return f"returns {result.dtype} where float64 is wanted"
    if result.shape != _TRIED.shape:
        return f"returns the shape {result.shape} for inputs of shape {_TRIED.shape}"
    return None
