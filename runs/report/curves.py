"""Finalists as functions, beside ReLU, GELU and SiLU, with what the layers of the trained networks really saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from evaluators import Evaluation
from evaluators.training.places import Place
from runs.candidate import Candidate, readable
from runs.plots import curve
from runs.report.markup import Cell, Section, code, count, figure, fixed, paragraph, seeds_cell, spans, table
from runs.report.material import Material
from runs.report.plot import BASELINE, DASHES, FOUND, Trace, axis, layout, numbers, plot, said, short, thinned

_MOST_FINALISTS, _MOST_PLACES = 8, 4
_LEAST_REACH, _MOST_REACH = 4.0, 20.0
_POINTS = 161
_INITIAL = "initial constants"


@dataclass(frozen=True)
class Seen:
    """An activation of a trained network: what it became, and what it saw.

    Attributes:
        name: its place in the network.
        constants: learnable constants after training, the mean over seeds.
        quantiles: of its inputs at equal steps of probability, the mean over seeds; empty where unknown.
        seeds: of those trainings.
    """

    name: str
    constants: Mapping[str, float]
    spread: Mapping[str, float]
    quantiles: tuple[float, ...]
    seeds: tuple[int, ...]


def seen_by(evaluations: Sequence[Evaluation], task: str) -> list[Seen]:
    """Return what the trainings of one candidate say of each place of a task's network, the longest trainings."""
    own = [e for e in evaluations if e.task == task and e.places]
    longest = [e for e in own if e.steps == max(other.steps for other in own)]
    found: dict[str, list[tuple[int, Place]]] = defaultdict(list)
    for evaluation in longest:
        for place in evaluation.places:
            found[place.name].append((evaluation.seed, place))
    return [_averaged(name, there) for name, there in found.items()]


def _averaged(name: str, there: Sequence[tuple[int, Place]]) -> Seen:
    values: dict[str, list[float]] = defaultdict(list)
    for _, place in there:
        for constant, value in place.constants.items():
            values[constant].append(float(value))
    lengths = {len(place.inputs) for _, place in there}
    rows = [place.inputs for _, place in there] if len(lengths) == 1 and min(lengths) > 2 else []
    quantiles = tuple(float(v) for v in np.mean(rows, axis=0)) if rows else ()
    return Seen(
        name,
        {constant: float(np.mean(found)) for constant, found in values.items()},
        {constant: float(np.std(found)) for constant, found in values.items()},
        quantiles,
        tuple(seed for seed, _ in there),
    )


def density(quantiles: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the edges of the intervals between quantiles, and the density in each, with a last 0 beside the last edge.

    Args:
        quantiles: at equal steps of probability; equal ones, as of inputs that are often 0, count as a narrow interval.
    """
    ordered = np.maximum.accumulate(np.asarray(quantiles, dtype=float))
    least = max(1e-3 * float(ordered[-1] - ordered[0]), 1e-9)
    step = 1.0 / (len(ordered) - 1)
    edges = [float(ordered[0])]
    heights = []
    for high in ordered[1:]:
        edges.append(max(float(high), edges[-1] + least))
        heights.append(step / (edges[-1] - edges[-2]))
    return edges, [*heights, 0.0]


def section(material: Material) -> Section:
    """Return a picture a finalist, and what its constants became."""
    parts: list[Markup] = []
    tables: list[list[Cell]] = []
    without: list[str] = []
    known = [material.candidates[i] for i in material.finalists[:_MOST_FINALISTS]]
    for number, candidate in enumerate(known):
        if readable(candidate.expression) is None:
            parts.append(paragraph(f"#{candidate.id} {candidate.expression}: its primitives are not known here."))
            continue
        places = seen_by(material.confirmations.get(candidate.id, ()), _task(material, candidate))
        parts.append(_picture(material, candidate, places, FOUND[number % len(FOUND)]))
        tables += _constants(candidate, places)
        without += [] if places else [material.label(candidate.id)]
    notes = _notes(material, without)
    grid = Markup('<div class="grid">{}</div>').format(Markup("").join(parts)) if parts else Markup("")
    became = table(
        "What the learnable constants became: means over channels and seeds, ± their standard deviation over the seeds",
        [">id", "activation", "place in the network", "constant", ">initial", ">after training", "seeds"],
        tables,
    )
    return Section("curves", "Curves and slopes of the finalists", (notes, grid, *([became] if tables else [])))


def _task(material: Material, candidate: Candidate) -> str:
    """Return the task whose trainings show what a candidate's layers saw: the first of the search where it has some."""
    tasks = [e.task for e in material.confirmations.get(candidate.id, ()) if e.places]
    return material.task if material.task in tasks else next(iter(tasks), material.task)


def _notes(material: Material, without: Sequence[str]) -> Markup:
    if not material.finalists:
        return paragraph("There are no finalists yet.")
    words = "Above the function, then its slope, each beside ReLU, GELU and SiLU; "
    words += "below them the density of what the layers of the trained networks saw on validation examples. "
    if without:
        words += f"The run file keeps neither inputs nor trained constants for {', '.join(without)}: "
        words += "drawn with initial constants and without density."
    return paragraph(words)


def _picture(material: Material, candidate: Candidate, places: Sequence[Seen], colour: str) -> Markup:
    shown = thinned(places, _MOST_PLACES)
    reach = _reach(places)
    traces = [trace for each in _references(material, reach) for trace in each]
    learnable = any(place.constants for place in places)
    if learnable:
        traces += _pair(
            candidate.expression, {}, reach, said(_INITIAL), {"color": "#5a636b", "width": 1.2, "dash": "dot"}
        )
        for place, hue in zip(shown, FOUND, strict=False):
            line = {"color": hue, "width": 2.2}
            traces += _pair(candidate.expression, place.constants, reach, short(f"trained, {place.name}"), line)
    else:
        line = {"color": colour, "width": 2.4}
        traces += _pair(candidate.expression, {}, reach, short(material.label(candidate.id)), line)
    traces += [_density(place, hue) for place, hue in zip(shown, FOUND, strict=False) if place.quantiles]
    heights = [0.0, 0.2, 0.27, 0.57, 0.62, 1.0] if any(p.quantiles for p in shown) else [0.0, 0.0, 0.0, 0.38, 0.46, 1.0]
    shape = layout(
        xaxis=axis("input of the activation", range=[-reach, reach], anchor="free", position=0.0),
        yaxis=axis("value", domain=heights[4:6], range=_limits(traces, "y", reach)),
        yaxis2=axis("slope", domain=heights[2:4], range=_limits(traces, "y2", 2.0), anchor="x"),
    )
    if any(place.quantiles for place in shown):
        shape["yaxis3"] = axis("density", domain=heights[0:2], rangemode="tozero", anchor="x", showticklabels=False)
    return plot(f"plot-curve-{candidate.id}", _caption(material, candidate, places, shown), traces, shape, 520)


def _caption(material: Material, candidate: Candidate, places: Sequence[Seen], shown: Sequence[Seen]) -> str:
    words = f"{material.label(candidate.id)}  {candidate.expression}"
    if places:
        some = f", {len(shown)} of {len(places)} places" if len(shown) < len(places) else ""
        words += f" · as trained on {_task(material, candidate)}{some}, seeds {spans(places[0].seeds)}"
    elif readable(candidate.expression).parameters:  # type: ignore[union-attr]
        words += " · with initial constants"
    return words


def _reach(places: Sequence[Seen]) -> float:
    """Return how far from 0 a picture goes: over what most inputs were."""
    ends = [abs(place.quantiles[at]) for place in places if place.quantiles for at in (1, -2)]
    return min(_MOST_REACH, max([_LEAST_REACH, *(1.1 * end for end in ends)]))


def _references(material: Material, reach: float) -> list[list[Trace]]:
    return [
        _pair(c.expression, {}, reach, short(material.label(c.id)), _dashed(c.name or ""))
        for c in material.references
        if readable(c.expression) is not None
    ]


def _dashed(name: str) -> dict[str, Any]:
    return {"color": BASELINE, "width": 1.2, "dash": DASHES.get(name, "solid")}


def _pair(
    expression: str, constants: Mapping[str, float], reach: float, name: str, line: Mapping[str, Any]
) -> list[Trace]:
    """Return the curve and the slope of a function; where they are not finite there is a gap."""
    found = []
    for which, slope in (("y", False), ("y2", True)):
        with np.errstate(all="ignore"):
            x, y = curve(expression, -reach, reach, _POINTS, slope, constants)
        found.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "legendgroup": name,
                "showlegend": not slope,
                "x0": round(-reach, 4),
                "dx": round(float(x[1] - x[0]), 6),
                "y": numbers(y),
                "yaxis": which,
                "line": dict(line),
                "hovertemplate": f"{name}: %{{y:.4g}} at %{{x:.3g}}<extra></extra>",
            }
        )
    return found


def _limits(traces: Sequence[Trace], which: str, reach: float) -> list[float]:
    """Return a range that shows the middle of the curves whole, and most of what explodes at the edges."""
    curves = [trace["y"] for trace in traces if trace.get("yaxis") == which]
    values = [v for each in curves for v in each if v is not None] or [-1.0, 1.0]
    inner = [v for each in curves for v in each[_POINTS // 6 : -_POINTS // 6] if v is not None] or values
    low, high = np.quantile(values, (0.02, 0.98))
    low, high = max(min(float(low), *inner), -1.5 * reach), min(max(float(high), *inner), 2.0 * reach)
    room = 0.08 * max(high - low, 0.1)
    return [low - room, high + room]


def _density(place: Seen, colour: str) -> Trace:
    edges, heights = density(place.quantiles)
    name = short(place.name or "network")
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"inputs, {name}",
        "x": numbers(edges),
        "y": numbers(heights),
        "yaxis": "y3",
        "line": {"shape": "hv", "color": colour, "width": 0.8},
        "fill": "tozeroy",
        "fillcolor": _faint(colour),
        "hovertemplate": f"inputs of {name}: density %{{y:.3g}} at %{{x:.3g}}<extra></extra>",
    }


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def _constants(candidate: Candidate, places: Sequence[Seen]) -> list[list[Cell]]:
    expression = readable(candidate.expression)
    initial = expression.parameters if expression else {}
    return [
        [
            count(candidate.id),
            code(candidate.expression),
            Cell(place.name),
            Cell(name),
            figure(initial.get(name), 4),
            Cell(f"{fixed(value, 4)} ±{fixed(place.spread[name], 4)}", value),
            seeds_cell(place.seeds),
        ]
        for place in places
        for name, value in place.constants.items()
    ]
