"""What is found in a function: places, and what they depend on."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from evaluators.instruments.swapping.chain import Chain
from evaluators.instruments.swapping.known import Known, Wanted
from evaluators.instruments.swapping.source import Edit, Position

SCRIPT = "it is TorchScript, which cannot be changed; swap before torch.jit.script"


def scripted(script: Any, wanted: Wanted) -> tuple[Known, ...]:
    """Return the wanted activations in a function or module of TorchScript."""
    used = {node.kind().removeprefix("aten::").rstrip("_") for node in script.inlined_graph.nodes()}
    return tuple(known for known in wanted.known if not used.isdisjoint(known.calls))


@dataclass(frozen=True, eq=False)
class Site:
    """A place in a function's source that computes an activation.

    Attributes:
        function: what it calls, as a person reads it.
        known: the activations that it may be.
        line: file and line.
        edits: given the owner's name and that of the new activation, what to write.
        member: the kind of helper that the edits call, if they do not call the activation itself.
        larger: what it is only a part of, if it is.
        in_place: whether it changes its argument and nothing shows that this is read.
        weights: attributes of the module, if it is taken of nothing else.
    """

    function: str
    known: tuple[Known, ...]
    line: str
    edits: Callable[[str], list[Edit]]
    member: str | None = None
    larger: str | None = None
    in_place: bool = False
    weights: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Use:
    """A place that refers to another function with sites.

    Attributes:
        start: of the reference.
        end: of it.
        text: as it is written.
        chain: the function, under its decorators.
        defined_in: the class that it is a method of, if it is one of the module's own.
        by_class: whether it is asked of a class and not of the module.
    """

    start: Position
    end: Position
    text: str
    chain: Chain
    defined_in: type | None
    by_class: bool = False


@dataclass(frozen=True)
class Handed:
    """A call of a child in which something may work in place.

    Attributes:
        name: of the child.
        kept: whether what it is handed is read afterwards by another name than the result's.
        of_parameter: whether it is handed what the function itself was given.
    """

    name: str
    kept: bool
    of_parameter: bool


@dataclass(eq=False)
class Body:
    """What was found in one function.

    Attributes:
        owner_name: what the module is called in there.
        sites: in it.
        uses: of other functions with sites.
        handed: calls of children in which something works in place.
        widened: calls of attributes with more arguments than an activation takes: their names and where those stand.
        squared: calls of children that are a part of something larger: name, line and what.
        compared: attributes that are compared or looked up by, and the lines.
        hidden: what cannot be replaced in there: the activations it may be, line and why.
    """

    owner_name: str
    sites: list[Site] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    widened: list[tuple[str, ast.expr]] = field(default_factory=list)
    squared: list[tuple[str, str, str]] = field(default_factory=list)
    compared: list[tuple[str, str]] = field(default_factory=list)
    hidden: list[tuple[tuple[Known, ...], str, str]] = field(default_factory=list)
