"""Where cohorts run: the interface that a serial loop and a Ray cluster share."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self

from evaluators.training.job import Answers, Cohort
from evaluators.training.pulse import Pulse
from evaluators.training.task import AnyTask


@dataclass(frozen=True)
class Hearing:
    """What is heard of a cohort in training.

    Attributes:
        worker: a name that it keeps, as ``1``.
        cohort: what it trains.
        pulse: the last one; ``None`` before its first.
        silent: seconds since then, or since the cohort was handed over.
        limit: seconds without an end after which it is given up, counted from when it was handed over.
    """

    worker: str
    cohort: Cohort
    pulse: Pulse | None
    silent: float
    limit: float


Audience = Callable[[Sequence[Hearing]], None]


def no_audience(_: Sequence[Hearing]) -> None:
    """Hear nothing."""


class Executor(abc.ABC):
    """Runs cohorts and hands back for each of their jobs a list of evaluations.

    ``tests`` for a subclass: :class:`evaluators.testing.ExecutorContract`.

    Use it as a context manager, so that workers never outlive the campaign.

    Attributes:
        tasks: every task that jobs may name, by name.
        audience: hears about once a second, from within :meth:`collect`, how far every cohort in training is; what it
            raises ends :meth:`collect`, and nothing is lost by that but what is in training.
    """

    tasks: Mapping[str, AnyTask] = MappingProxyType({})
    audience: Audience = staticmethod(no_audience)

    @property
    @abc.abstractmethod
    def capacity(self) -> int:
        """How many cohorts are worth having in flight, at least 1; it changes when workers come and go."""

    @abc.abstractmethod
    def members(self, task: str, seeds: int) -> int:
        """Return how many candidates a cohort should hold on one worker, at least 1.

        Args:
            task: the name of one of the tasks.
            seeds: trainings of each candidate.

        Raises:
            KeyError: there is no such task.
        """

    @abc.abstractmethod
    def submit(self, cohort: Cohort) -> None:
        """Take a cohort.

        Raises:
            KeyError: its task is none that the executor was given.
        """

    @abc.abstractmethod
    def collect(self) -> list[tuple[Cohort, Answers]]:
        """Wait until at least one cohort is done and return all that are; empty when none is in flight.

        A job that fails is answered with failed evaluations, never with an exception, and costs
        the others of its cohort nothing but time.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Stop the workers. Cohorts in flight are dropped."""

    def __enter__(self) -> Self:
        """Return the executor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        self.close()
