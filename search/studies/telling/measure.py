"""Trains units on several processes; the rows of a finished unit are on disk at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evaluators import Cohort, Evaluation, Job, Task, assess
from evaluators.training.cohort.trainer import run_cohort
from evaluators.training.pieces import pick_device
from primitives import resolve
from search.studies.spreading import mend, spread, write_rows
from search.studies.telling.panel import SCORES, Unit, measured_task, version

COLUMNS = ["task", "version", "function", "seed", "steps", "status", *SCORES, "test_error", "seconds"]
_LIMIT = 600.0


def train(unit: Unit) -> list[dict[str, Any]]:
    """Return the rows of a unit, one a function and seed, with the columns :data:`COLUMNS`.

    ``version`` as :func:`version` of the task; ``status`` as in :class:`evaluators.Evaluation`; scores of the
    validation part, empty where the task has none of that name; ``seconds`` of one training in its stack.
    """
    task = measured_task(unit.task)
    jobs = tuple(_job(number, name, task, unit.seeds) for number, name in enumerate(unit.functions))
    answers = run_cohort(Cohort(jobs), task, pick_device("cpu"))
    made = version(task)
    return [_row(evaluation, unit.functions[evaluation.candidate], made) for answer in answers for evaluation in answer]


def _job(number: int, name: str, task: Task, seeds: tuple[int, ...]) -> Job:
    expression = resolve(name)
    gain, steps = assess(expression).gain, task.recipe.steps
    assert gain is not None
    return Job(number, str(expression), gain, task.name, steps, seeds, score_test=True, timeout=_LIMIT)


def _row(evaluation: Evaluation, function: str, made: str) -> dict[str, Any]:
    validation = evaluation.validation
    return {
        "task": evaluation.task,
        "version": made,
        "function": function,
        "seed": evaluation.seed,
        "steps": evaluation.steps,
        "status": evaluation.status,
        **{score: f"{validation[score]:.6g}" for score in SCORES if score in validation},
        "test_error": "" if evaluation.test_error is None else f"{evaluation.test_error:.6g}",
        "seconds": round(evaluation.seconds, 2),
    }


def complete(units: Sequence[Unit], file: Path, workers: int) -> pd.DataFrame:
    """Train what the file does not have yet and return the rows of all units.

    Rows of a task whose recipe, network or data have changed since are dropped.

    Args:
        units: what is wanted.
        file: CSV that rows are appended to; a line that was cut off is dropped.
        workers: processes of one thread each; 1 trains in this one.
    """
    made = {name: version(measured_task(name)) for name in dict.fromkeys(unit.task for unit in units)}
    mend(file)
    known = _current(file, made)
    missing = [unit for unit in units if not _is_in(unit, known)]
    write_rows(file, COLUMNS, spread(train, missing, workers), len(missing), every=1)
    return _tidied(units, file, made)


def _current(file: Path, made: dict[str, str]) -> pd.DataFrame:
    """Return the rows of tasks as they are now; of those that are not asked for all."""
    if not file.exists():
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.read_csv(file, dtype={"version": str, "function": str})
    now = rows["task"].map(made)
    return rows[now.isna() | (now == rows["version"])]


def _is_in(unit: Unit, rows: pd.DataFrame) -> bool:
    found = rows[(rows["task"] == unit.task) & rows["function"].isin(unit.functions)]
    wanted = {(name, seed) for name in unit.functions for seed in unit.seeds}
    return wanted <= set(zip(found["function"], found["seed"], strict=True))


def _tidied(units: Sequence[Unit], file: Path, made: dict[str, str]) -> pd.DataFrame:
    """Write the rows in their order, without those of older versions, and return the wanted ones."""
    rows = _current(file, made).drop_duplicates(["task", "function", "seed"], keep="last")
    rows = rows.sort_values(["task", "seed", "function"], kind="stable").reset_index(drop=True)
    beside = file.with_suffix(".new")
    rows.to_csv(beside, index=False)
    beside.replace(file)
    wanted = {(unit.task, name, seed) for unit in units for name in unit.functions for seed in unit.seeds}
    keys = zip(rows["task"], rows["function"], rows["seed"], strict=True)
    return rows[[key in wanted for key in keys]].reset_index(drop=True)
