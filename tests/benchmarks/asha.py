"""The rivals of cohort training: a plain loop in eager torch, and that loop on Ray Tune with ASHA."""

from __future__ import annotations

import io
import sys
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from evaluators import Job, Task
from evaluators.training.executors.ray.connection import connect
from evaluators.training.pieces import batches, groups_of, learning_rate, seeded
from evaluators.training.scoring import score
from primitives import compile_expression, parse

PARTS = 4
"""Reports of a full training to ASHA; its rungs are at 1/4, 1/2 and the end."""


class Plain:
    """What a person would write: one network with a candidate's exported module, trained step by step.

    The task's recipe, with torch's optimiser as it comes.

    Attributes:
        losses: of the steps done.
    """

    def __init__(self, task: Task, job: Job) -> None:
        self._task = task
        activation = compile_expression(parse(job.expression)).module
        with seeded(job.seeds[0], torch.device("cpu")):
            self.network = task.network(activation, job.gain).train()
        recipe = task.recipe
        self._optimiser = torch.optim.AdamW(groups_of(self.network, recipe), lr=recipe.learning_rate)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, lambda step: learning_rate(step, job.steps, recipe)
        )
        self._data = task.data("train")
        self._rows = batches(len(self._data), recipe.batch_size, job.seeds[0])
        self.losses: list[float] = []

    def advance(self, to: int) -> None:
        """Train up to a step."""
        self.network.train()
        for _ in range(len(self.losses), to):
            rows = next(self._rows)
            loss = self._task.loss_of(self.network, self._data.inputs[rows], self._data.targets[rows])
            self._optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), self._task.recipe.clip)
            self._optimiser.step()
            self._schedule.step()
            self.losses.append(loss.item())


@dataclass(frozen=True)
class Answer:
    """What a search with Ray Tune came to.

    Attributes:
        seconds: of the clock, from the first trial's start to the last one's end.
        start: seconds before that.
        steps: of all trials together.
    """

    seconds: float
    start: float
    steps: int


def asha(task: Task, jobs: list[Job], workers: int) -> Answer:
    """Train jobs on a local cluster, a trial each on a CPU of its own, and halve them asynchronously.

    A trial reports at quarters only and its checkpoint is empty, which is the least Tune can do.
    """
    ray = connect(None, workers)
    from ray import tune

    class Trial(tune.Trainable):
        def setup(self, config: dict[str, Any], task: Task | None = None) -> None:
            torch.set_num_threads(1)
            self.task = task or self.task
            self.began = time.time()
            self.job, self.done = config["job"], 0
            self.training = Plain(self.task, self.job)

        def step(self) -> dict[str, float]:
            self.done += 1
            self.training.advance(self.job.steps * self.done // PARTS)
            error = score(self.training.network, self.task, "validation", torch.device("cpu")).error
            return {"error": error, "began": self.began}

        def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
            return {}

        def reset_config(self, config: dict[str, Any]) -> bool:
            self.setup(config)
            return True

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    started = time.time()
    try:
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            found = _tuner(tune, tune.with_parameters(Trial, task=task), jobs, workers, folder).fit()
            ended = time.time()
    finally:
        ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
        ray.shutdown()
    assert found.num_errors == 0
    parts = sum(result.metrics["training_iteration"] for result in found)
    first = min(result.metrics["began"] for result in found)
    return Answer(ended - first, first - started, parts * jobs[0].steps // PARTS)


def _tuner(tune: Any, trial: Any, jobs: list[Job], workers: int, folder: str) -> Any:
    from ray.tune.schedulers import ASHAScheduler

    return tune.Tuner(
        trial,
        param_space={"job": tune.grid_search(jobs)},
        tune_config=tune.TuneConfig(
            metric="error",
            mode="min",
            scheduler=ASHAScheduler(max_t=PARTS, grace_period=1, reduction_factor=2),
            reuse_actors=True,
            max_concurrent_trials=workers,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0),
    )
