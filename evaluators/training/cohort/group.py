"""Members in training together: what a stack and a lone network have in common."""

from __future__ import annotations

import abc
from collections.abc import Collection
from dataclasses import dataclass

from evaluators.training.job import Job
from evaluators.training.places import Place
from evaluators.training.pulse import Beat
from evaluators.training.scoring import Scores
from evaluators.training.status import Status
from evaluators.training.task import Part


@dataclass(frozen=True)
class Member:
    """One training: a job with one of its seeds."""

    job: Job
    seed: int


@dataclass(frozen=True)
class Failure:
    """Why a member gave no numbers."""

    status: Status
    reason: str


class Group(abc.ABC):
    """Networks in training that are stepped together and can lose members on the way.

    Attributes:
        members: those still in training.
        why_alone: why they are not in a stack; empty when they are, or when a stack would not pay for so few.
    """

    members: tuple[Member, ...]
    why_alone: str = ""

    @abc.abstractmethod
    def advance(self, to: int, beat: Beat) -> dict[Member, Failure]:
        """Train up to a step; members that fail on the way leave the group and are returned with the reason.

        Raises:
            evaluators.training.pulse.Late: the deadline has passed.
        """

    @abc.abstractmethod
    def losses(self, part: Part) -> dict[Member, float]:
        """Return the finite losses on one part of the data; nobody leaves the group."""

    @abc.abstractmethod
    def places(self) -> dict[Member, tuple[Place, ...]]:
        """Return what each member's activations have become, and what they see of validation examples."""

    @abc.abstractmethod
    def scores(self, part: Part) -> dict[Member, Scores | Failure]:
        """Score every member on one part of the data; those without finite scores leave the group."""

    @abc.abstractmethod
    def keep(self, members: Collection[Member]) -> None:
        """Drop all other members and what memory they hold."""

    @abc.abstractmethod
    def curve(self, member: Member) -> tuple[float, ...]:
        """Return a member's training loss so far, averaged over 20 equal stretches."""
