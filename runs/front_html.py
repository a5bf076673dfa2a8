"""The front as a small table for a notebook: formulas, numbers and curves, everything escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from primitives.drawing import REACH, sampled, sparkline
from runs.axes import Axis
from runs.candidate import readable

_MOST = 30
_POINTS = 61
_NOTE = "Scores of the search, the best of many, so no evidence: that is in <code>.comparisons</code>."


def front_html(frame: pd.DataFrame, objectives: Sequence[Axis]) -> str:
    """Return a table of a front and its baselines, the first 30 rows.

    Args:
        frame: of :func:`runs.front.pareto`.
        objectives: of the run.
    """
    heads = ["id", "front", "activation", "", *(axis.label for axis in objectives)]
    rows = "".join(_row(row, objectives) for row in frame.head(_MOST).to_dict("records"))
    left = len(frame) - _MOST
    more = f"<p>and {left} more</p>" if left > 0 else ""
    titles = "".join(f"<th>{html.escape(head)}</th>" for head in heads)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>{more}<p>{_NOTE}</p>"


def _row(row: dict[Any, Any], objectives: Sequence[Axis]) -> str:
    name = f"{html.escape(row['name'])} " if row["name"] else ""
    formula = f'{name}<code style="white-space: normal">{html.escape(row["expression"])}</code>'
    numbers = [_number(row[axis.name], row.get(f"{axis.name}_se"), axis.digits) for axis in objectives]
    cells = [str(row["id"]), "*" if row["on_front"] else "", _left(formula), _curve(row["expression"]), *numbers]
    return "<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _left(text: str) -> str:
    return f'<td style="text-align: left">{text}</td>'


def _number(value: Any, spread: Any, digits: int) -> str:
    tail = f" ±{spread:.{digits}f}" if spread is not None and not pd.isna(spread) else ""
    return f"{value:.{digits}f}{tail}"


def _curve(formula: str) -> str:
    expression = readable(formula)
    x = np.linspace(-REACH, REACH, _POINTS)
    y = None if expression is None else sampled(expression.body, x, expression.parameters)
    return "" if y is None else sparkline(y)
