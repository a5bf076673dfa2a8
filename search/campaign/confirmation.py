"""Confirmation: finalists and baselines trained again, on seeds and a test part never used before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluators import Cohort, Executor, Job
from evaluators.training.status import TRANSIENT
from evaluators.training.task import AnyTask
from primitives import ActsearchError
from runs import Candidate, Store, finalists

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
    observer: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Train what the plan asks for and the run file lacks; results are stored as they come.

    Args:
        store: of a run that has trained at least one candidate.
        plan: what to train.
        executor: holding every task of the plan.
        observer: called with jobs done and jobs in all.

    Raises:
        ActsearchError: the search found nothing to confirm.
    """
    jobs = missing_jobs(store, plan, [executor.tasks[name] for name in plan.tasks])
    observer(0, len(jobs))
    for cohort in cohorts_of(jobs, executor):
        executor.submit(cohort)
    done = 0
    while finished := executor.collect():
        for cohort, answers in finished:
            store.record("confirm", [evaluation for each in answers for evaluation in each])
            done += len(cohort.jobs)
        observer(done, len(jobs))


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


def missing_jobs(store: Store, plan: Plan, tasks: Sequence[AnyTask]) -> list[Job]:
    """Return the jobs of a plan that the run file has no lasting answer to."""
    panel = _panel(store, plan.top)
    kept = [e for e in store.evaluations("confirm", lean=True) if e.status not in TRANSIENT]
    done = {(e.candidate, e.task, e.steps, e.seed) for e in kept}
    jobs = []
    for task in tasks:
        steps = plan.steps or task.recipe.steps
        for candidate in panel:
            wanted = range(FIRST_SEED, FIRST_SEED + plan.seeds)
            seeds = [s for s in wanted if (candidate.id, task.name, steps, s) not in done]
            jobs += [
                _job(candidate, task.name, steps, seeds[at : at + _SEEDS_A_JOB], plan.timeout)
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
