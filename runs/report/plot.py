"""Interactive pictures: plotly's figures as plain JSON, small and safe.

Texts of a run go through :func:`said`: plotly reads a little HTML in names and hover texts.
"""

from __future__ import annotations

import html
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from markupsafe import Markup

from primitives.text import printable
from runs.report.markup import text

Trace = dict[str, Any]
FOUND = ("#0b6e99", "#7b3fa0", "#2a7f3f", "#b3261e", "#8a6d00", "#3f51b5", "#00796b", "#ad1457")
"""Colours of finalists, in their order."""
BASELINE, OTHER, FRONT = "#c2571a", "#aab2b9", "#0b6e99"
DASHES = {"relu": "dot", "gelu": "dash", "silu": "dashdot"}
_WIDTH = 44
_DIGITS = 5
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
Item = TypeVar("Item")


def said(words: str, width: int = _WIDTH) -> str:
    """Return text of a run as plotly shows it as it is, in lines that fit a small screen."""
    lines = textwrap.wrap(printable(words), width) or [""]
    return "<br>".join(html.escape(line) for line in lines)


def short(words: str, longest: int = 30) -> str:
    """Return the beginning of a text of a run, for a legend."""
    words = printable(words)
    return html.escape(words if len(words) <= longest else words[: longest - 1] + "…")


def numbers(values: Iterable[Any]) -> list[float | None]:
    """Return numbers with five digits, ``None`` where there is none."""
    return [None if v is None or not math.isfinite(v) else float(f"{v:.{_DIGITS}g}") for v in values]


def thinned(values: Sequence[Item], most: int) -> Sequence[Item]:
    """Return so many of the values at most, evenly."""
    step = len(values) / most
    return values if step <= 1 else [values[int(place * step)] for place in range(most)]


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis of a layout."""
    look = {"gridcolor": "#e8eaec", "zerolinecolor": "#b9bec3", "linecolor": "#8a9096", "automargin": True}
    return {**look, "title": {"text": said(title, 60), "standoff": 8}, **more}


def logarithmic(values: Iterable[float]) -> dict[str, Any]:
    """Return what makes an axis logarithmic where all values are positive and reach over a factor of 10."""
    found = list(values)
    wide = bool(found) and min(found) > 0 and max(found) > 10 * min(found)
    if not wide:
        return {"type": "linear", "tickmode": "auto"}
    powers = range(math.floor(math.log10(min(found))), math.ceil(math.log10(max(found))) + 1)
    steps = (1, 2, 5) if len(powers) < 5 else (1,)
    ticks = [float(f"{step}e{power}") for power in powers for step in steps]
    return {"type": "log", "tickmode": "array", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def layout(**more: Any) -> dict[str, Any]:
    """Return a layout; ``more`` goes over it."""
    return {
        "autosize": True,
        "margin": {"l": 52, "r": 14, "t": 26, "b": 44},
        "font": {"family": _FONT, "size": 12, "color": "#1c2126"},
        "paper_bgcolor": "#fff",
        "plot_bgcolor": "#fff",
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": "#fff", "font": {"color": "#1c2126", "size": 12}},
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.17, "x": 0, "font": {"size": 11}},
        **more,
    }


def plot(name: str, title: str, traces: Sequence[Trace], shape: Mapping[str, Any], height: int = 420) -> Markup:
    """Return a picture with what draws it.

    Args:
        name: no other picture of the page has it.
        title: says what it shows, to who cannot see it too.
        traces: plotly's.
        shape: plotly's layout.
        height: pixels.
    """
    drawn = embedded({"data": list(traces), "layout": {**shape, "height": height}})
    return Markup(
        '<figure><figcaption>{}</figcaption><div class="plot" id="{}" role="img" aria-label="{}" '
        'style="min-height:{}px"></div><script type="application/json" data-for="{}">{}</script></figure>'
    ).format(text(title), name, text(title), height, name, drawn)


def embedded(value: Any) -> Markup:
    """Return JSON that no ``</script>`` or comment in it can end, ASCII alone."""
    found = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        found = found.replace(character, f"\\u{ord(character):04x}")
    return Markup(found)  # noqa: S704  (made of our own JSON)
