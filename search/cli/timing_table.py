"""Measured time and memory of activations as a table; nothing selects by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.cli.output import number
from search.cli.tables import add_row, new_table

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_MODES = ("compiled", "eager")


def timing_table(frame: pd.DataFrame) -> Table:
    """Return measured costs for people: times with half the distance of the quartiles, compiled / eager."""
    columns = [f">{mode}/{name}" for mode in _MODES for name in ("ReLU", "GELU")]
    title = "Measured here, forward and backward: time in those of torch's ReLU and GELU, bytes an element kept between"
    peak = ">peak" if frame["eager_peak_bytes"].notna().any() else None
    missing = [mode for mode in _MODES if frame[f"{mode}_reason"].any()]
    reasons = [f"not {mode}" for mode in missing]
    table = new_table(title, "activation", *columns, ">kept", *filter(None, [peak]), *reasons)
    for row in frame.to_dict("records"):
        times = [_ratio(row, f"{mode}_to_{name}") for mode in _MODES for name in ("relu", "gelu")]
        bytes_ = [_both(row, f"{name}_bytes") for name in ("saved", "peak")[: 2 if peak else 1]]
        add_row(table, row["expression"], *times, *bytes_, *(row[f"{mode}_reason"] for mode in missing))
    return table


def _both(row: dict[Any, Any], name: str) -> str:
    return " / ".join(number(row[f"{mode}_{name}"], 1) or "-" for mode in _MODES)


def _ratio(row: dict[Any, Any], name: str) -> str:
    text = number(row[name], 2)
    return f"{text} ±{number((row[f'{name}_high'] - row[f'{name}_low']) / 2, 2)}" if text else ""
