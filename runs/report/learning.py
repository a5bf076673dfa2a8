"""Learning curves: of the confirmation, step by step, and of the search, rung by rung."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from evaluators import Evaluation
from evaluators.judging.objectives import spoken
from evaluators.training.cohort.halving import measured
from runs.report.markup import Section, heading, paragraph, spans
from runs.report.material import Material, Trained
from runs.report.plot import (
    BASELINE,
    DASHES,
    FOUND,
    OTHER,
    Trace,
    axis,
    layout,
    logarithmic,
    numbers,
    plot,
    said,
    short,
    thinned,
)

_MOST_OTHERS = 150


def section(material: Material) -> Section:
    """Return a picture a confirmed task, and one of the search's rungs."""
    keys = sorted({(e.task, e.steps) for found in material.confirmations.values() for e in found})
    keys.sort(key=lambda key: key[0] != material.task)
    parts = [_confirmed(material, *key, number) for number, key in enumerate(keys)]
    if not parts:
        parts = [paragraph("Nobody has been confirmed yet, so there are no curves of confirmation.")]
    if material.trained:
        parts += [heading("In the search"), _rungs(material)]
    return Section("learning", "Learning curves", tuple(parts))


def _confirmed(material: Material, task: str, steps: int, number: int) -> Markup:
    """Return training loss and, where the run has it, validation loss on the way, means over seeds."""
    known = [*material.finalists, *(candidate.id for candidate in material.baselines)]
    traces: list[Trace] = []
    seeds: set[int] = set()
    for identifier in known:
        own = [
            e for e in material.confirmations.get(identifier, ()) if (e.task, e.steps, e.status) == (task, steps, "ok")
        ]
        if own:
            seeds |= {e.seed for e in own}
            traces += _curves(material, identifier, own)
    validated = any(trace.get("yaxis") == "y2" for trace in traces)
    where = " above, and validation loss below" if validated else "; the run keeps no validation loss on the way"
    title = (
        f"{task}, {steps:,} steps: training loss{where}; means over seeds {spans(seeds)}. "
        "A click in the legend shows or hides a curve."
    )
    shape = layout(
        xaxis=axis("optimiser steps", anchor="y2" if validated else "y"),
        yaxis=axis("training loss", domain=[0.52, 1.0] if validated else [0.0, 1.0], **_loss_scale(traces)),
    )
    if validated:
        shape["yaxis2"] = axis("validation loss", domain=[0.0, 0.45])
    return plot(f"plot-learning-{number}", title, traces, shape, 560 if validated else 400)


def _loss_scale(traces: Sequence[Trace]) -> dict[str, Any]:
    values = [v for t in traces if t.get("yaxis", "y") == "y" for v in t["y"] if v is not None]
    return logarithmic(values)


def _curves(material: Material, identifier: int, own: Sequence[Evaluation]) -> list[Trace]:
    name, look = short(material.label(identifier), 24), _look(material, identifier)
    found: list[Trace] = []
    curves = [e.curve for e in own if e.curve]
    if curves and len({len(curve) for curve in curves}) == 1:
        length, steps = len(curves[0]), own[0].steps
        x = [(place + 0.5) * steps / length for place in range(length)]
        found.append({**_line(name, x, np.mean(curves, axis=0), "training loss"), **look})
    on_the_way: dict[int, list[float]] = defaultdict(list)
    for evaluation in own:
        for step, loss in evaluation.validation_curve:
            on_the_way[step].append(loss)
    if on_the_way:
        steps_ = sorted(on_the_way)
        means = [float(np.mean(on_the_way[step])) for step in steps_]
        found.append({**_line(name, steps_, means, "validation loss"), **look, "yaxis": "y2", "showlegend": False})
    return found


def _line(name: str, x: Iterable[float | None], y: Iterable[float | None], what: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "legendgroup": name,
        "x": numbers(x),
        "y": numbers(y),
        "hovertemplate": f"{name}: {what} %{{y:.4g}} at step %{{x:.0f}}<extra></extra>",
    }


def _look(material: Material, identifier: int) -> Trace:
    """Return colour and dash; baselines that are not ReLU, GELU or SiLU are shown on a click."""
    candidate = material.candidates[identifier]
    if candidate.name is None:
        place = material.finalists.index(identifier)
        return {"line": {"color": FOUND[place % len(FOUND)], "width": 2.2}}
    if candidate.name in DASHES:
        return {"line": {"color": BASELINE, "width": 1.5, "dash": DASHES[candidate.name]}}
    return {"line": {"color": OTHER, "width": 1.2}, "visible": "legendonly"}


def _rungs(material: Material) -> Markup:
    """Return the score of the first task at the rungs and at the end."""
    known = {t.candidate.id: t for t in material.trained}
    marked = [i for i in [*material.finalists, *(c.id for c in material.baselines)] if i in known]
    others = [t for t in material.trained if t.candidate.id not in set(marked)]
    score = material.score(material.task)
    traces = [_others(thinned(others, _MOST_OTHERS), score)]
    for identifier in marked:
        x, y = _path(known[identifier], score)
        line = _line(short(material.label(identifier), 24), x, y, spoken(score))
        traces.append({**line, **_look(material, identifier), "mode": "lines+markers"})
    shown = min(len(others), _MOST_OTHERS)
    title = (
        f"{material.task}: validation {spoken(score)} at the rungs, where losers stop, and at the end; means over "
        f"seeds {spans(material.search_seeds)}. Grey: {shown:,} of {len(others):,} other candidates, evenly."
    )
    values = [v for trace in traces for v in trace["y"] if v is not None]
    low, high = (float(q) for q in np.quantile(values, (0.0, 0.97))) if values else (0.0, 1.0)
    room = 0.06 * max(high - low, 1e-6)
    shape = layout(
        xaxis=axis("optimiser steps"),
        yaxis=axis(f"validation {spoken(score)}", range=[low - room, high + room]),
    )
    return plot("plot-rungs", title, traces, shape)


def _path(trained: Trained, score: str) -> tuple[list[int], list[float | None]]:
    steps = sorted({evaluation.steps for evaluation in trained.first})
    return steps, numbers(measured(trained.at(step)).get(score) for step in steps)


def _others(shown: Sequence[Trained], score: str) -> Trace:
    """Return all the others as one trace with gaps, which costs little."""
    x: list[float | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    for trained in shown:
        steps, values = _path(trained, score)
        x += [*steps, None]
        y += [*values, None]
        texts += [f"<b>#{trained.candidate.id}</b><br>{said(trained.candidate.expression)}"] * (len(steps) + 1)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "others",
        "x": x,
        "y": y,
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<br>%{y:.4g} at step %{x}<extra></extra>",
        "line": {"color": OTHER, "width": 0.7},
        "marker": {"size": 3},
        "opacity": 0.6,
    }
