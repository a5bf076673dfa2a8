"""One bad job does not cost its cohort: what fails as a whole is halved until the guilty job is alone.

A guilty job among n is found in about log2(n) rounds, and the others keep what they were answered.
"""

from __future__ import annotations

import dataclasses
import gc
from collections import deque
from dataclasses import dataclass, field

import torch

from evaluators.training.cohort.group import Failure
from evaluators.training.cohort.trainer import run_cohort
from evaluators.training.job import Answers, Cohort, Evaluation, failed
from evaluators.training.pulse import Late, Listener, nobody
from evaluators.training.task import AnyTask

_LOSSES = 3
"""How often a part is sent out again after the node that it ran on was lost."""


def attempt(cohort: Cohort, task: AnyTask, device: torch.device, listener: Listener = nobody) -> Answers | Failure:
    """Train a cohort in this process and return its answers, or why it failed as a whole."""
    try:
        return run_cohort(cohort, task, device, listener)
    except Late:
        failure = Failure("timeout", f"it took longer than {cohort.timeout:g} s")
    except torch.OutOfMemoryError:
        failure = Failure("oom", "the device ran out of memory")
    except MemoryError:
        failure = Failure("oom", "the process ran out of memory")
    except Exception as error:
        failure = Failure("crashed", _clause(error))
    _free(device)
    return failure


def _clause(error: Exception) -> str:
    return " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])


def _free(device: torch.device) -> None:
    """Give memory back that a failed cohort held, for the halves to come."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def works(device: torch.device) -> bool:
    """Tell whether a device still answers: after some CUDA errors it never does again in this process."""
    if device.type != "cuda":
        return True
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True


@dataclass(eq=False)
class _Order:
    """A cohort as it was submitted, and what is known of its jobs."""

    cohort: Cohort
    answers: list[list[Evaluation] | None]


@dataclass(frozen=True, eq=False)
class Part:
    """Consecutive jobs of a submitted cohort that run together.

    Attributes:
        cohort: these jobs, with the halving of the whole.
        order: where the answers go.
        first: position of the first job in the whole.
        deaths: attempts that ended with a worker's death, for which the job may not be to blame.
        losses: attempts that were lost with their node.
    """

    cohort: Cohort
    order: _Order
    first: int = 0
    deaths: int = 0
    losses: int = 0


@dataclass
class Isolation:
    """Cohorts in flight as parts: those that wait for a worker, those that run, and what is done.

    An executor takes a part with :meth:`next` and reports with :meth:`succeed`, :meth:`fail` or
    :meth:`lose` what came of it. The rules are pure: no clock, no process.
    """

    _waiting: deque[Part] = field(default_factory=deque)
    _done: list[tuple[Cohort, Answers]] = field(default_factory=list)

    def submit(self, cohort: Cohort) -> None:
        """Take a cohort; it is one part at first."""
        self._waiting.append(Part(cohort, _Order(cohort, [None] * len(cohort.jobs))))

    @property
    def waiting(self) -> int:
        """How many parts wait for a worker."""
        return len(self._waiting)

    def next(self) -> Part | None:
        """Return the part to run next, those of older cohorts first, or ``None`` when none waits."""
        return self._waiting.popleft() if self._waiting else None

    def finished(self) -> list[tuple[Cohort, Answers]]:
        """Return, once, the cohorts of which every job is answered, each with its answers in the order of its jobs."""
        done, self._done = self._done, []
        return done

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._done.clear()

    def succeed(self, part: Part, answers: Answers) -> None:
        """Keep a part's answers."""
        part.order.answers[part.first : part.first + len(answers)] = answers
        known = [answer for answer in part.order.answers if answer is not None]
        if len(known) == len(part.order.answers):
            self._done.append((part.order.cohort, known))

    def fail(self, part: Part, failure: Failure, *, died: bool = False) -> None:
        """Halve a part that failed as a whole; a job alone is answered with the failure.

        Args:
            part: what failed.
            failure: how.
            died: its worker was killed, perhaps for something that another process did; a job
                alone is then tried once more before it is blamed.
        """
        jobs = part.cohort.jobs
        if len(jobs) > 1:
            middle = len(jobs) // 2
            halves = ((jobs[:middle], part.first), (jobs[middle:], part.first + middle))
            parts = [Part(Cohort(some, part.cohort.halving), part.order, first) for some, first in halves]
            self._waiting.extendleft(reversed(parts))
        elif died and not part.deaths:
            self._waiting.appendleft(dataclasses.replace(part, deaths=1))
        else:
            self.succeed(part, [[failed(jobs[0], seed, failure.status, failure.reason) for seed in jobs[0].seeds]])

    def lose(self, part: Part) -> None:
        """Send a part out again whose node was lost; it is blamed when that happens too often."""
        if part.losses < _LOSSES:
            self._waiting.appendleft(dataclasses.replace(part, losses=part.losses + 1))
        else:
            self.fail(part, Failure("crashed", f"its worker was lost with its node {_LOSSES + 1} times"))
