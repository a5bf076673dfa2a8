"""Which of many children to train: what chooses among them is one exchangeable thing."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.judging.objectives import Objective
from primitives.identity import Fingerprint
from search.space.describe import Described
from search.strategies.proposal import Proposal


@dataclass(frozen=True, eq=False)
class Child:
    """A proposal that passed every look.

    Attributes:
        proposal: the tree, and where it comes from.
        described: what arrays say of it.
        print: its fingerprint.
    """

    proposal: Proposal
    described: Described
    print: Fingerprint


@dataclass(frozen=True)
class Result:
    """What a training said.

    Attributes:
        id: of the candidate.
        points: its objectives by steps, at every rung that it reached and at the end.
        whole: steps of a whole training.
        baseline: whether it is one of the baselines; what is worse than all of them is worth nothing.
    """

    id: int
    points: Mapping[int, tuple[float, ...]]
    whole: int
    baseline: bool = False


class Choice(abc.ABC):
    """Puts a pool of children in the order in which they should be trained.

    As for a strategy: it draws from Python's global ``random`` alone, and learning draws nothing, so that a resumed
    campaign chooses as the uninterrupted one did.
    """

    def aim(self, objectives: Sequence[Objective]) -> None:  # noqa: B027  (most choices go by the first alone)
        """Note what results are of, before anything is told."""

    @abc.abstractmethod
    def pool(self, count: int) -> int:
        """Return how many children it wants to choose so many from."""

    @abc.abstractmethod
    def order(self, pool: Sequence[Child], count: int) -> list[int]:
        """Return the places of all children, the most promising first.

        Args:
            pool: children.
            count: how many of them will be trained, together.
        """

    @abc.abstractmethod
    def chose(self, identifier: int, genotype: str | None, text: str) -> None:
        """Note that a candidate is trained from now on, or was.

        Args:
            identifier: of the candidate.
            genotype: the tree that says it, as :meth:`search.space.grammar.Grammar.dumps` has it; ``None`` where the
                grammar has none.
            text: of its expression.
        """

    @abc.abstractmethod
    def tell(self, result: Result) -> None:
        """Learn what a training said."""

    def lose(self, identifier: int) -> None:  # noqa: B027  (most choices do not ask what is in flight)
        """Note that a training gave no numbers."""
