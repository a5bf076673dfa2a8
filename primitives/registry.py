"""The registry of primitives: how one is made, named and found."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import sympy

from primitives.errors import PrimitiveError, unknown
from primitives.names import RESERVED
from primitives.primitive import Derivative, Domain, Growth, Primitive, symbolic_function


@dataclass(frozen=True)
class Kernels:
    """The stable kernels of one function: templates with ``{0}`` and ``{1}`` for the arguments.

    Attributes:
        torch, numpy, jax: expressions; the torch one is what training executes.
        helpers: definitions that the templates call, by dialect; generated source carries them along.
    """

    torch: str
    numpy: str
    jax: str
    helpers: tuple[tuple[str, str], ...] = ()


_FACTS = {"parity": ("even", "odd", None), "domain": get_args(Domain), "growth": get_args(Growth)}
_TABLE: dict[str, Primitive] = {}
_BY_FUNCTION: dict[Any, Primitive] = {}
_SYNONYMS: dict[str, str] = {}


def add(primitive: Primitive) -> Primitive:
    """Add a primitive to the table without comparing its kernels with its definition.

    Raises:
        PrimitiveError: see :func:`primitives.registration.register`.
    """
    name = primitive.name
    if name in _TABLE:
        raise PrimitiveError(f"primitive '{name}' is already registered; choose another name")
    for word in (name, *primitive.synonyms):
        if not (word.isidentifier() and word.isascii()) or keyword.iskeyword(word):
            raise PrimitiveError(f"'{word}' cannot name a primitive; use lower-case letters, digits and _")
        if word in RESERVED or word in _SYNONYMS or (word != name and word in _TABLE):
            raise PrimitiveError(f"'{word}' means something else in a formula; choose another name")
    if name != name.lower():
        raise PrimitiveError(f"'{name}' cannot name a primitive; use lower-case letters, digits and _")
    for fact, allowed in _FACTS.items():
        if (value := getattr(primitive, fact)) not in allowed:
            raise PrimitiveError(unknown(f"{fact} of primitive '{name}'", str(value), [str(a) for a in allowed]))
    if primitive.arity not in (1, 2, 3):
        raise PrimitiveError(f"primitive '{name}' has arity {primitive.arity}; it must be 1, 2 or 3")
    _TABLE[name] = primitive
    _SYNONYMS.update(dict.fromkeys(primitive.synonyms, name))
    if primitive.function is not None:
        _BY_FUNCTION[primitive.function] = primitive
    return primitive


def unregister(name: str) -> None:
    """Remove a primitive of your own again.

    Raises:
        PrimitiveError: there is none of that name.
    """
    primitive = get(name)
    del _TABLE[name]
    for word in primitive.synonyms:
        del _SYNONYMS[word]
    _BY_FUNCTION.pop(primitive.function, None)


def get(name: str) -> Primitive:
    """Return the primitive of that name.

    Raises:
        PrimitiveError: there is none; the message suggests the nearest name.
    """
    if name not in _TABLE:
        raise PrimitiveError(unknown("primitive", name, _TABLE))
    return _TABLE[name]


def synonyms() -> Mapping[str, str]:
    """Return what else primitives may be called, with their own names."""
    return _SYNONYMS


def all_primitives() -> tuple[Primitive, ...]:
    """Return every primitive in the order of registration."""
    return tuple(_TABLE.values())


def of_function(function: Any) -> Primitive | None:
    """Return the primitive that a sympy class stands for, or ``None``."""
    return _BY_FUNCTION.get(function)


def make(
    name: str,
    definition: Callable[..., sympy.Expr],
    derivatives: Sequence[Derivative],
    kernels: Kernels,
    **facts: Any,
) -> Primitive:
    """Return an entry with a sympy class of its own; see :func:`primitives.registration.named`."""
    function = symbolic_function(name, definition, derivatives, facts.get("parity"), bool(facts.get("symmetric")))
    return _entry(name, function, len(derivatives), kernels, definition=definition, **facts)


def algebraic(
    name: str,
    build: Callable[..., sympy.Expr],
    arity: int,
    definition: Callable[..., sympy.Expr] | None = None,
    **facts: Any,
) -> None:
    """Register a primitive that a formula spells with others, such as ``square`` or ``aq``.

    Args:
        name: what the search grammar calls it.
        arity: 1, 2 or 3.
        **facts: as in :class:`Primitive`.
        build: the spelling, in terms of registered primitives.
        definition: the same in sympy's own functions; ``build`` when that uses nothing else.
    """
    add(Primitive(name=name, arity=arity, build=build, definition=definition or build, **facts))


def auxiliary(
    name: str, derivatives: Sequence[Derivative], kernels: Kernels, cost: float, takes_numbers: bool = False
) -> Any:
    """Make a function that only derivatives mention; no formula can name it.

    Its own derivative may be missing: higher derivatives come from autograd on its kernel.
    """
    function = symbolic_function(name, None, derivatives)
    _BY_FUNCTION[function] = _entry(name, function, len(derivatives), kernels, cost=cost, takes_numbers=takes_numbers)
    return function


def _entry(name: str, function: Any, arity: int, kernels: Kernels, **facts: Any) -> Primitive:
    """Return the entry of a primitive that a sympy class of ours stands for."""
    return Primitive(
        name=name,
        arity=arity,
        build=function,
        function=function,
        torch=kernels.torch,
        numpy=kernels.numpy,
        jax=kernels.jax,
        helpers=kernels.helpers,
        **facts,
    )
