"""The serial executor: one job at a time, in this process, bit-reproducible on CPU."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import torch

from evaluators.cohort.trainer import run_job
from evaluators.evaluation import Evaluation, Job, failed
from evaluators.executor import Executor
from evaluators.task import Task
from evaluators.train import pick_device


class SerialExecutor(Executor):
    """Runs jobs in the order of submission on one thread.

    A job past its timeout is given up between two steps; a hard crash of the interpreter takes
    the campaign with it (``resume`` goes on), which the Ray executor survives.
    """

    def __init__(self, tasks: Mapping[str, Task], device: str = "auto") -> None:
        self.tasks = tasks
        self._device = pick_device(device)
        self._queue: deque[Job] = deque()
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)

    @property
    def capacity(self) -> int:
        """One."""
        return 1

    def submit(self, job: Job) -> None:
        """Queue a job."""
        if job.task not in self.tasks:
            raise KeyError(job.task)
        self._queue.append(job)

    def collect(self) -> list[tuple[Job, list[Evaluation]]]:
        """Run the oldest job and return its evaluations."""
        if not self._queue:
            return []
        job = self._queue.popleft()
        try:
            return [(job, run_job(job, self.tasks[job.task], self._device))]
        except Exception as error:
            return [(job, [failed(job, s, "crashed", f"{type(error).__name__}: {error}") for s in job.seeds])]

    def close(self) -> None:
        """Drop the queue and give the threads back."""
        self._queue.clear()
        torch.set_num_threads(self._threads)
