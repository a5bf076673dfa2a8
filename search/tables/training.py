"""Trains what a table lacks. What is finished is on disk at once, beside the table, and goes into it at the end."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evaluators import Evaluation, Executor, Job
from primitives import ActsearchError
from search.campaign.confirmation import cohorts_of
from search.tables.space import Function
from search.tables.table import COLUMNS, Origin, Table, read, write

_AND = " && "
_AT_ONCE = 32
"""Trainings of a cohort at most: a stop loses those that are under way."""


@dataclass(frozen=True)
class Wanted:
    """What a table is to hold.

    Attributes:
        functions: in the order of its rows.
        seeds: of each.
        origin: what it is made with.
        timeout: seconds that a function adds to what its cohort may take.
    """

    functions: Sequence[Function]
    seeds: tuple[int, ...]
    origin: Origin
    timeout: float = 600.0


@dataclass(frozen=True)
class Progress:
    """How far it is.

    Attributes:
        done, total: trainings of this call.
        seconds: since it began.
    """

    done: int
    total: int
    seconds: float

    @property
    def left(self) -> float:
        """Estimate of the seconds that are left."""
        return self.seconds / self.done * (self.total - self.done) if self.done else float("nan")


def parts_of(file: Path) -> Path:
    """Return the folder in which finished rows lie before they are in the table."""
    return file.with_name(f"{file.name}.parts")


def known(file: Path, origin: Origin) -> Table:
    """Return what a table and its parts hold, with the commands that made it, this one the last.

    Raises:
        ActsearchError: they are of another task, recipe or number of steps.
    """
    found = []
    for each in [file, *sorted(parts_of(file).glob("*.parquet"))]:
        if each.is_file():
            table = read(each)
            _refuse_other(each, table.origin, origin)
            found.append(table)
    rows = [table.rows for table in found]
    said = [table.origin.command for table in found]
    commands = dict.fromkeys(part for text in (*said, origin.command) for part in text.split(_AND))
    both = dataclasses.replace(origin, command=_AND.join(commands))
    return Table(pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=[*COLUMNS]), both)


def _refuse_other(file: Path, its: Origin, wanted: Origin) -> None:
    differs = {
        f"of task '{its.task}', not '{wanted.task}'": its.task != wanted.task,
        f"of trainings of {its.steps} steps, not {wanted.steps}": its.steps != wanted.steps,
        "of the same task with another recipe or code": its.recipe != wanted.recipe,
    }
    for said, holds in differs.items():
        if holds:
            raise ActsearchError(f"'{file}' is a table {said}; choose another file, or remove it")


def missing(wanted: Wanted, rows: pd.DataFrame) -> list[tuple[Function, tuple[int, ...]]]:
    """Return the functions that lack seeds, and which."""
    there = set(zip(rows["expression"], rows["seed"], strict=True))
    lacking = ((f, tuple(s for s in wanted.seeds if (f.expression, s) not in there)) for f in wanted.functions)
    return [(function, seeds) for function, seeds in lacking if seeds]


def jobs_of(lacking: Sequence[tuple[Function, tuple[int, ...]]], wanted: Wanted) -> list[Job]:
    """Return what is to be trained."""
    task, steps = wanted.origin.task, wanted.origin.steps
    return [
        Job(number, function.expression, function.gain, task, steps, seeds, True, wanted.timeout)
        for number, (function, seeds) in enumerate(lacking)
    ]


def complete(wanted: Wanted, file: Path, executor: Executor, tell: Callable[[Progress], None]) -> Table:
    """Train what is missing, write the table and return it. Safe to stop anywhere and to call again."""
    parts = parts_of(file)
    before = known(file, wanted.origin)
    lacking = missing(wanted, before.rows)
    for cohort in cohorts_of(jobs_of(lacking, wanted), executor, _AT_ONCE):
        executor.submit(cohort)
    total, done, started = sum(len(seeds) for _, seeds in lacking), 0, time.monotonic()
    number = len(list(parts.glob("*.parquet"))) if parts.is_dir() else 0
    found = [before.rows]
    for cohort, answers in itertools.chain.from_iterable(iter(executor.collect, [])):
        new = pd.DataFrame([_row(job, one) for job, per in zip(cohort.jobs, answers, strict=True) for one in per])
        parts.mkdir(parents=True, exist_ok=True)
        number += 1
        write(Table(new, before.origin), parts / f"{number:06d}.parquet")
        found.append(new)
        done += len(new)
        tell(Progress(done, total, time.monotonic() - started))
    table = Table(_ordered(pd.concat([part for part in found if len(part)], ignore_index=True), wanted), before.origin)
    write(table, file)
    shutil.rmtree(parts, ignore_errors=True)
    return table


def _row(job: Job, evaluation: Evaluation) -> dict[str, Any]:
    own = {name: value for name, value in evaluation.validation.items() if name not in COLUMNS}
    return {
        "expression": job.expression,
        "seed": evaluation.seed,
        "steps": evaluation.steps,
        "status": evaluation.status,
        "error": evaluation.error,
        "loss": evaluation.loss,
        "test_error": evaluation.test_error,
        "seconds": round(evaluation.seconds, 3),
        **own,
    }


def _ordered(rows: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """Return rows in the order of the functions, those of functions that are not asked for last."""
    place = {function.expression: at for at, function in enumerate(wanted.functions)}
    after = len(place)
    at = [place.get(text, after) for text in rows["expression"]]
    rows = rows.assign(_at=at).sort_values(["_at", "expression", "seed"], kind="stable").drop(columns="_at")
    first = [*COLUMNS]
    rows = rows[[*first, *(name for name in rows.columns if name not in first)]]
    numbers = {name: "float64" for name in rows.columns if name not in ("expression", "status", "seed", "steps")}
    return rows.astype({**numbers, "seed": "int64", "steps": "int64"}).reset_index(drop=True)
