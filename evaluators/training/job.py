"""What a training is asked for and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluators.judging.objectives import Facts, Point
from evaluators.training.places import Place
from evaluators.training.status import LARGEST_SCORE, Status


@dataclass(frozen=True)
class Job:
    """One candidate to train, once for each seed.

    Attributes:
        candidate: id, carried through to the answer.
        expression: text that :func:`primitives.parse` reads.
        gain: initialisation factor.
        task: name of a task the executor holds.
        steps: optimiser steps.
        seeds: one training each; a seed fixes weights and batches, so that equal seeds give
            paired results across candidates.
        score_test: also score the test part. Only confirmation sets it.
        timeout: seconds that the job adds to what its cohort may take; beyond the sum the cohort is halved.
        facts: what is known without training, by name; halving takes objectives from them and from what was measured.
        reference: trained to the end whatever halving says, as baselines are.
    """

    candidate: int
    expression: str
    gain: float
    task: str
    steps: int
    seeds: tuple[int, ...]
    score_test: bool = False
    timeout: float = 600.0
    facts: Facts = field(default_factory=dict, hash=False)
    reference: bool = False


@dataclass(frozen=True)
class Halving:
    """When the losers of a cohort stop.

    Attributes:
        rungs: steps after which they are looked at, rising, each below the jobs' steps.
        keep: share of all that were ever seen at a rung that goes on, in (0, 1).
        history: for each rung the points of candidates of earlier cohorts, so that promotion is
            asynchronous across cohorts.
        objectives: what is compared, by name; the first decides among those of a front.
        score: what ``score`` among the objectives stands for.
    """

    rungs: tuple[int, ...]
    keep: float
    history: tuple[tuple[Point, ...], ...] = ()
    objectives: tuple[str, ...] = ("error",)
    score: str = "error"

    def __post_init__(self) -> None:
        """Check the rungs.

        Raises:
            ValueError: they do not rise, or the share or the history does not fit.
        """
        if list(self.rungs) != sorted({*self.rungs}) or any(rung < 1 for rung in self.rungs):
            raise ValueError(f"rungs must rise from 1, not {self.rungs}")
        if not 0 < self.keep < 1:
            raise ValueError(f"the share that goes on lies between 0 and 1, not {self.keep}")
        if self.history and len(self.history) != len(self.rungs):
            raise ValueError("the history has one tuple of points a rung")


@dataclass(frozen=True)
class Cohort:
    """Jobs that are trained together: of one task, fidelity and seeds.

    Attributes:
        jobs: one or more.
        halving: who stops early; nobody when ``None``.
    """

    jobs: tuple[Job, ...]
    halving: Halving | None = None

    def __post_init__(self) -> None:
        """Check that the jobs belong together.

        Raises:
            ValueError: there is none, two are equal, or they differ in task, steps, seeds or what is scored.
        """
        if len(set(self.jobs)) != len(self.jobs):
            raise ValueError("a cohort holds every job once")
        if len({(j.task, j.steps, j.seeds, j.score_test) for j in self.jobs}) != 1:
            raise ValueError("a cohort holds jobs of one task, fidelity and seeds")
        if self.halving and self.halving.rungs and self.halving.rungs[-1] >= self.jobs[0].steps:
            raise ValueError("the last rung lies below the jobs' steps")

    @property
    def task(self) -> str:
        """The task that all jobs share."""
        return self.jobs[0].task

    @property
    def timeout(self) -> float:
        """Seconds for the whole cohort: the sum of what its jobs may take."""
        return sum(job.timeout for job in self.jobs)


Answers = list[list["Evaluation"]]
"""One list a job, in their order; in it the rungs and the end, and at each one evaluation a seed."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer for one candidate, task, fidelity and seed.

    Under halving a candidate has one for every rung that it reached.

    Attributes:
        status: ``ok`` or why there are no numbers; anything else has no objective values.
        reason: one clause for a status that is not ``ok``.
        error, loss: means over the validation part.
        test_error, test_loss: means over the test part, when asked for.
        seconds: wall time of the training since the rung before, a cohort's shared out evenly.
        curve: training loss averaged over 20 equal stretches of the training.
        metrics: other numbers of the validation part that the task reports, by name.
        test_metrics: the same of the test part, when asked for.
        unstacked: why it was trained by itself and not in a stack; empty where it was in one, or where a
            stack would not have paid for so few.
        validation_curve: steps and the loss of the validation part then, about ten on the way; of trainings
            that score the test part only.
        places: the activations of the trained network, of the same trainings.
    """

    candidate: int
    task: str
    steps: int
    seed: int
    status: Status
    reason: str = ""
    error: float | None = None
    loss: float | None = None
    test_error: float | None = None
    test_loss: float | None = None
    seconds: float = 0.0
    curve: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)
    unstacked: str = ""
    test_metrics: Mapping[str, float] = field(default_factory=dict, hash=False)
    validation_curve: tuple[tuple[int, float], ...] = ()
    places: tuple[Place, ...] = ()

    def __post_init__(self) -> None:
        """Keep non-finite numbers out of the store and out of selection.

        Raises:
            ValueError: an ``ok`` evaluation without finite values, values on another status, or a reason
                that is no text.
        """
        values = (self.error, self.loss)
        metrics = (*self.metrics.values(), *self.test_metrics.values())
        on_the_way = (loss for _, loss in self.validation_curve)
        scores = (*values, self.test_error, self.test_loss, *metrics)
        if not all(abs(score) <= LARGEST_SCORE for score in scores if score is not None):
            raise ValueError(f"an evaluation needs finite values, got {values}")
        if not all(math.isfinite(number) for number in (self.seconds, *self.curve, *on_the_way)):
            raise ValueError("an evaluation needs finite seconds and curves")
        if not isinstance(self.unstacked, str):
            raise ValueError("why a training was not stacked is told in words")
        if self.status == "ok":
            if None in values:
                raise ValueError(f"an ok evaluation needs finite values, got {values}")
        elif values != (None, None):
            raise ValueError(f"a '{self.status}' evaluation has no objective values")

    @property
    def validation(self) -> Mapping[str, float]:
        """All numbers of the validation part by name, error and loss among them; none of a failure."""
        return _named(self.error, self.loss, self.metrics)

    @property
    def test(self) -> Mapping[str, float]:
        """All numbers of the test part by name; none where it was not scored."""
        return _named(self.test_error, self.test_loss, self.test_metrics)


def _named(error: float | None, loss: float | None, metrics: Mapping[str, float]) -> dict[str, float]:
    found = {**metrics, "error": error, "loss": loss}
    return {name: value for name, value in found.items() if value is not None}


def failed(job: Job, seed: int, status: Status, reason: str, seconds: float = 0.0) -> Evaluation:
    """Return the evaluation of a training that gave no numbers."""
    return Evaluation(job.candidate, job.task, job.steps, seed, status, reason, seconds=seconds)
