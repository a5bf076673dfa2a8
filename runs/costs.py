"""What finalists cost on the machine that measured them, as the run remembers it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from primitives import Expression
from primitives.errors import ActsearchError
from runs.readable import Readable

if TYPE_CHECKING:
    from evaluators.instruments.timing import Spread, Timing

_KEY = "costs"
_MODES = ("compiled", "eager")
_NUMBERS = (
    *("microseconds", "to_relu", "to_relu_low", "to_relu_high", "to_gelu", "to_gelu_low", "to_gelu_high"),
    *("saved_bytes", "peak_bytes"),
)
COLUMNS = [f"{mode}_{name}" for mode in _MODES for name in (*_NUMBERS, "reason")]
"""For each mode the microseconds of forward and backward of a million elements, the time as a multiple of ReLU's and
GELU's with quartiles, bytes an element kept for backward and at the peak, and why there are no numbers."""


def as_meta(ids: Sequence[int], rows: Sequence[Mapping[Any, Any]], where: str) -> dict[str, str]:
    """Return measured costs as a value of the run's own dictionary.

    Args:
        ids: of candidates.
        rows: of each, with :data:`COLUMNS`; what is missing is ``None`` or nan.
        where: what measured it.
    """
    plain = [{"id": i, **{name: _plain(row.get(name)) for name in COLUMNS}} for i, row in zip(ids, rows, strict=True)]
    return {_KEY: json.dumps({"where": where, "rows": plain}, allow_nan=False)} if plain else {}


def _plain(value: Any) -> float | str | None:
    return value if isinstance(value, str) or (value is not None and math.isfinite(value)) else None


def costs_of(store: Readable) -> tuple[pd.DataFrame, str]:
    """Return measured costs, a row a candidate: ``id`` and :data:`COLUMNS`, none where none were kept; and where.

    Raises:
        ActsearchError: what stands there is not ours.
    """
    text = store.meta(_KEY)
    try:
        found: dict[str, Any] = json.loads(text) if text else {"where": "", "rows": []}
        where, rows = found["where"], [_row(row) for row in found["rows"]]
        if not isinstance(where, str):
            raise ValueError("a place that is none")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ActsearchError(f"'{store.path}' holds costs that are not ours ({error}); was it edited?") from error
    return pd.DataFrame(rows, columns=["id", *COLUMNS]), where


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    if type(row["id"]) is not int:
        raise ValueError("an id that is none")
    for name, value in ((name, row[name]) for name in COLUMNS):
        if name.endswith("_reason"):
            sound = value is None or isinstance(value, str)
        else:
            sound = value is None or (isinstance(value, (int, float)) and 0 <= value < math.inf)
        if not sound:
            raise ValueError(f"a {name} that is none")
    return {name: row[name] for name in ("id", *COLUMNS)}


def measured_costs(expressions: Sequence[Expression]) -> pd.DataFrame:
    """Measure activation layers on the machine at hand, compiled and eager, beside ReLU and GELU.

    Args:
        expressions: such as a campaign's finalists.

    Returns:
        One row an expression: for each mode the microseconds of forward and backward of a million
        elements, the time as a multiple of ReLU's and GELU's with quartiles, bytes kept for backward
        and (on a GPU) at the peak an element, and the reason where there are no numbers.
    """
    from evaluators.instruments.timing import measure_cost
    from evaluators.training.pieces import pick_device

    timings = measure_cost(expressions, pick_device())
    rows: list[dict[str, float | str | None]] = [{"expression": str(expression)} for expression in expressions]
    for at, timing in enumerate(timings):
        rows[at % len(rows)] |= _fields(timing)
    return pd.DataFrame(rows)


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
