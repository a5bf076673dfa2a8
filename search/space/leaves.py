"""What stands at the ends of a tree, and the types of its places."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, TypeAlias

from deap import gp

from primitives.primitive import exact

Tree: TypeAlias = gp.PrimitiveTree


class _Type(type):
    """The class of the grammar's types: hashed by name, not by where it lies in memory.

    DEAP draws from lists made of sets of types; in an order that changes from
    process to process, equal seeds would give different children.
    """

    def __hash__(cls) -> int:
        return sum(cls.__name__.encode())


class Real(metaclass=_Type):
    """Any expression: ``x``, a number, a free learnable constant, or a primitive of them."""


class Weight(metaclass=_Type):
    """A learnable multiplier; a leaf."""


class Exponent(metaclass=_Type):
    """A fixed number that a power is raised to; a leaf."""


Type: TypeAlias = type[Real] | type[Weight] | type[Exponent]
TYPES: dict[str, Type] = {"real": Real, "weight": Weight, "exponent": Exponent}


@dataclass(frozen=True)
class Constant:
    """A leaf that is a fixed number."""

    value: float


@dataclass(frozen=True)
class Learnable:
    """A leaf that is a learnable parameter with an initial value; each leaf is its own parameter."""

    value: float


KINDS: dict[str, type[Constant | Learnable]] = {"constant": Constant, "learnable": Learnable}
LEAVES: dict[Type, tuple[type[Constant | Learnable], ...]] = {
    Real: (Constant, Learnable),
    Weight: (Learnable,),
    Exponent: (Constant,),
}


def leaf(value: Constant | Learnable, type_: Type = Real) -> Any:
    """Return a DEAP terminal that carries a value."""
    return gp.Terminal(value, False, type_)


def is_learnable(node: Any) -> bool:
    """Tell whether a DEAP node is a learnable leaf."""
    return isinstance(getattr(node, "value", None), Learnable)


def is_number(node: Any) -> bool:
    """Tell whether a DEAP node is a leaf that is a number, fixed or learnable."""
    return isinstance(getattr(node, "value", None), (Constant, Learnable))


def is_x(node: Any) -> bool:
    """Tell whether a DEAP node is the input."""
    return not node.arity and not isinstance(node.value, (Constant, Learnable))


def perturbed(value: float) -> float:
    """Return a number near another: scaled by a log-normal factor, at times with the other sign."""
    scaled = value * random.lognormvariate(0.0, 0.5) if value else random.gauss(0.0, 0.5)
    return float(exact(float(f"{-scaled if random.random() < 0.1 else scaled:.3g}")))
