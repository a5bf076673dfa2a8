"""Executors whose workers do not train: they take a heavy-tailed time, virtual or real, and answer at random."""

from __future__ import annotations

import abc
import heapq
import math
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from evaluators import Cohort, Evaluation, Executor, Job
from evaluators.training.job import Answers

SPREAD = 1.0
"""Standard deviation of the logarithm of a cohort's duration: the slowest of 1,000 takes 15 times the mean."""


@dataclass
class Account:
    """Who was busy when, in seconds of the executor's own clock.

    Attributes:
        workers: how many there are.
        spans: start and end of each cohort.
        driver: real seconds that the campaign took between two waits.
        charged: seconds that it would have taken besides.
        evaluations: answered so far, one a candidate, rung and seed.
    """

    workers: int
    spans: list[tuple[float, float]] = field(default_factory=list)
    driver: float = 0.0
    charged: float = 0.0
    evaluations: int = 0

    @property
    def last_start(self) -> float:
        """When the last cohort started; what comes later is the end of the budget, not of the method."""
        return max(start for start, _ in self.spans)

    @property
    def full(self) -> float:
        """When every worker has had its first cohort."""
        return sorted(start for start, _ in self.spans)[self.workers - 1]

    @property
    def utilisation(self) -> float:
        """The share of worker time in use until the last cohort starts."""
        return self.utilised(0.0)

    def utilised(self, since: float) -> float:
        """Return the share of worker time in use from then on until the last cohort starts."""
        busy = sum(max(0.0, min(end, self.last_start) - max(start, since)) for start, end in self.spans)
        return busy / (self.workers * (self.last_start - since))

    @property
    def load(self) -> float:
        """The share of that time in which the driver worked."""
        return (self.driver + self.charged) / self.last_start


class Pretended(Executor):
    """What the two kinds of clock share: durations, answers and the account.

    Args:
        workers: each has one cohort at a time.
        mean: of a cohort's duration in seconds.
        size: candidates of a cohort.
    """

    def __init__(self, workers: int, mean: float, size: int) -> None:
        self.tasks = {}
        self.account = Account(workers)
        self._mean, self._size, self._random = mean, size, random.Random(0)
        self._left = time.perf_counter()

    @property
    def capacity(self) -> int:
        return self.account.workers

    def members(self, task: str, seeds: int) -> int:
        return self._size

    def close(self) -> None:
        pass

    def charge(self, seconds: float) -> None:
        """Let time pass in which the driver would have done what is left out here."""
        self._pass(seconds)
        self.account.charged += seconds

    @abc.abstractmethod
    def _pass(self, seconds: float) -> None:
        """Move the clock on."""

    def _duration(self) -> float:
        return self._mean * math.exp(self._random.gauss(-(SPREAD**2) / 2, SPREAD))

    def _away(self) -> float:
        """Return the real seconds since the last wait ended."""
        return time.perf_counter() - self._left

    def _answered(self, cohorts: list[Cohort]) -> list[tuple[Cohort, Answers]]:
        answers = [(cohort, self._answers(cohort)) for cohort in cohorts]
        self.account.evaluations += sum(len(rows) for _, per_job in answers for rows in per_job)
        self._left = time.perf_counter()
        return answers

    def _answers(self, cohort: Cohort) -> Answers:
        """Return random errors, the same at every rung, and stop as many at random as a training would."""
        errors = {job: self._random.random() for job in cohort.jobs}
        rows: dict[Job, list[Evaluation]] = {job: [] for job in cohort.jobs}
        left = list(cohort.jobs)
        halving = cohort.halving
        for rung in halving.rungs if halving else ():
            self._append(rows, left, rung, errors)
            left = [job for job in left if job.reference or self._random.random() < halving.keep]
        self._append(rows, left, cohort.jobs[0].steps, errors)
        return [rows[job] for job in cohort.jobs]

    def _append(self, rows: dict[Job, list[Evaluation]], jobs: list[Job], steps: int, errors: dict[Job, float]) -> None:
        for job in jobs:
            for seed in job.seeds:
                row = Evaluation(
                    job.candidate, job.task, steps, seed, "ok", error=errors[job], loss=1.0, curve=(0.5,) * 20
                )
                rows[job].append(row)


class Virtual(Pretended):
    """Workers on a virtual clock, on which the driver's real time passes and a wait takes none.

    Args:
        workers, mean, size: as of every pretended executor.
        generational: a wait ends only when all workers are idle.
    """

    def __init__(self, workers: int, mean: float, size: int, *, generational: bool = False) -> None:
        super().__init__(workers, mean, size)
        self._generational = generational
        self._clock = 0.0
        self._running: list[tuple[float, int, Cohort]] = []
        self._submitted = 0

    def _pass(self, seconds: float) -> None:
        self._clock += seconds

    def submit(self, cohort: Cohort) -> None:
        assert len(self._running) < self.capacity, "more in flight than there are workers"
        start = self._clock + self._away()
        end = start + self._duration()
        self.account.spans.append((start, end))
        self._submitted += 1
        heapq.heappush(self._running, (end, self._submitted, cohort))

    def collect(self) -> list[tuple[Cohort, Answers]]:
        away = self._away()
        self.account.driver += away
        self._clock += away
        if self._running:
            wanted = max(self._running) if self._generational else self._running[0]
            self._clock = max(self._clock, wanted[0])
        done = []
        while self._running and self._running[0][0] <= self._clock:
            done.append(heapq.heappop(self._running)[2])
        return self._answered(done)


class Sleeping(Pretended):
    """The same workers as threads that really sleep, to hold the virtual clock against."""

    def __init__(self, workers: int, mean: float, size: int) -> None:
        super().__init__(workers, mean, size)
        self._done: queue.SimpleQueue[Cohort] = queue.SimpleQueue()
        self._in_flight = 0
        self._began = time.perf_counter()

    def _pass(self, seconds: float) -> None:
        time.sleep(seconds)
        self.account.driver -= seconds  # it is in the real time of the driver, too

    def submit(self, cohort: Cohort) -> None:
        start, duration = time.perf_counter() - self._began, self._duration()
        self.account.spans.append((start, start + duration))
        self._in_flight += 1
        threading.Timer(duration, self._done.put, [cohort]).start()

    def collect(self) -> list[tuple[Cohort, Answers]]:
        self.account.driver += self._away()
        done = [self._done.get()] if self._in_flight else []
        while not self._done.empty():
            done.append(self._done.get())
        self._in_flight -= len(done)
        return self._answered(done)


@dataclass
class Stopwatch:
    """Adds up the seconds spent inside a function."""

    seconds: float = 0.0
    calls: int = 0

    def around(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return the function, timed."""

        def timed(*args: object, **options: object) -> object:
            started = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self.seconds += time.perf_counter() - started
                self.calls += 1

        return timed
