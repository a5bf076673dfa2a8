"""Measured time and memory of activations as a table; nothing selects by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search.cli.output import number
from search.cli.tables import add_row, new_table

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from evaluators.instruments.timing import Spread, Timing
    from primitives import Expression

_MODES = ("compiled", "eager")


def measured_costs(expressions: Sequence[Expression]) -> pd.DataFrame:
    """Measure activation layers on the machine at hand, compiled and eager, beside ReLU and GELU.

    Args:
        expressions: such as a campaign's finalists.

    Returns:
        One row an expression: for each mode the microseconds of forward and backward of a million
        elements, the time as a multiple of ReLU's and GELU's with quartiles, bytes kept for backward
        and (on a GPU) at the peak an element, and the reason where there are no numbers.
    """
    import pandas as pd

    from evaluators.instruments.timing import measure_cost
    from evaluators.training.pieces import pick_device

    timings = measure_cost(expressions, pick_device())
    rows: list[dict[str, float | str | None]] = [{"expression": str(expression)} for expression in expressions]
    for at, timing in enumerate(timings):
        rows[at % len(rows)] |= _fields(timing)
    return pd.DataFrame(rows)


def timing_table(frame: pd.DataFrame) -> Table:
    """Return :func:`measured_costs` for people: times with half the distance of the quartiles, compiled / eager."""
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


def _fields(timing: Timing) -> dict[str, float | str | None]:
    """Return the numbers of a timing by names that say the mode."""
    found: dict[str, float | str | None] = {
        "microseconds": None if timing.seconds is None else 1e6 * timing.seconds.median
    }
    for name, spread in (("to_relu", timing.relu), ("to_gelu", timing.gelu)):
        found |= _spread(name, spread)
    found |= {"saved_bytes": timing.saved, "peak_bytes": timing.peak, "reason": timing.reason}
    return {f"{timing.mode}_{name}": value for name, value in found.items()}


def _spread(name: str, spread: Spread | None) -> dict[str, float | str | None]:
    if spread is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: spread.median, f"{name}_low": spread.low, f"{name}_high": spread.high}
