"""What proposes: the ask/tell interface of every search strategy."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from search.grammar import Grammar, Tree


@dataclass(frozen=True)
class Proposal:
    """A tree with the operator that made it and the ids of its parents."""

    tree: Tree
    origin: str
    parents: tuple[int, ...] = ()


@dataclass(frozen=True)
class Told:
    """A trained candidate with its objectives, all minimised and finite."""

    id: int
    tree: Tree
    objectives: tuple[float, ...]


class Strategy(abc.ABC):
    """Proposes trees and learns from what training said.

    Two rules make campaigns resumable and reproducible: ``ask`` draws only from Python's global
    ``random`` (seeded by the campaign for each slot), and ``tell`` draws nothing, so that
    replaying the same ``tell`` calls rebuilds the same state.

    ``tests`` for a subclass: :class:`search.testing.StrategyContract`.
    """

    grammar: Grammar

    @abc.abstractmethod
    def ask(self, count: int) -> list[Proposal]:
        """Return that many proposals. They may be duplicates or useless; the funnel judges."""

    @abc.abstractmethod
    def tell(self, told: Told) -> None:
        """Learn a trained candidate's objectives. Failed candidates are never told."""
