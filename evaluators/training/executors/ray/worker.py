"""The code inside a Ray actor: it holds the tasks and trains one cohort at a time."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluators.tasks.fingerprint import TaskPrint
    from evaluators.training.cohort.group import Failure
    from evaluators.training.job import Answers, Cohort
    from evaluators.training.pulse import Pulse
    from evaluators.training.user_code.importing import UserCode


@dataclass(frozen=True)
class Shipment:
    """What a worker needs of this process.

    Attributes:
        code: what the user wrote, to be imported first.
        tasks: packed by :func:`evaluators.training.user_code.sending.packed`.
    """

    code: tuple[UserCode, ...]
    tasks: bytes


def close(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Tell whether loss and error are the same but for rounding."""
    return all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-6) for a, b in zip(one, other, strict=True))


class Worker:
    """Trains on one CPU and, where there are GPUs, a share of one."""

    def __init__(self, shipment: Shipment, device: str, share: float) -> None:
        """Import the user's code and do once what is slow the first time.

        Args:
            shipment: the user's code and the tasks.
            device: as :func:`evaluators.training.pieces.pick_device` reads it.
            share: of a GPU that this worker may fill, so that it runs out of memory itself before
                its neighbours on the same GPU do; 0 where none is used.
        """
        import torch

        from evaluators.training.pieces import pick_device, warm_up
        from evaluators.training.user_code.importing import install
        from evaluators.training.user_code.sending import unpacked

        torch.set_num_threads(1)
        install(shipment.code)
        warm_up()
        self.tasks, self.device = unpacked(shipment.tasks), pick_device(device)
        self._heard: tuple[int, Pulse | None, float] = (0, None, time.monotonic())
        if self.device.type == "cuda" and 0 < share < 1:
            torch.cuda.set_per_process_memory_fraction(share)

    def node(self) -> str:
        """Return the id of the node it runs on: it is ready."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def fault(self, made_of: dict[str, TaskPrint], answers: dict[str, tuple[float, float]]) -> str | None:
        """Return why a task does not work here, or is not what it is where it was made, or ``None``.

        Args:
            made_of: what tasks are made of where they come from, by name.
            answers: their first answers there, see :func:`evaluators.tasks.check.first_answers`.
        """
        from evaluators.tasks.check import check_task, first_answers
        from evaluators.tasks.fingerprint import print_of
        from evaluators.training.task import OwnLoop
        from primitives.errors import ActsearchError

        for name, before in made_of.items():
            task = self.tasks[name]
            try:
                check_task(task)
            except ActsearchError as error:
                return str(error)
            if names := before.data_difference(print_of(task)):
                return f"task '{name}': data() answers otherwise in another process ({', '.join(names)})"
            if not isinstance(task, OwnLoop) and not close(first_answers(task), answers[name]):
                return f"task '{name}': loss or error of one network on the same examples differ in another process"
        return None

    def members(self, task: str, seeds: int) -> int:
        """Return how many candidates this worker's memory holds at once."""
        from evaluators.training.cohort.size import members

        return members(self.tasks[task], seeds, self.device)

    def pulse(self) -> tuple[int, Pulse | None, float]:
        """Return the number of its run, how far that is, and for how many seconds nothing more has been heard of it.

        It is called by another thread than the one that trains.
        """
        number, pulse, since = self._heard
        return number, pulse, time.monotonic() - since

    def _hear(self, number: int, pulse: Pulse | None) -> None:
        self._heard = number, pulse, time.monotonic()

    def run(self, number: int, cohort: Cohort) -> Answers | Failure:
        """Train a cohort; a GPU that fails for good takes this process with it, so that the next one is sound.

        Args:
            number: of this run, by which whoever asks how far it is tells it from the one before.
            cohort: what to train.
        """
        import torch

        from evaluators.training.isolation import attempt, works

        torch.set_num_threads(1)  # a thread has its own number, and this is not the one that made the worker
        hear = partial(self._hear, number)
        hear(None)
        outcome = attempt(cohort, self.tasks[cohort.task], self.device, hear)
        if not works(self.device):
            os._exit(1)
        return outcome
