"""What a training is asked for and what it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "rejected", "diverged", "timeout", "oom", "crashed", "cached"]


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
        timeout: seconds for the whole job; beyond it the job is given up.
    """

    candidate: int
    expression: str
    gain: float
    task: str
    steps: int
    seeds: tuple[int, ...]
    score_test: bool = False
    timeout: float = 600.0


@dataclass(frozen=True)
class Evaluation:
    """The answer for one candidate, task, fidelity and seed.

    Attributes:
        status: ``ok`` or why there are no numbers; anything else has no objective values.
        reason: one clause for a status that is not ``ok``.
        error, loss: means over the validation part.
        test_error, test_loss: means over the test part, when asked for.
        seconds: wall time of the training.
        curve: training loss averaged over 20 equal stretches of the training.
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

    def __post_init__(self) -> None:
        """Keep non-finite numbers out of the store and out of selection.

        Raises:
            ValueError: an ``ok`` evaluation without finite values, or values on another status.
        """
        values = (self.error, self.loss)
        if self.status == "ok":
            numbers = [v for v in (*values, self.test_error, self.test_loss, *self.curve) if v is not None]
            if None in values or not all(map(math.isfinite, numbers)):
                raise ValueError(f"an ok evaluation needs finite values, got {values}")
        elif values != (None, None):
            raise ValueError(f"a '{self.status}' evaluation has no objective values")


def failed(job: Job, seed: int, status: Status, reason: str, seconds: float = 0.0) -> Evaluation:
    """Return the evaluation of a training that gave no numbers."""
    return Evaluation(job.candidate, job.task, job.steps, seed, status, reason, seconds=seconds)
