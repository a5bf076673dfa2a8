"""``library``: the known activations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from primitives import BASELINES
from primitives import library as known
from primitives.errors import ActsearchError, unknown
from search.cli.commands.options import FormatOption
from search.cli.output import emit
from search.cli.tables import add_row, new_table


def library(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Only these.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw their curves into a .png, .svg or .pdf.")] = None,
    format_: FormatOption = "table",
) -> None:
    """List the known activations: baselines first, then names that 'score' and 'export' understand."""
    entries = known()
    for name in names or []:
        if name not in entries:
            raise ActsearchError(unknown("activation", name, entries))
    rows = [
        {"name": r.name, "baseline": r.name in BASELINES, "expression": str(r.expression), "source": r.citation}
        for r in entries.values()
        if not names or r.name in names
    ]
    if plot is not None:
        from runs.plots import plot_activations

        plot_activations({str(r["name"]): str(r["expression"]) for r in rows}, plot, "known activations")
    table = new_table("", "name", "baseline", "expression", "source")
    for row in rows:
        mark = "yes" if row["baseline"] else ""
        add_row(table, str(row["name"]), mark, str(row["expression"]), str(row["source"]))
    emit(pd.DataFrame(rows), format_, table)
    if plot is not None and format_ == "table":
        print(f"wrote {plot}")
