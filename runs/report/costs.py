"""What finalists cost: as the search reckons, and as measured at the end of the campaign."""

from __future__ import annotations

from typing import Any

from runs.costs import costs_of
from runs.report.markup import Cell, Section, code, count, figure, fixed, paragraph, table
from runs.report.material import Material


def section(material: Material) -> Section:
    """Return a row a finalist that was measured."""
    title = "Measured cost"
    frame, where = costs_of(material.run)
    known = frame[frame["id"].isin([*material.candidates])]
    if known.empty:
        words = "This run keeps no measured cost; 'actsearch score \"FORMULA\" --time' measures one."
        return Section("costs", title, (paragraph(words),))
    heads = [">id", "activation", ">cost by the model", *(f">{m}, {n}" for m in ("compiled", "eager") for n in _NAMES)]
    rows = [_row(material, row) for row in known.to_dict("records")]
    caption = (
        f"Forward and backward of a million float32 elements, measured on {where}, the median of 25 rounds, and as a "
        "multiple of torch's ReLU and GELU in the same rounds, ± half the distance of the quartiles; bytes an element "
        "kept for backward. It decides nothing."
    )
    return Section("costs", title, (table(caption, [*heads, "not measured"], rows),))


_NAMES = ("µs", "of ReLU's", "of GELU's", "bytes kept")


def _row(material: Material, row: dict[Any, Any]) -> list[Cell]:
    candidate = material.candidates[row["id"]]
    cells = [count(candidate.id), code(candidate.expression), figure(candidate.facts.get("cost"), 0)]
    for mode in ("compiled", "eager"):
        cells += [
            figure(row[f"{mode}_microseconds"], 0),
            _ratio(row, f"{mode}_to_relu"),
            _ratio(row, f"{mode}_to_gelu"),
            figure(row[f"{mode}_saved_bytes"], 1),
        ]
    reasons = [f"{mode}: {row[f'{mode}_reason']}" for mode in ("compiled", "eager") if row[f"{mode}_reason"]]
    return [*cells, Cell("; ".join(reasons))]


def _ratio(row: dict[Any, Any], name: str) -> Cell:
    shown = fixed(row[name], 2)
    ends = [row[f"{name}_low"], row[f"{name}_high"]]
    spread = "" if not all(fixed(end) for end in ends) else f" ±{fixed((ends[1] - ends[0]) / 2, 2)}"
    return Cell(shown + spread, row[name]) if shown else Cell("")
