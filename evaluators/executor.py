"""Where jobs run: the interface that a serial loop and a Ray cluster share."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from evaluators.evaluation import Evaluation, Job
from evaluators.task import Task


class Executor(abc.ABC):
    """Runs jobs and hands back one list of evaluations a job.

    ``tests`` for a subclass: :class:`evaluators.testing.ExecutorContract`.

    Use it as a context manager, so that workers never outlive the campaign.
    """

    tasks: Mapping[str, Task]

    @property
    @abc.abstractmethod
    def capacity(self) -> int:
        """How many jobs are worth having in flight."""

    @abc.abstractmethod
    def submit(self, job: Job) -> None:
        """Take a job; its task must be one that the executor was given."""

    @abc.abstractmethod
    def collect(self) -> list[tuple[Job, list[Evaluation]]]:
        """Wait until at least one job is done and return all that are; empty when none is in flight.

        A job that fails is answered with failed evaluations, never with an exception.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Stop the workers. Jobs in flight are dropped."""

    def __enter__(self) -> Self:
        """Return the executor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        self.close()
