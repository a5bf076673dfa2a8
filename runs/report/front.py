"""The front of the search, to point at and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from runs.axes import DEFAULT_AXES, Axis
from runs.front import members, nothing_yet
from runs.report.markup import Cell, Section, code, count, figure, fixed, paragraph, spans, table
from runs.report.material import Material
from runs.report.plot import (
    BASELINE,
    FOUND,
    FRONT,
    OTHER,
    Trace,
    axis,
    layout,
    logarithmic,
    numbers,
    plot,
    said,
    thinned,
)

MOST = 1500
"""Points of candidates that are neither on the front nor baselines nor finalists."""
_SHOWN = ("prior", "correction", "gain")
_COST = Axis("cost", "float32 multiplications", "cost", 0)


def section(material: Material) -> Section:
    """Return the front: a picture, and a table with the baselines."""
    title = "The front of the search"
    if material.frame.empty:
        return Section("front", title, (paragraph(f"There is no front: {nothing_yet(material.run)}."),))
    return Section("front", title, (_picture(material), _table(material)))


def _picture(material: Material) -> Markup:
    frame, vertical = material.frame, material.axes[0]
    across = [each for each in material.axes[1:] if each.name != vertical.name] or [_COST]
    across = [each for each in across if each.name in frame and frame[each.name].notna().all()]
    special = frame["on_front"] | frame["baseline"] | frame["id"].isin(material.finalists)
    others = frame[~special]
    drawn = others.iloc[[*thinned(range(len(others)), MOST)]]
    sideways = [[_points(material, drawn, each), *_marked(material, each)] for each in across]
    left_out = (
        f" Of {len(others):,} other candidates {len(drawn):,} are drawn, evenly." if len(drawn) < len(others) else ""
    )
    title = (
        f"Each point is a function trained to the end; lower and further left is better. Point at one for its formula."
        f"{left_out} What lies far above is beyond the picture's edge; a double click shows all."
    )
    shape = layout(
        xaxis=axis(_title(across[0]), **logarithmic(frame[across[0].name])),
        yaxis=axis(f"{vertical.label} in the search", range=_window(frame, vertical)),
        updatemenus=_menu(material, across, sideways),
    )
    return plot("plot-front", title, sideways[0], shape, 480)


def _title(axis_: Axis) -> str:
    return f"{axis_.label} ({axis_.unit})"


def _window(frame: pd.DataFrame, vertical: Axis) -> list[float]:
    """Return a range that shows the best nine tenths and every baseline and member of the front that is near."""
    values = frame[vertical.name]
    low, high = float(values.min()), float(values.quantile(0.9))
    high = max(high, float(frame.loc[frame["baseline"], vertical.name].max()) if frame["baseline"].any() else high)
    room = max(high - low, 1e-3)
    return [low - 0.08 * room, high + 0.08 * room]


def _marked(material: Material, across: Axis) -> list[Trace]:
    """Return the traces of what is told by name: the front's line and members, baselines, finalists."""
    frame, vertical = material.frame, material.axes[0]
    front = frame[frame["on_front"]].sort_values([across.name, vertical.name])
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": numbers(front[across.name]),
        "y": numbers(front[vertical.name].cummin()),
        "line": {"shape": "hv", "color": FRONT, "width": 1},
        "opacity": 0.5,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    found = frame[~frame["baseline"]]
    finalists = found[found["id"].isin(material.finalists)]
    member = {"color": FRONT, "size": 8}
    ring = {"color": "rgba(0,0,0,0)", "size": 15, "line": {"color": FOUND[3], "width": 2}}
    square = {"color": BASELINE, "size": 8, "symbol": "square"}
    return [
        line,
        {**_points(material, found[found["on_front"]], across), "name": "on the front", "marker": member},
        {**_points(material, frame[frame["baseline"]], across, named=True), "name": "baselines", "marker": square},
        {**_points(material, finalists, across, named=True), "name": "finalists", "marker": ring},
    ]


def _points(material: Material, rows: pd.DataFrame, across: Axis, named: bool = False) -> Trace:
    vertical = material.axes[0]
    trace: Trace = {
        "type": "scatter",
        "mode": "markers+text" if named else "markers",
        "name": "other candidates",
        "x": numbers(rows[across.name]),
        "y": numbers(rows[vertical.name]),
        "hovertext": [_hover(material, row) for row in rows.to_dict("records")],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": OTHER, "size": 6, "opacity": 0.8},
    }
    if named:
        trace |= {
            "text": [said(material.label(int(i)), 30) for i in rows["id"]],
            "textposition": "middle right",
            "textfont": {"size": 10, "color": BASELINE if bool(rows["baseline"].any()) else FOUND[3]},
        }
    if f"{vertical.name}_se" in rows and not rows.empty and (named or bool(rows["on_front"].any())):
        spread = numbers(rows[f"{vertical.name}_se"].fillna(0.0))
        trace["error_y"] = {"type": "data", "array": spread, "thickness": 1, "width": 0}
    return trace


def _hover(material: Material, row: Mapping[Any, Any]) -> str:
    head = f"#{row['id']} {row['name'] or ''}".strip()
    values = [
        f"{each.label} {fixed(row[each.name], each.digits)}"
        + (f" ±{tail}" if (tail := fixed(row.get(f"{each.name}_se"), each.digits)) else "")
        for each in material.axes
    ]
    return "<br>".join(
        [f"<b>{said(head)}</b>", said(row["expression"]), *map(said, values), said(f"by {row['origin']}")]
    )


def _menu(material: Material, across: list[Axis], sideways: list[list[Trace]]) -> list[dict[str, Any]]:
    """Return buttons that choose what the front is drawn against."""
    if len(across) < 2:
        return []
    buttons = [
        {
            "label": said(each.label, 24),
            "method": "update",
            "args": [
                {"x": [trace["x"] for trace in traces], "y": [trace["y"] for trace in traces]},
                {"xaxis": axis(_title(each), **logarithmic(material.frame[each.name]))},
            ],
        }
        for each, traces in zip(across, sideways, strict=True)
    ]
    look = {"type": "buttons", "direction": "right", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    return [{**look, "buttons": buttons, "showactive": True, "pad": {"t": 0, "b": 2}, "font": {"size": 11}}]


def _table(material: Material) -> Markup:
    frame, axes = members(material.frame, material.axes), material.axes
    names = [each.name for each in axes]
    shown = [*axes, *(each for each in DEFAULT_AXES[:1] if each.name not in names)]
    others = [name for name in _SHOWN if name in frame and name not in names and frame[name].notna().any()]
    seeds = spans(material.search_seeds)
    rows = [
        [
            count(row["id"]),
            Cell("front" if row["on_front"] else "baseline", strong=bool(row["on_front"])),
            code(f"{row['name']}: {row['expression']}" if row["name"] else row["expression"]),
            *(figure(row[each.name], each.digits, row.get(f"{each.name}_se")) for each in shown),
            *(figure(row[name], 3) for name in others),
            Cell(seeds, tight=True),
        ]
        for row in frame.to_dict("records")
    ]
    heads = [">id", "", "activation", *(f">{each.label}" for each in shown), *(f">{name}" for name in others), "seeds"]
    caption = (
        "Front and baselines. Scores of the search, mean ± standard error over its seeds: picked as the best of many, "
        "so they flatter; the confirmation below is the evidence."
    )
    return table(caption, heads, rows)
