"""``tasks``, ``library``, ``primitives`` and ``config``: the commands that say what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.options import FormatOption


def tasks(
    every: Annotated[bool, typer.Option("--all", help="Also those of the founding papers, which need data.")] = False,
    format_: FormatOption = "table",
) -> None:
    """List the tasks that candidates can be trained on, with what ReLU and GELU reach where that was measured.

    Stacked are tasks whose candidates are trained together as one network; else it is said why not.
    """
    import pandas as pd

    from evaluators.tasks import OFFLINE, PAPERS, load_task
    from evaluators.tasks.reference import reference, unstacked
    from search.output import emit, with_error
    from search.tables import add_row, new_table

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


def library(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Only these.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw their curves into a .png, .svg or .pdf.")] = None,
    format_: FormatOption = "table",
) -> None:
    """List the known activations: baselines first, then names that 'score' and 'export' understand."""
    import pandas as pd

    from primitives import BASELINES
    from primitives import library as known
    from primitives.errors import ActsearchError, unknown
    from search.output import emit
    from search.tables import add_row, new_table

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


def primitives(format_: FormatOption = "table") -> None:
    """List the primitives that expressions are built from."""
    import pandas as pd

    from primitives import all_primitives
    from search.config import DEFAULT_PRIMITIVES
    from search.output import emit, number
    from search.tables import add_row, new_table

    rows = [
        {
            "name": p.name,
            "arity": p.arity,
            "searched": p.name in DEFAULT_PRIMITIVES,
            "cost": p.cost or None,
            "parity": p.parity or "",
            "domain": p.domain,
            "growth": p.growth,
            "monotone": p.monotone,
            "source": p.citation,
        }
        for p in all_primitives()
    ]
    columns = ("name", ">arity", "searched by default", ">cost", "parity", "domain", "growth", "monotone", "source")
    table = new_table("", *columns)
    for row in rows:
        searched, monotone = ("yes" if row[key] else "" for key in ("searched", "monotone"))
        facts = (str(row[key]) for key in ("parity", "domain", "growth"))
        cost = number(row["cost"], 0)
        add_row(table, str(row["name"]), str(row["arity"]), searched, cost, *facts, monotone, str(row["source"]))
    emit(pd.DataFrame(rows), format_, table)


def config(
    defaults: Annotated[bool, typer.Option("--defaults", help="Every key with its default and a comment.")] = False,
    preset: Annotated[str | None, typer.Option(help="The resolved configuration of a preset.")] = None,
) -> None:
    """Print a configuration file to start from."""
    from primitives.errors import ActsearchError
    from search.config import defaults_toml, from_dict, load_preset, to_toml

    if defaults == (preset is not None):
        raise ActsearchError("say which: 'actsearch config --defaults' or 'actsearch config --preset quick'")
    if preset is not None:
        print(to_toml(from_dict(load_preset(preset), f"preset {preset}")), end="")
        return
    print(defaults_toml(), end="")
