"""``primitives``: what expressions are built from."""

from __future__ import annotations

import pandas as pd

from primitives import all_primitives
from search.cli.commands.options import FormatOption
from search.cli.output import emit, number
from search.cli.tables import add_row, new_table
from search.space.options import DEFAULT_PRIMITIVES


def primitives(format_: FormatOption = "table") -> None:
    """List the primitives that expressions are built from."""
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
