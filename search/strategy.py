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
    """A trained candidate with its objectives, all minimised and finite.

    Attributes:
        objectives: the mean error where its training ended, then what is known without training.
        missed: how many rungs, the end counted as one, it did not come to. Errors of different rungs
            are not compared: who missed fewer is better, whatever the objectives, as who violates a
            constraint less is in Deb et al. 2002 ("A Fast and Elitist Multiobjective Genetic Algorithm").
    """

    id: int
    tree: Tree
    objectives: tuple[float, ...]
    missed: int = 0


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
