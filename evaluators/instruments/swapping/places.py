"""What a person reads about a swap: the places that it found, and what it left."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where an activation is.

    Attributes:
        name: qualified, that the new module has or would have.
        module: qualified name of the module that holds it.
        kind: ``module``, ``attribute`` or ``call``.
        was: class of the module or name of the function.
        line: file and line of a call, empty otherwise.
        gate: whether it is the gate of squeeze-and-excite.
        in_place: whether what was there changed its input and nothing in the source shows that this is read.
    """

    name: str
    module: str
    kind: str
    was: str
    line: str = ""
    gate: bool = False
    in_place: bool = False


@dataclass(frozen=True)
class Left:
    """An activation that stays, and what a person can do about it.

    Attributes:
        module: qualified name of the module that holds it; empty for the network itself.
        was: what it computes.
        line: file and line, where there is one.
        why: a clause.
        larger: whether the module is an activation of its own that can be replaced whole.
    """

    module: str
    was: str
    line: str
    why: str
    larger: bool = False

    def __str__(self) -> str:
        """Return it as a line."""
        at = f" at {self.line}" if self.line else ""
        return f"{self.module or 'the network itself'}: {self.was}{at}: {self.why}"
