"""Primitives of one's own: an entry is compared with its definition before a formula may name it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy

from primitives.check import fault
from primitives.errors import PrimitiveError
from primitives.primitive import Derivative, Domain, Growth, Parity, Primitive
from primitives.registry import Kernels, add, make, unregister


def register(primitive: Primitive, *, check: bool = True) -> Primitive:
    """Add a primitive to the table.

    Args:
        primitive: the entry.
        check: compare its kernels and its derivative with its definition on a wide grid first.

    Raises:
        PrimitiveError: a name is taken, reserved or no identifier in lower case, the arity is neither
            1 nor 2, a fact is none of its kind, or a value or slope differs from the definition; the
            message says where.
    """
    add(primitive)
    if check and (reason := fault(primitive)) is not None:
        unregister(primitive.name)
        raise PrimitiveError(f"primitive '{primitive.name}' was not registered: {reason}")
    return primitive


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
    textbook: Callable[..., sympy.Expr] | None = None,
    saturates: bool = False,
    hides_nan: bool = False,
    latex: str = "",
    synonyms: tuple[str, ...] = (),
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
        textbook: how a grammar that lacks the name says the same with others.
        saturates: whether it has no digit left to change where its argument is large.
        hides_nan: whether torch defines it as a number at nan.
        latex: a template of its LaTeX, see :class:`Primitive`.
        synonyms: what else a formula may call it.
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
    entry = make(
        name,
        definition,
        derivatives,
        kernels,
        cost=cost,
        weight=weight,
        parity=parity,
        symmetric=symmetric,
        domain=domain,
        growth=growth,
        monotone=monotone,
        native=native,
        textbook=textbook,
        saturates=saturates,
        hides_nan=hides_nan,
        latex=latex,
        synonyms=synonyms,
        citation=citation,
    )
    return register(entry, check=check).function
