"""``diff``: two runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from primitives.text import printable
from runs import reading
from search.cli.commands.options import FormatOption, locate
from search.cli.differences import Side, differences, incomparable
from search.cli.output import check_format, console, number, records, say, to_json
from search.cli.tables import add_row, new_table

_MOST = 12


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN1", help="Run folder, or its name inside campaigns/.")],
    second: Annotated[Path, typer.Argument(metavar="RUN2", help="The other one.")],
    format_: FormatOption = "table",
) -> None:
    """Show what differs between two runs: configuration, versions, tasks, fronts and evidence.

    Functions are the same that do the same but for scale, sign and shift. JSON and CSV have a row for each difference
    and for each function of either front.
    """
    check_format(format_)
    folders = locate(first), locate(second)
    with reading(folders[0]) as ours, reading(folders[1]) as theirs:
        sides = Side(ours, folders[0]), Side(theirs, folders[1])
        frame, why_not = differences(*sides), incomparable(*sides)
    if format_ == "json":
        print(to_json(records(frame)))
    elif format_ == "csv":
        say(frame.to_csv(index=False), end="")
    else:
        _print(frame, folders, why_not)


def _print(frame: pd.DataFrame, folders: tuple[Path, Path], why_not: str | None) -> None:
    out = console()
    say(f"first: {folders[0]}", f"second: {folders[1]}")
    if why_not:
        say(f"scores of the two do not compare: {why_not}")
    if frame.empty:
        say("nothing differs")
    for part, rows in frame.groupby("part", sort=False):
        table = new_table(f"\n{part}", {"front": "function, by its score"}.get(str(part), ""), "first", "second")
        for row in rows.head(_MOST).to_dict("records"):
            add_row(table, printable(str(row["what"])), *(_cell(row, side) for side in ("first", "second")))
        out.print(table)
        if len(rows) > _MOST:
            say(f"and {len(rows) - _MOST} more, see --format json")


def _cell(row: dict[Any, Any], side: str) -> str:
    value, identifier = row[side], row[f"{side}_id"]
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "not trained" if row["part"] == "front" else "-"
    text = number(value) if isinstance(value, float) else printable(str(value))
    return text if pd.isna(identifier) else f"{text} (#{identifier})"
