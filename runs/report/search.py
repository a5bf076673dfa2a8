"""How the search went: the error over its trainings, and the volume that the front dominates."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from markupsafe import Markup

from primitives.numeric import Array
from runs.hypervolume import hypervolume, reference_of
from runs.report.markup import Section, fixed, paragraph
from runs.report.material import Material
from runs.report.plot import BASELINE, DASHES, FOUND, OTHER, Trace, axis, layout, numbers, plot, said, thinned

MOST = 1500
"""Points that are drawn at most beside those that were the best so far."""


def section(material: Material) -> Section:
    """Return two pictures."""
    title = "How the search went"
    if material.frame.empty:
        return Section("search", title, (paragraph("Nothing has been trained to the end yet."),))
    return Section("search", title, (_over_trainings(material), _volume(material)))


def ended(material: Material) -> tuple[list[int], list[int]]:
    """Return ids of who was trained to the end, in that order without baselines; and after how many trainings each."""
    order = [t.candidate for t in material.trained if t.candidate.name is None]
    places = [number for number, candidate in enumerate(order, start=1) if candidate.id in material.first]
    return [order[number - 1].id for number in places], places


def _over_trainings(material: Material) -> Markup:
    ids, places = ended(material)
    vertical = material.axes[0]
    values = [material.first[i] for i in ids]
    lowest = [*accumulate(values, min)]
    better = [at for at in range(len(ids)) if at == 0 or lowest[at] < lowest[at - 1]]
    drawn = sorted({*better, *thinned(range(len(ids)), MOST)})
    points: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "trained to the end",
        "x": [places[at] for at in drawn],
        "y": numbers(values[at] for at in drawn),
        "marker": {"color": OTHER, "size": 6},
        "hovertext": [_hover(material, ids[at]) for at in drawn],
        "hovertemplate": "%{hovertext}<extra>training %{x}</extra>",
    }
    last = sum(trained.candidate.name is None for trained in material.trained)
    line: Trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": [places[at] for at in better] + [last] * bool(better),
        "y": numbers([lowest[at] for at in better] + lowest[-1:]),
        "line": {"shape": "hv", "color": FOUND[0], "width": 2.4},
        "hoverinfo": "skip",
    }
    left = f" Of {len(ids):,} points {len(drawn):,} are drawn, evenly." if len(drawn) < len(ids) else ""
    title = (
        f"The {vertical.label} of who was trained to the end, in the order of finishing, the best so far, and the "
        f"baselines as lines. Who was stopped early has no point: {last - len(ids):,}.{left}"
    )
    everything = [*values, *(material.first[c.id] for c in material.baselines if c.id in material.first)]
    theirs = [material.first[c.id] for c in material.baselines if c.id in material.first]
    high = max([float(np.quantile(everything, 0.95)), *theirs]) if everything else 1.0
    low = min(everything, default=0.0)
    room = 0.08 * max(high - low, 1e-6)
    shape = layout(
        xaxis=axis("trainings that are over, baselines not counted"),
        yaxis=axis(vertical.label, range=[low - room, high + room]),
    )
    return plot("plot-search", title, [points, line, *_baselines(material, max(last, 1))], shape)


def _hover(material: Material, identifier: int) -> str:
    candidate, vertical = material.candidates[identifier], material.axes[0]
    value = fixed(material.first[identifier], vertical.digits)
    return f"<b>#{identifier}</b><br>{said(candidate.expression)}<br>{said(f'{vertical.label} {value}')}"


def _baselines(material: Material, last: int) -> list[Trace]:
    """Return a line a baseline, which a pointer names; all are shown and hidden together."""
    known = [c for c in material.baselines if c.id in material.first]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "baselines",
            "legendgroup": "baselines",
            "showlegend": number == 0,
            "x": numbers(np.linspace(0, last, 25)),
            "y": numbers([material.first[candidate.id]] * 25),
            "line": {"color": BASELINE, "width": 1.2, "dash": DASHES.get(candidate.name or "", "solid")},
            "hovertemplate": f"{said(candidate.name or '')} %{{y:.4g}}<extra></extra>",
        }
        for number, candidate in enumerate(known)
    ]


def _volume(material: Material) -> Markup:
    ids, places = ended(material)
    names = [each.name for each in material.axes]
    points = material.frame.set_index("id")[names]
    baselines = points.loc[[c.id for c in material.baselines if c.id in points.index]].to_numpy(dtype=float)
    reference = reference_of([material.frame], material.axes)
    found = volumes(points.loc[ids].to_numpy(dtype=float), baselines, reference)
    start = found[0]
    shown, unit = ([v / start for v in found], "times the baselines'") if start > 0 else (found, "share of the box")
    grown = [at for at in range(len(shown)) if at == 0 or shown[at] > shown[at - 1]]
    last = sum(trained.candidate.name is None for trained in material.trained)
    steps = [0, *places]
    trace: Trace = {
        "type": "scatter",
        "mode": "lines",
        "x": [*(steps[at] for at in grown), last],
        "y": numbers([*(shown[at] for at in grown), shown[-1]]),
        "line": {"shape": "hv", "color": FOUND[0], "width": 2.4},
        "hovertemplate": "%{y:.4g} after %{x} trainings<extra></extra>",
    }
    limits = ", ".join(f"{a.label} {fixed(r, a.digits)}" for a, r in zip(material.axes, reference, strict=True))
    title = (
        f"Hypervolume: how much of {' by '.join(a.label for a in material.axes)} the front dominates, baselines "
        f"included. What counts lies below {limits}: the worst baseline of what trainings measure, and just beyond the "
        "largest of the rest, as the search itself reckons."
    )
    shape = layout(
        xaxis=axis("trainings that are over, baselines not counted"),
        yaxis=axis(unit),
        showlegend=False,
    )
    return plot("plot-volume", title, [trace], shape, 300)


def volumes(points: Array, there: Array, reference: Array) -> list[float]:
    """Return the volume that a front dominates before and after each of some points come in turn.

    Args:
        points: shape (n, objectives), all minimised.
        there: points that are there from the start, shape (m, objectives).
        reference: shape (objectives,).

    Returns:
        n + 1 volumes that never fall, see :func:`runs.hypervolume.hypervolume`.
    """
    front = there[(there < reference).all(axis=1)]
    found = [hypervolume(front, reference)]
    for point in points:
        worth = bool((point < reference).all()) and not bool((front <= point).all(axis=1).any())
        if worth:
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            found.append(max(found[-1], hypervolume(front, reference)))
        else:
            found.append(found[-1])
    return found
