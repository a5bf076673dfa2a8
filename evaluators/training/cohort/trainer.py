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
from evaluators.training.pieces import Diverged, rounded
from evaluators.training.places import Place
from evaluators.training.pulse import Beat, Late, Listener, nobody
from evaluators.training.scoring import Scores
from evaluators.training.task import AnyTask, OwnLoop, Task
from primitives import compile_expression, parse

_LOOKS = 10
"""Parts of a training that counts as evidence, after each of which the validation part is looked at."""
_DIGITS = 6


def run_cohort(cohort: Cohort, task: AnyTask, device: torch.device, listener: Listener = nobody) -> Answers:
    """Train the jobs of a cohort together and answer each.

    Args:
        cohort: what to train.
        task: the one the jobs name.
        device: where.
        listener: hears how far it is; what it raises ends the training.

    Returns:
        For each job its evaluations: at every rung that it reached, and at the end, one a seed.
        With a seed that fails the job ends; that seed's evaluation is told at the full steps.

    Raises:
        Late: the cohort took longer than its jobs' timeouts together; which job is to blame is unknown.
    """
    beat = Beat(time.monotonic() + cohort.timeout, listener)
    beat.begin(cohort.task, sum(len(job.seeds) for job in cohort.jobs), cohort.jobs[0].steps)
    if isinstance(task, OwnLoop):
        return [_own_loop(job, task, device, beat) for job in cohort.jobs]
    try:
        return _Training(cohort, make_groups(cohort.jobs, task, device), task, beat).run()
    except (Late, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a stack can meet what its trial did not: then each member meets it by itself
        why = reason_of(error)
    return _Training(cohort, one_by_one(cohort.jobs, task, device, why), task, beat).run()


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

    def __init__(self, cohort: Cohort, groups: list[Group], task: Task, beat: Beat) -> None:
        self._jobs, self._groups, self._task, self._beat = cohort.jobs, groups, task, beat
        self._promotion = Promotion(cohort.halving, cohort.jobs)
        self._answers: dict[Job, list[Evaluation]] = {job: [] for job in cohort.jobs}
        self._why_alone = {member: group.why_alone for group in groups for member in group.members}
        self._on_the_way: dict[Member, list[tuple[int, float]]] = defaultdict(list)
        self._places: dict[Member, tuple[Place, ...]] = {}
        self._clock, self._reached = time.monotonic(), 0

    def run(self) -> Answers:
        """Train to the end."""
        for rung in self._promotion.rungs:
            self._keep(self._promotion.going_on(rung, self._reach(rung)))
        self._reach(self._jobs[0].steps)
        return [self._answers[job] for job in self._jobs]

    def _reach(self, steps: int) -> dict[Job, Point]:
        """Train and score all that are left; return the points of those that came through."""
        self._beat.towards(steps, sum(len(group.members) for group in self._groups))
        found: dict[Member, Scores | Failure] = {}
        for group in self._groups:
            for mark in self._marks(steps):
                found |= group.advance(mark, self._beat)
                for member, loss in group.losses("validation").items():
                    self._on_the_way[member].append((mark, loss))
            found |= group.advance(steps, self._beat)
            found |= group.scores("validation")
        self._reached = steps
        self._say_best(found)
        tested: dict[Member, Scores | Failure] = {}
        if steps == self._jobs[0].steps and self._jobs[0].score_test:
            for group in self._groups:
                tested |= group.scores("test")
                self._places |= group.places()
        return self._record(steps, found | {m: s for m, s in tested.items() if isinstance(s, Failure)}, tested)

    def _marks(self, steps: int) -> list[int]:
        """Return the steps on the way there at which a training that counts as evidence is looked at."""
        if not self._jobs[0].score_test:
            return []
        whole = self._jobs[0].steps
        return sorted({m for n in range(1, _LOOKS) if self._reached < (m := whole * n // _LOOKS) < steps})

    def _say_best(self, found: dict[Member, Scores | Failure]) -> None:
        scores = [(s.of(self._task.score), m.job.candidate) for m, s in found.items() if isinstance(s, Scores)]
        if scores:
            self._beat.saw(*min(scores))

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
                    by_job[job].append(self._with_looks(member, evaluation))
        points: dict[Job, Point] = {}
        for job, evaluations in by_job.items():
            self._answers[job] += evaluations
            reached = points_of(evaluations, len(job.seeds), self._promotion.objectives, job.facts)
            if steps in reached:
                points[job] = reached[steps]
        self._keep(points.keys())
        return points

    def _with_looks(self, member: Member, evaluation: Evaluation) -> Evaluation:
        """Return an evaluation with what was seen beside its scores."""
        looks = tuple((step, rounded(loss, _DIGITS)) for step, loss in self._on_the_way.get(member, ()))
        if looks and evaluation.loss is not None:
            looks += ((evaluation.steps, rounded(evaluation.loss, _DIGITS)),)
        places = self._places.get(member, ())
        return dataclasses.replace(evaluation, unstacked=self._why_alone[member], validation_curve=looks, places=places)

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


def _own_loop(job: Job, task: OwnLoop, device: torch.device, beat: Beat) -> list[Evaluation]:
    found = []
    for seed in job.seeds:
        answer = _own_training(job, task, seed, device, beat.deadline)
        found.append(dataclasses.replace(answer, unstacked=OWN_LOOP))
        beat.passed(job.steps, job.steps)  # all of its steps at once: of those within nothing is heard
    return found


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
