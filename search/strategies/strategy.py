"""What proposes: the ask/tell interface of every search strategy."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from pydantic import Field

from primitives.options import Options
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.strategies.choice import Choice
from search.strategies.proposal import Proposal


@dataclass(frozen=True)
class Told:
    """A trained candidate with its objectives, all minimised and finite.

    Attributes:
        objectives: in the campaign's order, where its training ended.
        missed: how many rungs, the end counted as one, it did not come to. What was measured at different rungs
            is not compared: who missed fewer is better, whatever the objectives, as who violates a
            constraint less is in Deb et al. 2002 ("A Fast and Elitist Multiobjective Genetic Algorithm").
        origin: of its proposal; empty where nobody proposed it.
    """

    id: int
    tree: Tree
    objectives: tuple[float, ...]
    missed: int = 0
    origin: str = ""


class StrategyOptions(Options):
    """How candidates are proposed."""

    name: str
    population: int = Field(
        32, ge=4, le=10_000, description="individuals that a strategy keeps, and candidates in flight at most"
    )
    novelty: float = Field(0.02, ge=0, le=1, description="least distance to any trained function; 0 allows all")


class Strategy(abc.ABC):
    """Proposes trees and learns from what training said.

    Two rules make campaigns resumable and reproducible: ``ask`` draws only from Python's global
    ``random`` (seeded by the campaign for each slot), and ``tell`` draws nothing, so that
    replaying the same ``tell`` calls rebuilds the same state.

    ``tests`` for a subclass: :class:`search.testing.StrategyContract`.
    """

    grammar: Grammar
    choice: Choice | None = None
    """What chooses among its children; the campaign's prior where it has none of its own."""
    is_finite: bool = False
    """Whether it comes to an end, and returns fewer proposals than it is asked for when it does."""

    def begin(self) -> None:  # noqa: B027  (most strategies have nothing to do here)
        """Note that the next proposals are for another batch; those of the batch before need not have been chosen."""

    def lines(self) -> list[str]:
        """Return what a person may want to know of it when a search ends, a sentence a line."""
        return []

    @abc.abstractmethod
    def ask(self, count: int) -> list[Proposal]:
        """Return that many proposals. They may be duplicates or useless; the funnel judges."""

    @abc.abstractmethod
    def tell(self, told: Told) -> None:
        """Learn a trained candidate's objectives. Failed candidates are never told."""
