"""``tasks``: the tasks that candidates can be trained on."""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated, Any

import pandas as pd
import typer

from evaluators.judging.objectives import spoken
from evaluators.tasks.agreement import Agreement, agreement_of
from evaluators.tasks.catalogue import OFFLINE, PAPERS, load_task
from evaluators.tasks.reference import reference
from search.cli.commands.options import FormatOption
from search.cli.output import emit, number
from search.cli.tables import add_row, new_table


def tasks(
    every: Annotated[bool, typer.Option("--all", help="Also those of the founding papers, which need data.")] = False,
    format_: FormatOption = "table",
) -> None:
    """List the tasks that candidates can be trained on, with the validation error of ReLU and GELU where measured.

    Agreement: of two seeds, by the score that a search on the task goes by, among the better half of 64 functions; a
    task where even four seeds agree by less than 0.5 tells bad from good and not good from better. Seeds: so many show
    a difference of 5 % of GELU's score. JSON and CSV say all of a task, and why its candidates are not trained as one
    network, where they are not.
    """
    measured = {(row["task"], row["activation"]): row for row in reference().to_dict("records")}
    heads = (">ReLU", ">GELU", "goes by", "agreement", "tells with", ">seeds for 5 %", "about")
    table = new_table("", "task", ">steps", *heads)
    rows = []
    for name in (*OFFLINE, *(PAPERS if every else ())):
        task = load_task(name)
        text = getattr(task, "about", None) or task.__doc__ or ""
        about, _, _ = " ".join(text.split()).partition(" Validation error after training:")
        row = {"task": name, "steps": task.recipe.steps, "batch_size": task.recipe.batch_size}
        cells = []
        for activation in ("relu", "gelu"):
            found = measured.get((name, activation), {})
            row |= {f"{activation}_{key}": found.get(key) for key in ("validation_error", "validation_se")}
            cells.append(number(found.get("validation_error")))
        why = "" if name in OFFLINE else "not tried without its data"
        agreement = agreement_of(name)
        told = {"score": task.score, "unstacked": why, "about": about}
        rows.append({**row, **told, "agreement": _plain(agreement, format_)})
        cells += [spoken(task.score), *_cells(agreement), re.split(r"\.(?: (?=[A-Z0-9])|$)", about)[0]]
        add_row(table, name, str(row["steps"]), *cells)
    emit(pd.DataFrame(rows), format_, table)
    if format_ == "table" and not every:
        print(f"\n{len(PAPERS)} more, of the founding papers, need data sets and extras: actsearch tasks --all")


def _cells(found: Agreement | None) -> tuple[str, str, str]:
    """Return agreement, seeds that it takes, and seeds that show a difference, as cells."""
    if found is None:
        return "", "", ""
    seeds = found.seeds_to_agree
    enough = "none" if seeds is None else f"{seeds} seed{'s' if seeds > 1 else ''}"
    return f"{found.better:.2f} [{found.better_low:.2f}, {found.better_high:.2f}]", enough, str(found.seeds_needed)


def _plain(found: Agreement | None, format_: str) -> dict[str, Any] | str | None:
    """Return it as plain values: a mapping for JSON, its cells for CSV."""
    if found is None:
        return None
    if format_ != "json":
        return "; ".join(_cells(found))
    return {**dataclasses.asdict(found), "can_tell": found.can_tell}
