"""An MLflow run: where ``MLFLOW_TRACKING_URI`` says, else MLflow's own default, ``mlflow.db`` in the current folder."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would tell its makers that it is used

import mlflow
from mlflow.entities import Metric, Param

from runs.run import Run, load
from search.campaign.progress import Progress
from search.campaign.watching import Watcher
from search.configuration.config import CampaignConfig
from search.logs.numbers import flat, of_confirmation, of_progress

KEY = "actsearch.run"
"""Tag by which a resumed campaign finds its MLflow run again."""
_LONGEST, _AT_ONCE = 500, 100


class MlflowLog(Watcher):
    """Writes metrics while a campaign runs; parameters are the configuration. The step is that of trained candidates.

    The experiment has the campaign's name, the run the name of the run folder. A campaign that stops leaves its MLflow
    run as killed, and the same run goes on when the campaign does.
    """

    def __init__(self) -> None:
        self._client: Any = mlflow.MlflowClient()
        self._id: str | None = None
        self._over = False
        self._last: dict[str, float] = {}

    def started(self, run: Path, config: CampaignConfig) -> None:
        """Begin a run, or go on with the one that the campaign has."""
        experiment = self._client.get_experiment_by_name(config.name)
        where = experiment.experiment_id if experiment else self._client.create_experiment(config.name)
        told = f"{run.resolve()} {load(run).created}"
        key = hashlib.sha256(told.encode()).hexdigest()[:16]
        earlier = self._client.search_runs([where], f"tags.`{KEY}` = '{key}'", max_results=1)
        if earlier:
            self._id = str(earlier[0].info.run_id)
            self._client.update_run(self._id, status="RUNNING")
            return
        tags = {KEY: key, "actsearch.folder": str(run.resolve())}
        self._id = str(self._client.create_run(where, run_name=run.name, tags=tags).info.run_id)
        params = [Param(name, str(value)[:_LONGEST]) for name, value in flat(config).items()]
        for at in range(0, len(params), _AT_ONCE):
            self._client.log_batch(self._id, params=params[at : at + _AT_ONCE])

    def __call__(self, progress: Progress) -> None:
        """Write the numbers that changed, where there is something new."""
        self._last, before = of_progress(progress), self._last
        if before.get("search/steps_spent") != self._last["search/steps_spent"]:
            self._write(
                {name: value for name, value in self._last.items() if before.get(name) != value}, progress.trained
            )

    def finished(self, run: Run) -> None:
        """Write what confirmation measured, each number with the candidate's id as its step."""
        for identifier, name, value in of_confirmation(run):
            self._write({name: value}, identifier)
        self._over = True

    def closed(self) -> None:
        """Say that the run is over, or that it was stopped."""
        if self._id is not None:
            self._client.set_terminated(self._id, "FINISHED" if self._over else "KILLED")

    def _write(self, numbers: dict[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        self._client.log_batch(self._id, [Metric(name, value, now, step) for name, value in numbers.items()])
