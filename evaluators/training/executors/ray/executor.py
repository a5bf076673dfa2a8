"""The Ray executor: cohorts on actors of a local cluster of our own or of one by address."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from evaluators.tasks.check import first_answers
from evaluators.tasks.fingerprint import print_of
from evaluators.tasks.own import is_ours
from evaluators.training.cohort.group import Failure
from evaluators.training.cohort.size import members
from evaluators.training.executors.executor import Executor, Hearing
from evaluators.training.executors.ray.connection import connect
from evaluators.training.executors.ray.fleet import Fleet, Hand
from evaluators.training.executors.ray.pulses import Pulses
from evaluators.training.executors.ray.worker import Shipment
from evaluators.training.isolation import Isolation, Part
from evaluators.training.job import Answers, Cohort
from evaluators.training.pulse import Pulse
from evaluators.training.task import AnyTask, OwnLoop
from evaluators.training.user_code.importing import imported
from evaluators.training.user_code.sending import packed
from primitives.errors import ActsearchError

_GRACE = 10.0
"""Seconds past a cohort's own timeout before its worker is killed; a worker's start does not count."""

_ASKED = 3
"""Workers in a row that may die of a question."""

_ABANDONED = 600.0
"""Seconds without any worker after which the campaign is given up; an autoscaler adds a node in fewer."""


@dataclass(frozen=True)
class _Run:
    """A numbered run of a part on a worker, and when it is given up, on the clock of :func:`time.monotonic`."""

    number: int
    part: Part
    hand: Hand
    limit: float

    def hearing(self, heard: tuple[Pulse | None, float] | None, now: float) -> Hearing:
        """Return what an audience hears of it; ``heard`` is what its worker said, if it has said anything yet."""
        whole = self.part.cohort.timeout + _GRACE
        pulse, silent = heard or (None, now - (self.limit - whole))
        return Hearing(self.hand.name, self.part.cohort, pulse, silent, whole)


class RayExecutor(Executor):
    """Runs cohorts on Ray actors, one CPU each; GPUs are shared out when the cluster has any.

    The user's code and the tasks, with their data, are shipped once through the object store. A worker that dies,
    hangs past its limit or runs out of memory is replaced and its cohort halved until the guilty
    job is alone; a node that is lost costs a retry; nodes that join are used.

    The node of this process is another matter: without it Ray ends the process, and ``resume`` goes on.
    """

    def __init__(
        self,
        tasks: Mapping[str, AnyTask],
        workers: int | None = None,
        address: str | None = None,
        device: str = "auto",
        cohort: int | None = None,
    ) -> None:
        """Start (or join) a cluster and its workers.

        Args:
            tasks: every task that jobs will name.
            workers: number of actors; all CPUs of the cluster, as it grows and shrinks, when ``None``.
            address: of a running cluster, e.g. ``"auto"`` or ``"ray://host:10001"``; ``None``
                starts a local one that ends with this process.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
            cohort: candidates that are trained together; by a worker's memory when ``None``.

        Raises:
            ActsearchError: a task cannot be sent to workers or does not work in one, no cluster answers at the
                address, or it has nothing to offer.
        """
        self.tasks = tasks
        shipment = Shipment(imported(), packed(tasks))
        self._ray = connect(address, workers)
        self._fleet = Fleet(self._ray, shipment, workers, device)
        self._cohort = cohort
        self._sizes: dict[tuple[str, int], int] = {}
        self._parts = Isolation()
        self._running: dict[Any, _Run] = {}
        self._pulses = Pulses(self._ray)
        self._numbers = itertools.count(1)
        self._last_seen = time.monotonic()
        try:
            self._try_out()
        except BaseException:
            self.close()
            raise

    @property
    def capacity(self) -> int:
        """The number of workers that run or will soon."""
        return self._fleet.capacity

    def members(self, task: str, seeds: int) -> int:
        """Return the configured size, or the one that the memory of the first worker at hand allows.

        It is 1 for a task with a loop of its own.
        """
        if self._cohort or isinstance(self.tasks[task], OwnLoop):
            return members(self.tasks[task], seeds, torch.device("cpu"), self._cohort)
        if (task, seeds) not in self._sizes:
            self._sizes[task, seeds] = self._ask("members", task, seeds)
        return self._sizes[task, seeds]

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Return what the first worker at hand answers; of one that dies meanwhile another one is asked.

        Raises:
            ActsearchError: several died of it in a row, or it raises.
        """
        kinds = self._ray.exceptions
        for _ in range(_ASKED):
            while not self._fleet.hands:
                self._turn()
            hand = self._fleet.hands[0]
            reference = getattr(hand.actor, method).remote(*arguments)
            while not self._ray.wait([reference], timeout=0.0)[0]:
                self._turn()
            try:
                return self._ray.get(reference)
            except kinds.RayTaskError as error:
                reason = f"{type(error.cause).__name__}: {error.cause}" if error.cause else str(error).splitlines()[-1]
                raise ActsearchError(f"a Ray worker cannot look at the tasks: {reason}") from error
            except kinds.RayError:  # it died, ran out of memory, or its node is gone
                self._fleet.bury(hand)
        raise ActsearchError(
            f"{_ASKED} Ray workers in a row died when they first looked at the tasks; is there enough memory?"
        )

    def _try_out(self) -> None:
        """Have a worker look at the user's tasks as they came to it.

        Raises:
            ActsearchError: one does not work there.
        """
        own = {name: task for name, task in self.tasks.items() if not is_ours(task)}
        made_of = {name: print_of(task) for name, task in own.items()}
        answers = {name: first_answers(task) for name, task in own.items() if not isinstance(task, OwnLoop)}
        fault = self._ask("fault", made_of, answers) if own else None
        if fault is not None:
            raise ActsearchError(
                f"{fault}; this is so in a Ray worker, which has the task as it was made here and imports its module "
                "anew: keep in the task's attributes what its methods share, or use --executor serial"
            )

    def submit(self, cohort: Cohort) -> None:
        """Start a cohort on an idle worker, or queue it until one is."""
        if cohort.task not in self.tasks:
            raise KeyError(cohort.task)
        self._parts.submit(cohort)
        self._fill()

    def collect(self) -> list[tuple[Cohort, Answers]]:
        """Wait for at least one cohort, replacing workers that died or hang.

        Raises:
            ActsearchError: there has been no worker for ten minutes, or none can start.
        """
        self._last_seen = time.monotonic()
        while not (done := self._parts.finished()) and (self._running or self._parts.waiting):
            self._turn()
        return done

    # --- one turn of the loop ---------------------------------------------------------------

    def _turn(self) -> None:
        """Wait a second for news and act on them."""
        for reference in self._news():
            if reference in self._running:
                self._settle(self._running.pop(reference), reference)
            else:
                self._fleet.admit(reference)
        self._kill_hung()
        self._fleet.follow()
        self._fill()
        self._tell()
        self._give_up()

    def _tell(self) -> None:
        """Let the audience hear, a second after the last time, how far the cohorts are."""
        if self._pulses.listen([run.hand for run in self._running.values()]):
            now = time.monotonic()
            self.audience([run.hearing(self._pulses.of(run.hand, run.number), now) for run in self._running.values()])

    def _news(self) -> list[Any]:
        awaited = [*self._running, *self._fleet.awaited]
        if not awaited:
            time.sleep(1.0)
            return []
        self._ray.wait(awaited, num_returns=1, timeout=1.0)
        ready, _ = self._ray.wait(awaited, num_returns=len(awaited), timeout=0.0)
        return list(ready)

    def _fill(self) -> None:
        while self._parts.waiting and (hand := self._fleet.take()):
            part = self._parts.next()
            assert part is not None
            limit = time.monotonic() + part.cohort.timeout + _GRACE
            number = next(self._numbers)
            self._running[hand.actor.run.remote(number, part.cohort)] = _Run(number, part, hand, limit)

    def _settle(self, run: _Run, reference: Any) -> None:
        """Take what came of a part."""
        kinds = self._ray.exceptions
        try:
            outcome: Answers | Failure = self._ray.get(reference)
        except kinds.OutOfMemoryError:
            reason = "its worker was killed because the node ran out of memory"
            self._parts.fail(run.part, Failure("oom", reason), died=True)
        except kinds.RayTaskError as error:  # what could not be sent to or from the worker
            self._parts.fail(run.part, Failure("crashed", f"{type(error.cause).__name__}: {error.cause}"))
        except kinds.RayError as error:
            if self._fleet.lost(error, run.hand):
                self._parts.lose(run.part)
            else:
                self._parts.fail(run.part, Failure("crashed", "its worker process died"), died=True)
        else:
            self._fleet.release(run.hand)
            self._keep(run.part, outcome)
            return
        self._fleet.replace(run.hand)

    def _keep(self, part: Part, outcome: Answers | Failure) -> None:
        if isinstance(outcome, Failure):
            self._parts.fail(part, outcome)
        else:
            self._parts.succeed(part, outcome)

    def _kill_hung(self) -> None:
        now = time.monotonic()
        for reference in [r for r, run in self._running.items() if now > run.limit]:
            run = self._running.pop(reference)
            self._fleet.replace(run.hand)
            reason = f"it hung past {run.part.cohort.timeout:g} s and was killed"
            self._parts.fail(run.part, Failure("timeout", reason))

    def _give_up(self) -> None:
        """End a wait that nobody may ever end."""
        now = time.monotonic()
        if self._fleet.hands:
            self._last_seen = now
        elif now - self._last_seen > _ABANDONED:
            raise ActsearchError(
                f"no Ray worker has answered for {_ABANDONED:g} s; results so far are saved: add a node and go on with "
                "'actsearch resume', or leave the cluster with 'actsearch resume --executor serial'"
            )

    def close(self) -> None:
        """Stop the workers and leave the cluster; a cluster started here ends."""
        self._parts.clear()
        self._running.clear()
        self._fleet.close()
        self._ray.shutdown()
