"""``tasks``, ``library``, ``primitives`` and ``config``: the commands that say what there is."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import FormatOption


def tasks(format_: FormatOption = "table") -> None:
    """List the tasks that candidates can be trained on."""
    import pandas as pd

    from evaluators import TASKS
    from search.output import emit
    from search.tables import add_row, new_table

    rows = []
    for name, task in TASKS.items():
        recipe = task.recipe
        about = " ".join((task.__doc__ or "").split())
        rows.append({"task": name, "steps": recipe.steps, "batch_size": recipe.batch_size, "about": about})
    table = new_table("", "task", ">steps", ">batch", "about")
    for row in rows:
        add_row(table, str(row["task"]), str(row["steps"]), str(row["batch_size"]), str(row["about"]))
    emit(pd.DataFrame(rows), format_, table)


def library(format_: FormatOption = "table") -> None:
    """List the known activations: baselines first, then names that 'score' and 'export' understand."""
    import pandas as pd

    from primitives import BASELINES
    from primitives import library as known
    from search.output import emit
    from search.tables import add_row, new_table

    rows = [
        {"name": r.name, "baseline": r.name in BASELINES, "expression": str(r.expression), "source": r.citation}
        for r in known().values()
    ]
    table = new_table("", "name", "baseline", "expression", "source")
    for row in rows:
        mark = "yes" if row["baseline"] else ""
        add_row(table, str(row["name"]), mark, str(row["expression"]), str(row["source"]))
    emit(pd.DataFrame(rows), format_, table)


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
            "bounded": p.bounded,
            "monotone": p.monotone,
            "source": p.citation,
        }
        for p in all_primitives()
    ]
    table = new_table("", "name", ">arity", "searched by default", ">cost", "parity", "bounded", "monotone", "source")
    for row in rows:
        flags = ["yes" if row[key] else "" for key in ("searched", "bounded", "monotone")]
        cost, parity = number(row["cost"], 0), str(row["parity"])
        add_row(table, str(row["name"]), str(row["arity"]), flags[0], cost, parity, *flags[1:], str(row["source"]))
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
