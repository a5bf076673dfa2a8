"""Tables for people: the front, the confirmation and its verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.table import Table
from rich.text import Text

from evaluators.judging.features.catalogue import kept
from evaluators.judging.objectives import spoken
from runs.axes import DEFAULT_AXES, Axis
from search.cli.output import number, with_error

LEVEL = 0.05
_ERROR = DEFAULT_AXES[0]
_OF_A_ROW = ("id", "name", "expression", "baseline", "origin", "on_front")


def new_table(title: str, *columns: str) -> Table:
    """Return an empty table; a column whose name starts with ``>`` is set to the right."""
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    return table


def add_row(table: Table, *cells: str | Text, style: str | None = None) -> None:
    """Add a row whose texts are shown as they are: names and formulas are never read as markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), style=style)


def front_table(frame: pd.DataFrame, title: str, objectives: Sequence[Axis]) -> Table:
    """Return the front with the baselines beside it; ``*`` marks what nothing dominates.

    Args:
        frame: of :func:`runs.front.pareto`.
        title: of the table.
        objectives: of the run; the error comes after them, where it is none of them, and the features of extensions.
    """
    if all(axis.name != _ERROR.name for axis in objectives):
        objectives = [*objectives, _ERROR]
    names = [axis.name for axis in objectives]
    hidden = [name for name, feature in kept().items() if not feature.shown]
    spread = [f"{name}_se" for name in ("error", *names)]
    others = [name for name in frame.columns if name not in (*names, *_OF_A_ROW, *spread, *hidden)]
    labels = [axis.label for axis in objectives]
    table = new_table(title, ">id", "front", "activation", *(f">{label}" for label in (*labels, *others)))
    for row in frame.to_dict("records"):
        name = f"{row['name']}  " if row["name"] else ""
        label = Text.assemble(name, (row["expression"], "dim" if name else ""))
        add_row(
            table,
            str(row["id"]),
            "*" if row["on_front"] else "",
            label,
            *(with_error(row[a.name], row.get(f"{a.name}_se"), a.digits) for a in objectives),
            *(number(row[name], 3) for name in others),
            style="yellow" if row["baseline"] else None,
        )
    return table


def confirmed_table(frame: pd.DataFrame, seen: str) -> Table:
    """Return one task's fresh-seed results, lowest test error first.

    Args:
        frame: rows of :func:`runs.statistics.confirmed` of one task and number of steps.
        seen: what the search has to do with it, see :func:`runs.user_code.seen_before`.
    """
    task, steps = frame.iloc[0]["task"], frame.iloc[0]["steps"]
    title = f"{task}, {steps} steps: fresh seeds, {seen}"
    score = frame.iloc[0]["score"]
    error = [] if score == "error" else ["test_error"]
    heads = [f"test {spoken(score)}", f"validation {spoken(score)}", *(spoken(name) for name in error)]
    table = new_table(title, ">id", "activation", *(f">{head}" for head in heads), ">seeds", ">failed")
    for row in frame.sort_values(["test_score", "id"]).to_dict("records"):
        add_row(
            table,
            str(row["id"]),
            row["name"] or row["expression"],
            with_error(row["test_score"], row["test_se"]),
            number(row["validation_score"]),
            *(number(row[name]) for name in error),
            str(row["seeds"]),
            str(row["failed"] or ""),
            style="yellow" if row["name"] else None,
        )
    return table


def comparison_table(rows: pd.DataFrame) -> Table:
    """Return paired differences as a matrix, baselines down, finalists across.

    Args:
        rows: of :func:`runs.statistics.comparisons`, of one task and number of steps.
    """
    finalists = list(dict.fromkeys(rows["id"]))
    first = rows.iloc[0]
    score = f"test {spoken(first['score'])}"
    title = f"{first['task']}: {score} minus the baseline's, 95 % interval; * Holm-corrected p < 0.05"
    table = new_table(title, "baseline", *(f">#{identifier}" for identifier in finalists))
    for name in dict.fromkeys(rows["baseline"]):
        cells = [_cell(rows[(rows["baseline"] == name) & (rows["id"] == i)]) for i in finalists]
        add_row(table, name, *cells)
    return table


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    row = rows.iloc[0]
    star = "*" if row["p_holm"] < LEVEL else " "
    if pd.isna(row["low"]):
        return f"{row['difference']:+.4f}{star}"
    return f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]{star}"


def verdicts(comparisons: pd.DataFrame) -> list[str]:
    """Return one sentence a finalist and task: what it beats, what beats it, what is undecided."""
    lines = []
    for (task, identifier), rows in comparisons.groupby(["task", "id"], sort=False):
        by = f"by test {spoken(rows.iloc[0]['score'])}"
        if rows["failed"].any():
            lines.append(f"#{identifier} on {task}: some seeds failed, so nothing is claimed from the others.")
            continue
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
        lines.append(f"#{identifier} on {task}: {'; '.join(parts)} ({by}, {rows['pairs'].min()} paired seeds).")
    return lines
