"""A cohort from start to answers: rung by rung, the losers stopped in place."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

import torch

from evaluators.cohort.group import Failure, Group, Member, Scores
from evaluators.cohort.halving import dominating, promoted
from evaluators.cohort.lone import Lone
from evaluators.cohort.size import stack_limit
from evaluators.cohort.stack import Stack
from evaluators.evaluation import Answers, Cohort, Evaluation, Halving, Job, Point, failed
from evaluators.task import AnyTask, Data, OwnLoop, Task
from evaluators.train import Diverged, Late, on_device
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
    except (Late, torch.OutOfMemoryError):
        raise
    except Exception:  # a stack can meet what its trial did not: then each member meets it by itself
        return _Training(cohort, one_by_one(cohort.jobs, task, device), task, deadline).run()


def run_job(job: Job, task: AnyTask, device: torch.device) -> list[Evaluation]:
    """Train one job and return its evaluations, one a seed; a late one times out."""
    try:
        return run_cohort(Cohort((job,)), task, device)[0]
    except Late:
        return [failed(job, seed, "timeout", f"it took longer than {job.timeout:g} s") for seed in job.seeds]


_FEW = 4
"""Members below which a stack on a CPU is slower than one network after another."""


class _Training:
    """The state of a cohort between rungs."""

    def __init__(self, cohort: Cohort, groups: list[Group], task: Task, deadline: float) -> None:
        self._jobs, self._groups, self._task, self._deadline = cohort.jobs, groups, task, deadline
        self._halving = cohort.halving or Halving((), 0.5)
        self._answers: dict[Job, list[Evaluation]] = {job: [] for job in cohort.jobs}
        self._useful: set[Job] = {job for job in cohort.jobs if job.reference}
        self._clock = time.monotonic()

    def run(self) -> Answers:
        """Train to the end."""
        for number, rung in enumerate(self._halving.rungs):
            points = self._reach(rung)
            history = self._halving.history[number] if self._halving.history else ()
            self._stop_losers(points, history, last=rung == self._halving.rungs[-1])
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
                    by_job[job].append(evaluation)
        points = {}
        for job, evaluations in by_job.items():
            self._answers[job] += evaluations
            errors = [e.error for e in evaluations if e.error is not None]
            if len(errors) == len(job.seeds):
                points[job] = (fmean(errors), *job.objectives)
        self._keep(points)
        return points

    def _stop_losers(self, points: dict[Job, Point], history: Sequence[Point], last: bool) -> None:
        jobs = list(points)
        if not jobs:
            return
        at_rung = list(points.values())
        self._useful |= {job for job, useful in zip(jobs, dominating(at_rung, history), strict=True) if useful}
        goes_on = promoted(at_rung, history, self._halving.keep)
        self._keep(
            {
                job
                for job, chosen in zip(jobs, goes_on, strict=True)
                if job.reference or (chosen and (job in self._useful or not last))
            }
        )

    def _keep(self, jobs: dict[Job, Point] | set[Job]) -> None:
        for group in self._groups:
            group.keep([member for member in group.members if member.job in jobs])
        self._groups = [group for group in self._groups if group.members]


def make_groups(jobs: Sequence[Job], task: Task, device: torch.device) -> list[Group]:
    """Return the members of jobs in as few groups as can be: stacks that fit in memory, else one by one.

    A network that draws random numbers, shared by all candidates of a seed, has a stack a seed.
    """
    members = [Member(job, seed) for job in jobs for seed in job.seeds]
    few = _FEW if device.type == "cpu" else 2
    try:
        limit = stack_limit(task, device)
        if min(limit, len(members)) < few:
            return one_by_one(jobs, task, device)
        data = on_device(task.data("train"), task.recipe, device)
        first = Stack(task, members[:limit], device, data)
        if not (first.draws and task.recipe.randomness == "shared"):
            rest = _parts(members[limit:], limit)
            return [first, *(group for part in rest for group in _grouped(task, part, few, device, data))]
        del first
        by_seed = [[member for member in members if member.seed == seed] for seed in jobs[0].seeds]
        parts = [part for same in by_seed for part in _parts(same, limit)]
        return [group for part in parts for group in _grouped(task, part, few, device, data)]
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever vmap cannot do, or one job cannot: each is tried alone, and fails alone
        return one_by_one(jobs, task, device)


def one_by_one(jobs: Sequence[Job], task: Task, device: torch.device) -> list[Group]:
    """Return every member of jobs in a group of its own; they share the data."""
    data = on_device(task.data("train"), task.recipe, device)
    return [Lone(task, Member(job, seed), device, data) for job in jobs for seed in job.seeds]


def _grouped(task: Task, members: Sequence[Member], few: int, device: torch.device, data: Data) -> list[Group]:
    if len(members) < few:
        return [Lone(task, member, device, data) for member in members]
    return [Stack(task, members, device, data)]


def _parts(members: Sequence[Member], size: int) -> list[Sequence[Member]]:
    return [members[at : at + size] for at in range(0, len(members), size)]


def why_not_stacked(task: AnyTask, device: torch.device) -> str | None:
    """Return why the members of a task are trained one by one, or ``None`` when they are stacked."""
    if isinstance(task, OwnLoop):
        return "it has a training loop of its own"
    if stack_limit(task, device) == 1:
        return "its networks are so large that a stack would be slower, or not fit in memory"
    job = Job(0, "relu(x)", 1.0, task.name, 1, (0,))
    try:
        Stack(task, [Member(job, 0), Member(job, 1)], device)
    except Exception as error:
        said = str(error).splitlines()[0] if str(error) else "no reason given"
        if "data-dependent" in said or ".item()" in said:
            return "its forward or its loss turns data into numbers or branches on them"
        return f"{type(error).__name__}: {said}"
    return None


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
    test_error, test_loss = tested if isinstance(tested, tuple) else (None, None)
    return Evaluation(
        job.candidate,
        job.task,
        steps,
        member.seed,
        "ok",
        error=found[0],
        loss=found[1],
        test_error=test_error,
        test_loss=test_loss,
        seconds=seconds,
        curve=curve,
    )


def _own_loop(job: Job, task: OwnLoop, device: torch.device, deadline: float) -> list[Evaluation]:
    return [_own_training(job, task, seed, device, deadline) for seed in job.seeds]


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
    )
