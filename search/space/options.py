"""What expressions are built from: the section ``[grammar]`` of a campaign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from primitives.errors import unknown
from primitives.options import Options

DEFAULT_PRIMITIVES = (
    "add", "sub", "mul", "aq", "max", "min", "scale",
    "neg", "abs", "square", "relu", "elu", "silu", "gelu", "tanh", "sigmoid", "softplus", "softsign",
    "gaussian", "sin", "cos", "atan", "asinh", "erf",
)  # fmt: skip

DRAWN = 10
"""Nodes of a tree that is drawn at random, at most."""

_MAX_EXPONENT = 16

# Strict, because an unstrict integer may be true or 1.0.
_Limit = Annotated[int, Field(strict=True, ge=0)]
_Weight = Annotated[int, Field(strict=True, ge=1, le=200)]


def limited(key: str, names: Iterable[str]) -> frozenset[str]:
    """Return which of these primitives a key of ``max_nesting`` limits: itself, or a family by growth."""
    from primitives.table import get

    return frozenset(name for name in names if name == key or (key == "exponential" == get(name).growth))


def _places(names: Iterable[str]) -> list[tuple[str, ...]]:
    from primitives.table import get

    return [get(name).types for name in names]


def joins(names: Iterable[str]) -> bool:
    """Tell whether something takes one expression and something joins two; multipliers and exponents join nothing."""
    return {1, 2} <= {sum(place == "real" for place in places) for places in _places(names)}


class Grammar(Options):
    """What expressions are built from."""

    primitives: tuple[str, ...] = Field(DEFAULT_PRIMITIVES, description="names from 'actsearch primitives'")
    constants: tuple[float, ...] = Field((-1.0, -0.5, 0.1, 0.5, 1.0, 2.0), description="fixed numbers to draw from")
    learnable: tuple[float, ...] = Field(
        (0.01, 0.25, 1.0), description="initial values of learnable parameters: free constants, and multipliers"
    )
    exponents: tuple[float, ...] = Field(
        (-1.0, 0.5, 1.5, 2.0, 3.0), description="what the primitive 'power' raises to; neither 0 nor 1, at most 16"
    )
    max_parameters: int = Field(2, ge=0, le=8, description="learnable parameters an expression may have")
    max_depth: int = Field(6, ge=1, le=15, description="depth of a tree")
    max_nesting: dict[str, _Limit] = Field(
        {"exponential": 1},
        description="how many of a primitive, or of all that grow exponentially, one path may hold; 0 forbids",
    )
    max_complexity: int = Field(20, ge=2, le=200, description="nodes of a formula")
    weights: dict[str, _Weight] = Field(
        {},
        description="what a use of a primitive counts under max_complexity, if not its own weight",
    )

    @field_validator("constants", "learnable")
    @classmethod
    def _moderate(cls, numbers: tuple[float, ...]) -> tuple[float, ...]:
        if any(abs(number) > 1e6 for number in numbers):
            raise ValueError("numbers beyond 1e6 are not allowed")
        return numbers

    @field_validator("exponents")
    @classmethod
    def _powers(cls, numbers: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if not numbers and any("exponent" in places for places in _places(info.data.get("primitives", ()))):
            raise ValueError("the primitive 'power' needs one at least")
        if any(number in (0, 1) or abs(number) > _MAX_EXPONENT for number in numbers):
            raise ValueError(f"an exponent is neither 0 nor 1 and at most {_MAX_EXPONENT} in size")
        return numbers

    @field_validator("primitives")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from primitives.table import all_primitives

        table = [primitive.name for primitive in all_primitives()]
        for name in names:
            if name not in table:
                raise ValueError(unknown("primitive", name, table))
        if not joins(names):
            raise ValueError("a grammar needs at least one unary and one binary primitive")
        return names

    @field_validator("max_nesting")
    @classmethod
    def _limits_something(cls, limits: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        known = ("exponential", *info.data.get("primitives", limits))
        for key in limits:
            if key not in known:
                raise ValueError(unknown("primitive of this grammar", key, known))
        names = info.data.get("primitives", DEFAULT_PRIMITIVES)
        never = {name for key, most in limits.items() if not most for name in limited(key, names)}
        if not joins(name for name in names if name not in never):
            raise ValueError("it leaves the grammar without a unary or without a binary primitive")
        return limits

    @field_validator("weights")
    @classmethod
    def _weighs_something(cls, weights: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        from primitives.table import all_primitives

        own = info.data.get("primitives", weights)
        shown = [p.name for p in all_primitives() if p.function is not None or (p.spelled and p.name in own)]
        for name in weights:
            if name not in shown:
                raise ValueError(unknown("primitive of a formula", name, shown))
        return weights
