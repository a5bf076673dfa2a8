"""Tables for people: the front, the confirmation and its verdicts."""

from __future__ import annotations

import pandas as pd
from rich.markup import escape
from rich.table import Table

from search.output import number, with_error

LEVEL = 0.05


def new_table(title: str, *columns: str) -> Table:
    """Return an empty table; a column whose name starts with ``>`` is set to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    return table


def front_table(frame: pd.DataFrame, title: str) -> Table:
    """Return the front with the baselines beside it; ``*`` marks what nothing dominates."""
    table = new_table(title, ">id", "front", "activation", ">validation error", ">cost", ">complexity", ">prior")
    for row in frame.to_dict("records"):
        label = f"{row['name']}  [dim]{escape(row['expression'])}[/dim]" if row["name"] else escape(row["expression"])
        table.add_row(
            str(row["id"]),
            "*" if row["on_front"] else "",
            label,
            with_error(row["error"], row["error_se"]),
            number(row["cost"], 0),
            str(row["complexity"]),
            number(row["prior"], 3),
            style="yellow" if row["baseline"] else None,
        )
    return table


def confirmed_table(frame: pd.DataFrame, task: str, searched: bool) -> Table:
    """Return one task's fresh-seed results, lowest test error first.

    Args:
        frame: of :func:`runs.statistics.confirmed`.
        task: which task.
        searched: whether the search used this task; then its own claim is shown beside.
    """
    title = f"{task}: fresh seeds, " + ("test part, never used before" if searched else "a task the search never saw")
    columns = [">id", "activation", ">test error", ">validation", ">seeds", ">failed"]
    table = new_table(title, *columns, *([">search said"] if searched else []))
    rows = frame[frame["task"] == task].sort_values(["test_error", "id"])
    for row in rows.to_dict("records"):
        table.add_row(
            str(row["id"]),
            row["name"] or escape(row["expression"]),
            with_error(row["test_error"], row["test_se"]),
            number(row["validation_error"]),
            str(row["seeds"]),
            str(row["failed"] or ""),
            *([number(row["search_error"])] if searched else []),
            style="yellow" if row["name"] else None,
        )
    return table


def comparison_table(frame: pd.DataFrame, task: str) -> Table:
    """Return paired differences as a matrix: baselines down, finalists across."""
    rows = frame[frame["task"] == task]
    finalists = list(dict.fromkeys(rows["id"]))
    title = f"{task}: test error minus the baseline's, 95 % interval; * Holm-corrected p < 0.05"
    table = new_table(title, "baseline", *(f">#{identifier}" for identifier in finalists))
    for name in dict.fromkeys(rows["baseline"]):
        cells = [_cell(rows[(rows["baseline"] == name) & (rows["id"] == i)]) for i in finalists]
        table.add_row(name, *cells)
    return table


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    row = rows.iloc[0]
    star = "*" if row["p_holm"] < LEVEL else " "
    if pd.isna(row["low"]):
        return f"{row['difference']:+.4f}{star}"
    return f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]{star}".replace("[", "\\[")


def verdicts(comparisons: pd.DataFrame) -> list[str]:
    """Return one sentence a finalist and task: what it beats, what beats it, what is undecided."""
    lines = []
    for (task, identifier), rows in comparisons.groupby(["task", "id"], sort=False):
        sure = rows["p_holm"] < LEVEL
        better = list(rows[sure & (rows["difference"] < 0)]["baseline"])
        worse = list(rows[sure & (rows["difference"] > 0)]["baseline"])
        open_ = len(rows) - len(better) - len(worse)
        parts = [f"better than {', '.join(better)}"] if better else []
        if worse:
            parts.append(f"worse than {', '.join(worse)}")
        if open_:
            rest = "the other " if better or worse else "all "
            parts.append(f"not distinguishable from {rest}{open_} baseline{'s' if open_ > 1 else ''}")
        lines.append(f"#{identifier} on {task}: {'; '.join(parts)} ({rows['pairs'].min()} paired seeds).")
    return lines
