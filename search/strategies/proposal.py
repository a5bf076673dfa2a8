"""What a strategy proposes."""

from __future__ import annotations

from dataclasses import dataclass

from search.space.leaves import Tree

LIBRARY = "library"
"""Origin of a function that somebody found before."""


@dataclass(frozen=True)
class Proposal:
    """A tree with the operator that made it and the ids of its parents."""

    tree: Tree
    origin: str
    parents: tuple[int, ...] = ()
