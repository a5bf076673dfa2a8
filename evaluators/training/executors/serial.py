"""The serial executor: one cohort at a time, in this process, bit-reproducible on CPU."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from evaluators.training.cohort.group import Failure
from evaluators.training.cohort.size import members
from evaluators.training.executors.executor import Executor, Hearing
from evaluators.training.isolation import Isolation, attempt, works
from evaluators.training.job import Answers, Cohort
from evaluators.training.pieces import check_precision, device_here
from evaluators.training.pulse import Pulse
from evaluators.training.task import AnyTask
from primitives.errors import ActsearchError


class _Left(BaseException):
    """The audience raised something: no fault of a training, so nothing in between may catch it."""


class SerialExecutor(Executor):
    """Runs cohorts in the order of submission on one thread.

    A cohort past its timeout is given up between two steps; a hard crash of the interpreter takes
    the campaign with it (``resume`` goes on), which the Ray executor survives.
    """

    def __init__(self, tasks: Mapping[str, AnyTask], device: str = "auto", cohort: int | None = None) -> None:
        """Prepare this process.

        Args:
            tasks: every task that jobs will name.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
            cohort: candidates that are trained together; by the memory there is when ``None``.

        Raises:
            ActsearchError: the device is not here, or lacks the precision of a recipe.
        """
        self.tasks = tasks
        self._device = device_here(device)
        for task in tasks.values():
            check_precision(task.recipe, self._device)
        self._cohort = cohort
        self._sizes: dict[tuple[str, int], int] = {}
        self._parts = Isolation()
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)

    @property
    def capacity(self) -> int:
        """One."""
        return 1

    def members(self, task: str, seeds: int) -> int:
        """Return the configured size, or the one that memory allows; 1 for a task with a loop of its own."""
        if (task, seeds) not in self._sizes:
            self._sizes[task, seeds] = members(self.tasks[task], seeds, self._device, self._cohort)
        return self._sizes[task, seeds]

    def submit(self, cohort: Cohort) -> None:
        """Queue a cohort."""
        if cohort.task not in self.tasks:
            raise KeyError(cohort.task)
        self._parts.submit(cohort)

    def collect(self) -> list[tuple[Cohort, Answers]]:
        """Run the oldest cohort, in parts if it fails, and return its answers.

        Raises:
            ActsearchError: a candidate broke the GPU for this process.
        """
        while not (done := self._parts.finished()) and (part := self._parts.next()):
            outcome = self._attempt(part.cohort)
            if not works(self._device):
                raise ActsearchError(
                    f"device '{self._device}' does not answer any more; results so far are saved: go on with "
                    "'actsearch resume --executor ray', which survives such a candidate"
                )
            if isinstance(outcome, Failure):
                self._parts.fail(part, outcome)
            else:
                self._parts.succeed(part, outcome)
        return done

    def _attempt(self, cohort: Cohort) -> Answers | Failure:
        """Train a cohort; what the audience raises is raised here, where it is not taken for the training's fault."""
        faults: list[Exception] = []

        def hear(pulse: Pulse) -> None:
            try:
                self.audience([Hearing("1", cohort, pulse, 0.0, cohort.timeout)])
            except Exception as error:
                faults.append(error)
                raise _Left from error

        try:
            return attempt(cohort, self.tasks[cohort.task], self._device, hear)
        except _Left:
            raise faults[0] from None

    def close(self) -> None:
        """Drop the queue and give the threads back."""
        self._parts.clear()
        torch.set_num_threads(self._threads)
