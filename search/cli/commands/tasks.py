"""``tasks``: the tasks that candidates can be trained on."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer

from evaluators.tasks.catalogue import OFFLINE, PAPERS, load_task
from evaluators.tasks.reference import reference, unstacked
from search.cli.commands.options import FormatOption
from search.cli.output import emit, with_error
from search.cli.tables import add_row, new_table


def tasks(
    every: Annotated[bool, typer.Option("--all", help="Also those of the founding papers, which need data.")] = False,
    format_: FormatOption = "table",
) -> None:
    """List the tasks that candidates can be trained on, with what ReLU and GELU reach where that was measured.

    Stacked are tasks whose candidates are trained together as one network; else it is said why not.
    """
    measured = {(row["task"], row["activation"]): row for row in reference().to_dict("records")}
    table = new_table("", "task", ">steps", ">batch", ">ReLU's error", ">GELU's error", "stacked", "about")
    rows = []
    for name in (*OFFLINE, *(PAPERS if every else ())):
        task = load_task(name)
        told = getattr(task, "about", None) or task.__doc__ or ""
        about, _, _ = " ".join(told.split()).partition(" Validation error after training:")
        row = {"task": name, "steps": task.recipe.steps, "batch_size": task.recipe.batch_size}
        cells = []
        for activation in ("relu", "gelu"):
            found = measured.get((name, activation), {})
            row |= {f"{activation}_{key}": found.get(key) for key in ("validation_error", "validation_se")}
            cells.append(with_error(found.get("validation_error"), found.get("validation_se")))
        why = unstacked(name) if name in OFFLINE else "not tried without its data"
        rows.append({**row, "unstacked": why, "about": about})
        add_row(table, name, str(row["steps"]), str(row["batch_size"]), *cells, why or "yes", about)
    emit(pd.DataFrame(rows), format_, table)
    if format_ == "table" and not every:
        print(f"\n{len(PAPERS)} more, of the founding papers, need data sets and extras: actsearch tasks --all")
