"""What the reading commands print: one frame as a table, as strict JSON, or as CSV."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from primitives.errors import ActsearchError, unknown
from primitives.text import printable_lines

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

FORMATS = ("table", "json", "csv")
_WIDTH = 118


def console(stderr: bool = False) -> Console:
    """Return a console; without a terminal it is wide enough for formulas and has no colour.

    Markup is off: names of folders and formulas are shown as they are, brackets and all. What a terminal would act on
    is a blank, whoever wrote it.
    """
    return _screen()(stderr=stderr, width=None if _stream(stderr).isatty() else _WIDTH, highlight=False, markup=False)


def _stream(stderr: bool) -> TextIO:
    return sys.stderr if stderr else sys.stdout


@cache
def _screen() -> type[Console]:
    """Return a console whose texts are printable; control codes are rich's own."""
    from rich.console import Console
    from rich.segment import Segment

    class Screen(Console):
        def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                shown = segment.control or segment.text.isprintable()
                yield segment if shown else Segment(printable_lines(segment.text), segment.style)

    return Screen


def say(*lines: str, stderr: bool = False, end: str = "\n") -> None:
    """Print lines with whatever stands in them as it can be printed."""
    print(*map(printable_lines, lines), sep="\n", end=end, file=_stream(stderr), flush=stderr)


def check_format(format_: str) -> str:
    """Return the format.

    Raises:
        ActsearchError: it is not table, json or csv.
    """
    if format_ not in FORMATS:
        raise ActsearchError(unknown("format", format_, FORMATS))
    return format_


def records(frame: pd.DataFrame, optional: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return rows as plain JSON values; missing is ``None``, and ``optional`` keys are left out."""
    rows = []
    for row in frame.to_dict("records"):
        plain = {str(key): _plain(value) for key, value in row.items()}
        rows.append({key: value for key, value in plain.items() if key not in optional or value is not None})
    return rows


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_json(value: Any) -> str:
    """Return strict JSON, what cannot be printed as escapes; a non-finite number is a fault of ours."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)


def _escape(character: str) -> str:
    """Return the escape of a character in JSON."""
    return json.dumps(character)[1:-1]


def emit(frame: pd.DataFrame, format_: str, table: Table, optional: Sequence[str] = ()) -> None:
    """Print a frame in the asked format; ``table`` is its version for people."""
    check_format(format_)
    if format_ == "json":
        print(to_json(records(frame, optional)))
    elif format_ == "csv":
        say(to_csv(frame), end="")
    else:
        console().print(table)


def to_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV; lists and mappings in cells are JSON."""
    return frame.map(_cell).to_csv(index=False)


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list, tuple)) else value


def number(value: Any, digits: int = 4) -> str:
    """Return a number for a table, an empty string for a missing one."""
    plain = _plain(value)
    return "" if plain is None else f"{plain:.{digits}f}"


def with_error(mean: Any, spread: Any, digits: int = 4) -> str:
    """Return ``0.1234 ±0.0021``, without the second part when it is missing."""
    text, tail = number(mean, digits), number(spread, digits)
    return f"{text} ±{tail}" if tail else text
