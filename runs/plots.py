"""Pictures: a run's front with its formulas and curves, and panels of activations."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from primitives import ActsearchError, Expression, compile_expression, parse
from primitives.drawing import sampled
from runs.axes import DEFAULT_AXES, Axis
from runs.candidate import readable
from runs.files import write_whole

_FOUND, _BASELINE, _OTHER = "#0b6e99", "#c2571a", "#b8bec4"
_LONGEST_LABEL = 34
_SIZE = Axis("complexity", "nodes", "complexity", 0)
_COST = Axis("cost", "", "cost of one element, forward + backward (multiplications)", 0)


def plot_front(
    everything: pd.DataFrame,
    path: Path,
    title: str,
    objectives: Sequence[Axis] = DEFAULT_AXES,
    constants: Mapping[int, Mapping[str, float]] = MappingProxyType({}),
) -> None:
    """Draw the first objective against the second with formulas on the front, and the curves of its best functions.

    Args:
        everything: the frame of :func:`runs.front.scored`.
        path: where to write; the suffix picks the format (png, svg, pdf).
        title: what to call the run.
        objectives: of the run, see :func:`runs.axes.axes`; the cost stands for a second where there is only one.
        constants: what learnable constants became in training, by candidate and name, see
            :func:`runs.trained.constants_of`; curves of others have the initial ones.

    Raises:
        ActsearchError: nothing was trained yet, or the file cannot be written.
    """
    if everything.empty:
        raise ActsearchError("there is nothing to plot: no candidate has been trained to the end yet")
    shape: dict[str, Any] = {"figsize": (13, 5.6), "width_ratios": [1.5, 1], "layout": "constrained"}
    with _picture(path, 1, 2, **shape) as (figure, (left, right)):
        vertical, *others = objectives
        across = others[0] if others else _SIZE if vertical.name == _COST.name else _COST
        _draw_front(left, everything, vertical, across)
        _draw_curves(right, everything, vertical, constants)
        figure.suptitle(title, fontsize=12)


def plot_activations(formulas: Mapping[str, str], path: Path, title: str) -> None:
    """Draw each activation with its derivative, one small panel each.

    Args:
        formulas: formula by name, drawn in that order at the initial parameter values.
        path: where to write; the suffix picks the format (png, svg, pdf).
        title: what to call the picture.

    Raises:
        ActsearchError: there is nothing to draw, or the file cannot be written.
    """
    if not formulas:
        raise ActsearchError("there is nothing to plot: name at least one activation")
    columns = min(len(formulas), 8 if len(formulas) > 8 else 4)
    rows = -(-len(formulas) // columns)
    size = (2.1 * columns if columns > 4 else 3.6 * columns, 1.75 * rows if columns > 4 else 3.0 * rows)
    with _picture(path, rows, columns, figsize=size, squeeze=False, sharex=True) as (figure, axes):
        figure.subplots_adjust(0.03, 0.35 / size[1], 0.99, 1 - 0.55 / size[1], wspace=0.2, hspace=0.3)
        for panel, (name, formula) in zip_longest(axes.flat, formulas.items(), fillvalue=("", "")):
            _draw_activation(panel, name, formula)
        figure.suptitle(f"{title}   (blue: function, orange: derivative)", fontsize=11, y=1 - 0.12 / size[1])


def plot_derivation(
    curves: Mapping[str, tuple[Any, Any]],
    correction: tuple[Any, Any, Any] | None,
    densities: Mapping[str, tuple[Any, Any]],
    path: Path,
    title: str,
) -> None:
    """Draw an activation before and after its correction, the correction, and the density of the output.

    Args:
        curves: x and f(x) by label, the uncorrected one first.
        correction: x, the correction and the density of the input there; ``None`` leaves its panel out.
        densities: output and its density by label, in the order of the curves.
        path: where to write; the suffix picks the format (png, svg, pdf).
        title: what to call the picture.

    Raises:
        ActsearchError: the file cannot be written.
    """
    colours = ("black", _FOUND, _BASELINE)
    count = 2 if correction is None else 3
    with _picture(path, 1, count, figsize=(14 * count / 3, 4.6), layout="constrained") as (figure, panels):
        labels = ("function", "density of the standardised output, smoothed")
        for axes, lines, label in zip((panels[0], panels[-1]), (curves, densities), labels, strict=True):
            for (name, (x, y)), colour in zip(lines.items(), colours, strict=False):
                axes.plot(x, y, color=colour, lw=1.5, label=name)
            axes.set_ylim(top=axes.get_ylim()[1] + 0.25 * np.ptp(axes.get_ylim()))  # room for the legend
            axes.legend(fontsize=8, frameon=False, loc="upper left")
            axes.set_title(label, fontsize=10)
        if correction is not None:
            _draw_correction(panels[1], *correction)
        for axes in panels:
            axes.set_xlabel("standardised output" if axes is panels[-1] else "x")
            axes.grid(alpha=0.2)
        figure.suptitle(title, fontsize=12)


def _draw_correction(axes: Any, x: Any, term: Any, density: Any) -> None:
    """Draw a correction, the density of its input behind it."""
    axes.plot(x, term, color=_FOUND, lw=1.6)
    axes.axhline(0, color=_OTHER, lw=0.5)
    behind = axes.twinx()
    behind.fill_between(x, density, color=_OTHER, alpha=0.35, lw=0)
    behind.set_ylim(bottom=0)
    behind.set_ylabel("density of the input (grey)")
    axes.set_title("the correction", fontsize=10)


def _draw_activation(axes: Any, name: str, formula: str) -> None:
    if not name:
        axes.set_axis_off()
        return
    x, y = curve(formula)
    axes.plot(x, y, color=_FOUND, lw=1.6)
    axes.plot(*curve(formula, slope=True), color=_BASELINE, lw=0.9)
    axes.axhline(0, color=_OTHER, lw=0.5, zorder=0)
    axes.axvline(0, color=_OTHER, lw=0.5, zorder=0)
    axes.set_ylim(-2.5, 4.0)
    axes.set_title(_short(name), fontsize=8, pad=2)
    axes.tick_params(labelsize=6)


@contextmanager
def _picture(path: Path, rows: int, columns: int, **layout: Any) -> Iterator[tuple[Any, Any]]:
    """Open a figure and save it; a file that cannot be written is said in one sentence."""
    if path.suffix.lower() not in (".png", ".svg", ".pdf") or path.is_dir():
        raise ActsearchError(f"cannot write the plot '{path}': name a file that ends in .png, .svg or .pdf")
    # No pyplot: a notebook's own figures stay as they are.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(**{key: layout.pop(key) for key in ("figsize", "layout") if key in layout})
    FigureCanvasAgg(figure)
    try:
        yield figure, figure.subplots(rows, columns, **layout)
        content = io.BytesIO()
        figure.savefig(content, format=path.suffix[1:].lower(), dpi=130)
        write_whole(path, content.getvalue())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ActsearchError(f"cannot write the plot '{path}': {reason}; choose a writable place with room") from error


def _draw_front(axes: Any, everything: pd.DataFrame, vertical: Axis, across: Axis) -> None:
    x, y = across.name, vertical.name
    baseline = everything["baseline"].astype(bool)
    found = everything[~baseline]
    front = everything[everything["on_front"]].sort_values(x)
    axes.scatter(found[x], found[y], s=18, c=_OTHER, label="trained candidates", zorder=1)
    axes.step(front[x], front[y].cummin(), where="post", color=_FOUND, lw=0.8, alpha=0.5, zorder=1)
    _bars(axes, everything[baseline], vertical, across, colour=_BASELINE, marker="s", label="baselines")
    rows = front[~front["baseline"].astype(bool)]
    _bars(axes, rows, vertical, across, colour=_FOUND, marker="o", label="front")
    if everything[x].min() > 0:
        _logarithmic(axes, everything[x])
    low, high = everything[y].quantile([0.0, 0.9])
    room = max(high - low, 1e-3)
    axes.set_ylim(low - 0.25 * room, high + 0.3 * room)
    axes.set_xlabel(_COST.label if across.name == _COST.name else f"{across.label} ({across.unit})")
    spread = " (mean ± standard error)" if f"{y}_se" in everything else ""
    axes.set_ylabel(f"{vertical.label} in the search{spread}")
    labelled = pd.concat([front, everything[baseline & ~everything["on_front"]]])
    labelled = labelled[labelled[y] <= high + 0.3 * room]
    _label(axes, labelled, x, y)
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    axes.grid(alpha=0.2)


def _logarithmic(axes: Any, values: pd.Series[float]) -> None:
    """Scale the horizontal axis by logarithms, with plain numbers as ticks, where there is room for two."""
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500) if t <= 2 * values.max()]
    if sum(values.min() <= tick <= values.max() for tick in ticks) < 2:
        return
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(0.8 * values.min(), 1.6 * values.max())


def _bars(axes: Any, rows: pd.DataFrame, vertical: Axis, across: Axis, **look: Any) -> None:
    """Draw points, with their standard errors where there are some."""
    column = f"{vertical.name}_se"
    spread = rows[column].fillna(0.0).astype(float) if column in rows else None
    shown = {"fmt": look["marker"], "ms": 6, "c": look["colour"], "lw": 1, "label": look["label"], "zorder": 3}
    axes.errorbar(rows[across.name], rows[vertical.name], yerr=spread, **shown)


def _label(axes: Any, rows: pd.DataFrame, x: str, y: str) -> None:
    """Write formulas beside their points, stepping down or up where two would overlap."""
    from matplotlib.text import Text

    axes.figure.canvas.draw()
    taken: list[Any] = []
    for row in rows.sort_values(y).to_dict("records"):
        text = row["name"] or _short(row["expression"].split(";")[0])
        colour = _BASELINE if row["baseline"] else _FOUND
        for shift in (0, -11, 11, -22, 22, -33, 33, -44, 44):
            note = axes.annotate(
                text,
                (row[x], row[y]),
                xytext=(7, shift),
                textcoords="offset points",
                fontsize=7.5,
                color=colour,
                va="center",
                arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.4} if shift else None,
            )
            note.update_positions(axes.figure.canvas.get_renderer())
            # The text alone: an annotation's own extent would include the arrow.
            box = Text.get_window_extent(note).expanded(1.0, 1.05)
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            note.remove()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"


def _draw_curves(
    axes: Any, everything: pd.DataFrame, vertical: Axis, constants: Mapping[int, Mapping[str, float]]
) -> None:
    found = everything[~everything["baseline"].astype(bool)]
    known = found.loc[[readable(formula) is not None for formula in found["expression"]]]
    best = known.sort_values(["on_front", vertical.name], ascending=[False, True]).head(4)
    references = everything[everything["name"].isin(["relu", "gelu"])]
    for row in references.to_dict("records"):
        axes.plot(*curve(row["expression"]), color=_BASELINE, lw=1, ls="--" if row["name"] == "gelu" else ":")
        axes.plot([], [], color=_BASELINE, lw=1, ls="--" if row["name"] == "gelu" else ":", label=row["name"])
    for row in best.to_dict("records"):
        became = constants.get(int(row["id"]), {})
        label = f"#{row['id']} {_short(row['expression'].split(';')[0])}" + (", as trained" if became else "")
        axes.plot(*curve(row["expression"], constants=became), lw=1.8, label=label)
    axes.set_ylim(-4, 4)
    axes.set_xlabel("x")
    axes.set_title(f"lowest {vertical.label} of the search, the front first, beside ReLU and GELU", fontsize=9)
    axes.legend(fontsize=7.5, loc="lower right")
    axes.grid(alpha=0.2)


def curve(
    expression: str,
    low: float = -4.0,
    high: float = 4.0,
    count: int = 401,
    slope: bool = False,
    constants: Mapping[str, float] = MappingProxyType({}),
) -> tuple[Any, Any]:
    """Return x and f(x), or f'(x), each of shape (count,).

    Args:
        expression: the formula.
        low: where x begins.
        high: where it ends.
        count: of points.
        slope: whether the slope is wanted.
        constants: values of learnable parameters by name; those that are not named have their initial values, and
            names that are none of the formula's are passed over.
    """
    formula, x = parse(expression), np.linspace(low, high, count)
    values = {name: float(constants.get(name, initial)) for name, initial in formula.initial}
    y = sampled(formula.by_x(int(slope)), x, values)
    return x, _by_torch(formula, x, values, slope) if y is None else y


def _by_torch(formula: Expression, x: NDArray[np.float64], values: Mapping[str, float], slope: bool) -> Any:
    """Return what a primitive without a numpy kernel gives."""
    import torch

    compiled, at = compile_expression(formula), torch.from_numpy(x)
    constants = [torch.tensor(value, dtype=at.dtype) for value in values.values()]
    y = compiled.slopes(at, *constants)[0] if slope else compiled.value(at, *constants)
    return y.expand_as(at).numpy()
