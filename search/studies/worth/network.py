"""Features of the tasks' networks, of some functions of each table; what is done is on disk at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluators import Task, assess, load_task
from evaluators.instruments.network_features import NETWORK_FEATURES, Start, described
from evaluators.judging.features.catalogue import bounded
from primitives import compile_expression, parse
from primitives.numeric import Array
from search.studies.spreading import mend, spread, write_rows
from search.studies.worth.sheet import Sheet

SEEDS = (0, 1, 2)
EXAMPLES = 128
_KEY = ["table", "expression"]
COLUMNS = [*_KEY, *NETWORK_FEATURES, "seconds_gradient", "seconds_spectrum"]


@dataclass(frozen=True)
class Unit:
    """A function of a table and the task that it is looked at in."""

    table: str
    task: str
    expression: str


def chosen(sheet: Sheet, count: int, seed: int) -> NDArray[np.intp]:
    """Return the places of so many functions, drawn at random, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(sheet))[:count]
    return np.sort(drawn)


@cache
def _task(name: str) -> Task:
    task = load_task(name)
    assert isinstance(task, Task)
    task.data("train")
    return task


def measured(unit: Unit) -> list[dict[str, Any]]:
    """Return the row of a function, with the columns :data:`COLUMNS`; seconds are of the processor."""
    task, expression = _task(unit.task), parse(unit.expression)
    gain = assess(expression).gain
    assert gain is not None
    start = Start(task, compile_expression(expression).module, gain, SEEDS, EXAMPLES)
    times = [time.process_time()]
    for look in ("proxies", "log_spectrum"):
        getattr(start, look)
        times.append(time.process_time())
    found = {name: f"{value:.6g}" for name, value in described(start).items()}
    gradient, spectrum = (f"{value:.2g}" for value in np.diff(times))
    own = {"table": unit.table, "expression": unit.expression}
    return [{**own, **found, "seconds_gradient": gradient, "seconds_spectrum": spectrum}]


def complete(sheets: Sequence[Sheet], file: Path, workers: int) -> pd.DataFrame:
    """Measure what the file does not have yet and return the rows of all functions, in their order.

    Args:
        sheets: of the functions.
        file: CSV that rows are appended to; a line that was cut off is dropped.
        workers: processes of one thread each; 1 measures in this one.
    """
    units = [Unit(sheet.name, sheet.task, text) for sheet in sheets for text in sheet.texts]
    mend(file)
    known = {*pd.read_csv(file)[_KEY].itertuples(index=False, name=None)} if file.exists() else set()
    missing = [unit for unit in units if (unit.table, unit.expression) not in known]
    write_rows(file, COLUMNS, spread(measured, missing, workers), len(missing), every=50)
    rows = pd.read_csv(file).drop_duplicates(_KEY).set_index(_KEY)
    rows = rows.loc[[(unit.table, unit.expression) for unit in units]].reset_index()
    rows.to_csv(file, index=False)
    return rows


def of_network(rows: pd.DataFrame, sheet: Sheet) -> dict[str, Array]:
    """Return the features of a sheet's functions by name, finite, shape (n,)."""
    own = rows[rows["table"] == sheet.name].set_index("expression").loc[list(sheet.texts)]
    return {name: bounded(own[name].to_numpy(dtype=float)) for name in NETWORK_FEATURES}
