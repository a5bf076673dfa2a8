"""The registry of primitives: how one is made, named and found."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import sympy

from primitives.errors import PrimitiveError, unknown
from primitives.names import RESERVED
from primitives.primitive import Derivative, Domain, Growth, Parity, Primitive, symbolic_function


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


def register(primitive: Primitive, *, check: bool = True) -> Primitive:
    """Add a primitive to the table.

    Args:
        primitive: the entry.
        check: compare its kernels and its derivative with its definition on a wide grid first.

    Raises:
        PrimitiveError: the name is taken, reserved or no lower-case identifier, the arity is neither
            1 nor 2, a fact is none of its kind, or a value or slope differs from the definition; the
            message says where.
    """
    name = primitive.name
    if name in _TABLE:
        raise PrimitiveError(f"primitive '{name}' is already registered; choose another name")
    if not (name.isidentifier() and name.isascii() and name == name.lower()) or keyword.iskeyword(name):
        raise PrimitiveError(f"'{name}' cannot name a primitive; use lower-case letters, digits and _")
    if name in RESERVED:
        raise PrimitiveError(f"'{name}' means something else in a formula; choose another name")
    for fact, allowed in _FACTS.items():
        if (value := getattr(primitive, fact)) not in allowed:
            raise PrimitiveError(unknown(f"{fact} of primitive '{name}'", str(value), [str(a) for a in allowed]))
    if primitive.arity not in (1, 2):
        raise PrimitiveError(f"primitive '{name}' has arity {primitive.arity}; it must be 1 or 2")
    _TABLE[name] = primitive
    if primitive.function is not None:
        _BY_FUNCTION[primitive.function] = primitive
    if check:
        _refuse_faults(primitive)
    return primitive


def _refuse_faults(primitive: Primitive) -> None:
    from primitives.check import fault

    if (reason := fault(primitive)) is not None:
        unregister(primitive.name)
        raise PrimitiveError(f"primitive '{primitive.name}' was not registered: {reason}")


def unregister(name: str) -> None:
    """Remove a primitive of your own again.

    Raises:
        PrimitiveError: there is none of that name.
    """
    primitive = get(name)
    del _TABLE[name]
    _BY_FUNCTION.pop(primitive.function, None)


def get(name: str) -> Primitive:
    """Return the primitive of that name.

    Raises:
        PrimitiveError: there is none; the message suggests the nearest name.
    """
    if name not in _TABLE:
        raise PrimitiveError(unknown("primitive", name, _TABLE))
    return _TABLE[name]


def all_primitives() -> tuple[Primitive, ...]:
    """Return every primitive in the order of registration."""
    return tuple(_TABLE.values())


def of_function(function: Any) -> Primitive | None:
    """Return the primitive that a sympy class stands for, or ``None``."""
    return _BY_FUNCTION.get(function)


def named(
    name: str,
    definition: Callable[..., sympy.Expr],
    derivatives: Sequence[Derivative],
    *,
    kernels: Kernels,
    cost: float,
    weight: int = 1,
    parity: Parity = None,
    symmetric: bool = False,
    domain: Domain = "real",
    growth: Growth = "linear",
    monotone: bool = False,
    native: bool = False,
    citation: str = "classical",
    check: bool = True,
) -> Any:
    """Register a primitive with a sympy class of its own and return the class.

    Args:
        name: what a formula calls it.
        definition: textbook formula in sympy, the reference that everything is checked against.
        derivatives: one for each argument, in terms of registered primitives.
        kernels: how torch, numpy and jax compute it.
        cost: of one element, in float32 multiplications.
        weight: what one use adds to the complexity of an expression.
        parity: ``"even"``, ``"odd"`` or ``None``; of a unary function.
        symmetric: a binary function whose arguments may be exchanged.
        domain: where it is a finite real number; of a unary function.
        growth: the fastest it grows.
        monotone: whether it never falls, or never rises; a binary function in each argument.
        native: whether torch's kernel needs no derivative of ours.
        citation: who proposed it.
        check: see :func:`register`.

    Raises:
        PrimitiveError: see :func:`register`.

    Example:
        >>> cube = named(  # doctest: +SKIP
        ...     "cube", lambda x: x**3, [lambda x: 3 * x**2],
        ...     kernels=Kernels("{0}**3", "{0}**3", "{0}**3"), cost=2.0, parity="odd", growth="power",
        ... )
    """
    function = symbolic_function(name, definition, derivatives, parity, symmetric)
    entry = _entry(
        name,
        function,
        len(derivatives),
        kernels,
        cost=cost,
        weight=weight,
        definition=definition,
        parity=parity,
        symmetric=symmetric,
        domain=domain,
        growth=growth,
        monotone=monotone,
        native=native,
        citation=citation,
    )
    register(entry, check=check)
    return function


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
        arity: 1 or 2.
        **facts: as in :class:`Primitive`.
        build: the spelling, in terms of registered primitives.
        definition: the same in sympy's own functions; ``build`` when that uses nothing else.
    """
    register(Primitive(name=name, arity=arity, build=build, definition=definition or build, **facts), check=False)


def auxiliary(name: str, derivatives: Sequence[Derivative], kernels: Kernels, cost: float) -> Any:
    """Make a function that only derivatives mention; no formula can name it.

    Its own derivative may be missing: higher derivatives come from autograd on its kernel.
    """
    function = symbolic_function(name, None, derivatives)
    _BY_FUNCTION[function] = _entry(name, function, len(derivatives), kernels, cost=cost)
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
