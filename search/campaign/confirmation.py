"""Confirmation: finalists and baselines trained again, on seeds and a test part never used before."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators import Cohort, Executor, Job
from evaluators.training.executors.executor import Hearing, no_audience
from evaluators.training.job import Answers
from evaluators.training.status import TRANSIENT
from primitives import ActsearchError
from runs import Candidate, Store, finalists
from search.campaign.estimate import ConfirmEstimate, in_flight, paces
from search.campaign.progress import Confirming, ConfirmObserver

FIRST_SEED = 10_000
"""Search seeds lie below 1,000, confirmation seeds from here on: no seed is ever used for both."""

_SEEDS_A_JOB = 2


@dataclass(frozen=True)
class Plan:
    """What to confirm.

    Attributes:
        top: number of finalists.
        seeds: number of fresh seeds.
        tasks: names; the same panel is trained on each, once however often it is named.
        steps: optimiser steps; each task's own recipe when ``None``.
        timeout: seconds for one candidate on one task, two seeds at a time.
    """

    top: int
    seeds: int
    tasks: tuple[str, ...]
    steps: int | None = None
    timeout: float = 3600.0

    def __post_init__(self) -> None:
        """Keep every task once."""
        object.__setattr__(self, "tasks", tuple(dict.fromkeys(self.tasks)))


def confirm(
    store: Store,
    plan: Plan,
    executor: Executor,
    observer: ConfirmObserver = lambda _: None,
    afterwards: float = 0.0,
) -> None:
    """Train what the plan asks for and the run file lacks; results are stored as they come.

    Args:
        store: of a run that has trained at least one candidate.
        plan: what to train.
        executor: holding every task of the plan.
        observer: called about once a second, and whenever trainings are done.
        afterwards: seconds that what comes then takes, about; they count as left.

    Raises:
        ActsearchError: the search found nothing to confirm.
    """
    jobs = missing_jobs(store, plan, {name: executor.tasks[name].recipe.steps for name in plan.tasks})
    watch = _Watch(jobs, executor, observer, afterwards)
    for cohort in cohorts_of(jobs, executor):
        executor.submit(cohort)
    executor.audience = watch.hear
    try:
        watch.hear(())
        while finished := executor.collect():
            for cohort, answers in finished:
                store.record("confirm", [evaluation for each in answers for evaluation in each])
                watch.finish(cohort, answers)
            watch.hear(())
    finally:
        executor.audience = no_audience


class _Watch:
    """Follows a confirmation for its observer."""

    def __init__(self, jobs: Sequence[Job], executor: Executor, observer: ConfirmObserver, afterwards: float) -> None:
        self._executor, self._observer, self._afterwards = executor, observer, afterwards
        self._total, self._done, self._failed = sum(len(job.seeds) for job in jobs), 0, 0
        left: Counter[str] = Counter()
        for job in jobs:
            left[job.task] += _steps(job)
        self._whole, self._started = left.total(), time.monotonic()
        self._estimate = ConfirmEstimate(left, {})
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._steps: Counter[str] = Counter()
        self._looked = False

    def hear(self, hearings: Sequence[Hearing]) -> None:
        """Tell the observer how far everything is."""
        running = in_flight(hearings)
        for hearing in hearings:
            if hearing.pulse and hearing.pulse.rate and hearing.pulse.task not in self._steps:
                self._estimate.worker_seconds[hearing.pulse.task] = 1 / hearing.pulse.rate
        if hearings and not self._looked:  # while workers train
            self._looked = True
            self._estimate.relative = paces({task: self._executor.tasks[task] for task in self._estimate.left})
        workers, left = self._executor.capacity, self._estimate.left.total()
        seconds = self._estimate.seconds(workers)
        if seconds is not None:
            seconds = self._afterwards + seconds * max(0.0, 1 - running / max(1, left))
        steps = self._whole - left + running
        passed = time.monotonic() - self._started
        self._observer(Confirming(self._done, self._total, self._failed, steps, self._whole, hearings, passed, seconds))

    def finish(self, cohort: Cohort, answers: Answers) -> None:
        """Count the trainings of a cohort as done."""
        found = [evaluation for each in answers for evaluation in each]
        self._done += sum(len(job.seeds) for job in cohort.jobs)
        self._failed += sum(evaluation.status != "ok" for evaluation in found)
        steps = sum(map(_steps, cohort.jobs))
        self._estimate.left[cohort.task] -= steps
        self._steps[cohort.task] += steps
        self._seconds[cohort.task] += sum(evaluation.seconds for evaluation in found)
        self._estimate.worker_seconds[cohort.task] = self._seconds[cohort.task] / self._steps[cohort.task]


def _steps(job: Job) -> int:
    return job.steps * len(job.seeds)


def cohorts_of(jobs: Sequence[Job], executor: Executor, most: int | None = None) -> list[Cohort]:
    """Return jobs in cohorts that fit on a worker, small enough to give every worker one; of ``most`` trainings."""
    alike: dict[tuple[str, int, tuple[int, ...]], list[Job]] = {}
    for job in jobs:
        alike.setdefault((job.task, job.steps, job.seeds), []).append(job)
    share = math.ceil(len(jobs) / executor.capacity)
    found = []
    for (task, _, seeds), same in alike.items():
        limit = share if most is None else min(share, most // len(seeds))
        size = max(1, min(executor.members(task, len(seeds)), limit))
        found += [Cohort(tuple(same[at : at + size])) for at in range(0, len(same), size)]
    return found


def missing_jobs(store: Store, plan: Plan, recipes: Mapping[str, int]) -> list[Job]:
    """Return the jobs of a plan that the run file has no lasting answer to.

    Args:
        store: of the run.
        plan: what to confirm.
        recipes: optimiser steps by task, for a plan that says none.
    """
    panel = _panel(store, plan.top)
    kept = [e for e in store.evaluations("confirm", lean=True) if e.status not in TRANSIENT]
    done = {(e.candidate, e.task, e.steps, e.seed) for e in kept}
    jobs = []
    for task in plan.tasks:
        steps = plan.steps or recipes[task]
        for candidate in panel:
            wanted = range(FIRST_SEED, FIRST_SEED + plan.seeds)
            seeds = [s for s in wanted if (candidate.id, task, steps, s) not in done]
            jobs += [
                _job(candidate, task, steps, seeds[at : at + _SEEDS_A_JOB], plan.timeout)
                for at in range(0, len(seeds), _SEEDS_A_JOB)
            ]
    return jobs


def _job(candidate: Candidate, task: str, steps: int, seeds: Sequence[int], timeout: float) -> Job:
    assert candidate.gain is not None
    return Job(candidate.id, candidate.expression, candidate.gain, task, steps, tuple(seeds), True, timeout)


def _panel(store: Store, top: int) -> list[Candidate]:
    """Return the finalists and every baseline that can be trained, but none that is another one's function."""
    chosen = set(finalists(store, top))
    if not chosen:
        raise ActsearchError("there is nothing to confirm: the search has not trained any candidate successfully")
    return [c for c in store.candidates() if c.id in chosen or _is_baseline(c)]


def _is_baseline(candidate: Candidate) -> bool:
    return candidate.name is not None and candidate.gain is not None and candidate.status != "cached"
