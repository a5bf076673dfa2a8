"""A cohort from start to answers: rung by rung, the losers stopped in place."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Collection

import torch

from evaluators.judging.objectives import Point
from evaluators.training.cohort.fallback import reason_of
from evaluators.training.cohort.group import Failure, Group, Member
from evaluators.training.cohort.grouping import OWN_LOOP, make_groups, one_by_one
from evaluators.training.cohort.halving import Promotion, points_of
from evaluators.training.job import Answers, Cohort, Evaluation, Job, failed
from evaluators.training.pieces import Diverged, Late
from evaluators.training.scoring import Scores
from evaluators.training.task import AnyTask, OwnLoop, Task
from primitives import compile_expression, parse


def run_cohort(cohort: Cohort, task: AnyTask, device: torch.device) -> Answers:
    """Train the jobs of a cohort together and answer each.

    Args:
        cohort: what to train.
        task: the one the jobs name.
        device: where.

    Returns:
        For each job its evaluations: at every rung that it reached, and at the end, one a seed.
        With a seed that fails the job ends; that seed's evaluation is told at the full steps.

    Raises:
        Late: the cohort took longer than its jobs' timeouts together; which job is to blame is unknown.
    """
    deadline = time.monotonic() + cohort.timeout
    if isinstance(task, OwnLoop):
        return [_own_loop(job, task, device, deadline) for job in cohort.jobs]
    try:
        return _Training(cohort, make_groups(cohort.jobs, task, device), task, deadline).run()
    except (Late, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a stack can meet what its trial did not: then each member meets it by itself
        why = reason_of(error)
    return _Training(cohort, one_by_one(cohort.jobs, task, device, why), task, deadline).run()


def run_job(job: Job, task: AnyTask, device: torch.device) -> list[Evaluation]:
    """Train one job and return its evaluations, one a seed; a late one times out."""
    try:
        return run_cohort(Cohort((job,)), task, device)[0]
    except Late:
        return [failed(job, seed, "timeout", f"it took longer than {job.timeout:g} s") for seed in job.seeds]


def why_not_stacked(task: AnyTask, device: torch.device) -> str | None:
    """Return why members of a task are trained one by one, or ``None`` when they are stacked."""
    if isinstance(task, OwnLoop):
        return OWN_LOOP
    forms = enumerate((("relu(x)", 1.0), ("tanh(x)", 1.5), ("silu(x)", 0.8), ("relu(x)", 1.2)))
    jobs = [Job(number, text, gain, task.name, 1, (0, 1)) for number, (text, gain) in forms]
    return next((group.why_alone for group in make_groups(jobs, task, device) if group.why_alone), None)


class _Training:
    """The state of a cohort between rungs."""

    def __init__(self, cohort: Cohort, groups: list[Group], task: Task, deadline: float) -> None:
        self._jobs, self._groups, self._task, self._deadline = cohort.jobs, groups, task, deadline
        self._promotion = Promotion(cohort.halving, cohort.jobs)
        self._answers: dict[Job, list[Evaluation]] = {job: [] for job in cohort.jobs}
        self._why_alone = {member: group.why_alone for group in groups for member in group.members}
        self._clock = time.monotonic()

    def run(self) -> Answers:
        """Train to the end."""
        for rung in self._promotion.rungs:
            self._keep(self._promotion.going_on(rung, self._reach(rung)))
        self._reach(self._jobs[0].steps)
        return [self._answers[job] for job in self._jobs]

    def _reach(self, steps: int) -> dict[Job, Point]:
        """Train and score all that are left; return the points of those that came through."""
        found: dict[Member, Scores | Failure] = {}
        for group in self._groups:
            found |= group.advance(steps, self._deadline)
            found |= group.scores("validation")
        tested: dict[Member, Scores | Failure] = {}
        if steps == self._jobs[0].steps and self._jobs[0].score_test:
            for group in self._groups:
                tested |= group.scores("test")
        return self._record(steps, found | {m: s for m, s in tested.items() if isinstance(s, Failure)}, tested)

    def _record(
        self,
        steps: int,
        found: dict[Member, Scores | Failure],
        tested: dict[Member, Scores | Failure],
    ) -> dict[Job, Point]:
        seconds = (time.monotonic() - self._clock) / max(1, len(found))
        self._clock = time.monotonic()
        curves = {member: group.curve(member) for group in self._groups for member in group.members}
        by_job: dict[Job, list[Evaluation]] = defaultdict(list)
        for job in self._jobs:
            for member in (Member(job, seed) for seed in job.seeds):
                if member in found:
                    curve = curves.get(member, ())
                    evaluation = _evaluation(member, steps, found[member], tested.get(member), seconds, curve)
                    by_job[job].append(dataclasses.replace(evaluation, unstacked=self._why_alone[member]))
        points: dict[Job, Point] = {}
        for job, evaluations in by_job.items():
            self._answers[job] += evaluations
            reached = points_of(evaluations, len(job.seeds), self._promotion.objectives, job.facts)
            if steps in reached:
                points[job] = reached[steps]
        self._keep(points.keys())
        return points

    def _keep(self, jobs: Collection[Job]) -> None:
        for group in self._groups:
            group.keep([member for member in group.members if member.job in jobs])
        self._groups = [group for group in self._groups if group.members]


def _evaluation(
    member: Member,
    steps: int,
    found: Scores | Failure,
    tested: Scores | Failure | None,
    seconds: float,
    curve: tuple[float, ...],
) -> Evaluation:
    job = member.job
    if isinstance(found, Failure):
        return failed(job, member.seed, found.status, found.reason, seconds)
    test = tested if isinstance(tested, Scores) else None
    return Evaluation(
        job.candidate,
        job.task,
        steps,
        member.seed,
        "ok",
        error=found.error,
        loss=found.loss,
        test_error=test.error if test else None,
        test_loss=test.loss if test else None,
        seconds=seconds,
        curve=curve,
        metrics=found.metrics,
        test_metrics=test.metrics if test else {},
    )


def _own_loop(job: Job, task: OwnLoop, device: torch.device, deadline: float) -> list[Evaluation]:
    answers = (_own_training(job, task, seed, device, deadline) for seed in job.seeds)
    return [dataclasses.replace(answer, unstacked=OWN_LOOP) for answer in answers]


def _own_training(job: Job, task: OwnLoop, seed: int, device: torch.device, deadline: float) -> Evaluation:
    started = time.monotonic()
    try:
        activation = compile_expression(parse(job.expression)).module
        outcome = task.train(activation, job.gain, job.steps, seed, device, deadline, job.score_test)
    except Late:
        raise
    except Diverged as failure:
        return failed(job, seed, "diverged", str(failure), time.monotonic() - started)
    except torch.OutOfMemoryError:
        return failed(job, seed, "oom", "the device ran out of memory", time.monotonic() - started)
    except Exception as error:
        return failed(job, seed, "crashed", f"{type(error).__name__}: {error}", time.monotonic() - started)
    if job.score_test and task.score not in ("error", "loss", *outcome.test_metrics):
        reason = f"its loop says nothing of '{task.score}' on the test part; put it into Outcome.test_metrics"
        return failed(job, seed, "crashed", reason, time.monotonic() - started)
    return Evaluation(
        job.candidate,
        job.task,
        job.steps,
        seed,
        "ok",
        error=outcome.error,
        loss=outcome.loss,
        test_error=outcome.test_error,
        test_loss=outcome.test_loss,
        seconds=time.monotonic() - started,
        curve=outcome.curve,
        metrics=outcome.metrics,
        test_metrics=outcome.test_metrics,
    )
