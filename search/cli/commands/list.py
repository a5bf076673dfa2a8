"""``list``: the campaigns in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from primitives.errors import ActsearchError
from runs import Store, list_folders, reading, scored
from runs.axes import axes
from runs.folder import state_of
from search.cli.commands.options import FormatOption
from search.cli.output import emit, number
from search.cli.tables import add_row, new_table
from search.configuration.reading import parsed


def list_(
    folder: Annotated[Path, typer.Argument(help="Where the run folders lie.")] = Path("campaigns"),
    format_: FormatOption = "table",
) -> None:
    """List the campaigns in a folder."""
    if not folder.is_dir():
        raise ActsearchError(
            f"there is no folder '{folder}'; 'actsearch launch --preset quick' makes the first campaign"
        )
    columns = ["run", "task", "state", "created", "trained", "score", "best_score", "best"]
    frame = pd.DataFrame([_summary(path) for path in list_folders(folder)], columns=columns)
    table = new_table("", "run", "task", "state", "created", ">trained", "by", ">best", "best activation")
    for row in frame.to_dict("records"):
        add_row(table, *(str(row[c]) for c in columns[:6]), number(row["best_score"]), row["best"])
    emit(frame, format_, table)


def _summary(path: Path) -> dict[str, Any]:
    """Return a run's line; a damaged run is a line that says so and does not hide the others."""
    try:
        with reading(path) as store:
            return {"run": str(path), **_facts(path, store)}
    except ActsearchError as error:
        unknown = dict.fromkeys(("task", "created", "score", "best"), "")
        return {"run": str(path), **unknown, "state": f"unreadable: {error}", "trained": 0}


def _facts(path: Path, store: Store) -> dict[str, Any]:
    frame, first = scored(store), axes(store)[0]
    found = frame[~frame["baseline"]].nsmallest(1, first.name)
    best = {} if found.empty else found.iloc[0].to_dict()
    return {
        "task": str(parsed(store.meta("config"), str(path)).get("task", "")),
        "state": state_of(path, store),
        "created": store.meta("created"),
        "trained": sum(c.was_trained for c in store.candidates()),
        "score": first.name,
        "best_score": best.get(first.name),
        "best": best.get("expression", ""),
    }
