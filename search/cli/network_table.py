"""What one gradient of a task's network at initialisation says of activations, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search.cli.output import number
from search.cli.tables import add_row, new_table

if TYPE_CHECKING:
    import torch
    from rich.table import Table

    from evaluators import Task
    from primitives import Expression


def network_facts(expression: Expression, task: Task, seed: int, device: torch.device) -> dict[str, float]:
    """Return every feature of a task's fresh network with an activation by name.

    Args:
        expression: the activation; finite under a standard normal.
        task: gives network and data.
        seed: of weights and batch.
        device: where.
    """
    from evaluators.instruments.network_features import Start, described
    from evaluators.theory.quadrature import NORMAL, finite_sample, gain
    from primitives import compile_expression

    factor = gain(finite_sample(expression, NORMAL))
    return described(Start(task, compile_expression(expression).module, factor, [seed], device=device))


def network_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the table of expressions whose rows hold :func:`network_facts`, one row each."""
    from evaluators.instruments.network_features import FISHER, NETWORK_FEATURES

    spectrum = [feature.name for feature in FISHER]
    others = [name for name in NETWORK_FEATURES if name not in spectrum]
    heads = (*others, *(name.removeprefix("fisher_") + "%" for name in spectrum))
    title = "The network at initialisation; in percent: quantiles of the log10 of the Fisher information's eigenvalues"
    table = new_table(title, "expression", *(f">{head}" for head in heads))
    for row in {row["expression"]: row for row in rows}.values():
        facts = ((name, NETWORK_FEATURES[name].digits) for name in (*others, *spectrum))
        add_row(table, row["expression"], *(number(row[name], digits) for name, digits in facts))
    return table
