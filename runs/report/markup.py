"""Parts of a page: everything that is not :class:`Markup` already is text, and is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup, escape

from primitives.text import printable

MISSING = ""
_LONGEST = 4000


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        anchor: by which the contents link to it.
        title: its heading.
        parts: what it shows, in order.
    """

    anchor: str
    title: str
    parts: tuple[Markup, ...]


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what is shown; text of a run.
        value: what the column is sorted by; the text when ``None``.
        code: whether it is a formula.
        strong: whether it is marked.
        tight: whether it stays on one line.
    """

    text: str
    value: float | None = None
    code: bool = False
    strong: bool = False
    tight: bool = False


def text(value: Any) -> Markup:
    """Return text of a run: escaped, without what is not printable, and no longer than a page can bear."""
    found = str(value)
    return escape(printable(found if len(found) <= _LONGEST else found[: _LONGEST - 1] + "…"))


def paragraph(words: str | Markup, *, note: bool = False) -> Markup:
    """Return a paragraph; a note is set smaller."""
    inner = words if isinstance(words, Markup) else text(words)
    return Markup('<p class="note">{}</p>').format(inner) if note else Markup("<p>{}</p>").format(inner)


def heading(words: str) -> Markup:
    """Return a heading inside a section."""
    return Markup("<h3>{}</h3>").format(text(words))


def items(words: Iterable[str]) -> Markup:
    """Return a list."""
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(text(each)) for each in words))


def block(words: str) -> Markup:
    """Return text of several lines as it is."""
    lines = "\n".join(printable(line) for line in words.splitlines())
    return Markup('<pre tabindex="0">{}</pre>').format(lines)


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Markup:
    """Return a table that can be sorted by each of its columns.

    Args:
        caption: says what it shows.
        columns: heads; one that starts with ``>`` is set to the right.
        rows: as many cells each.
    """
    right = [column.startswith(">") for column in columns]
    heads = Markup("").join(
        Markup('<th scope="col"{}><button type="button">{}</button></th>').format(
            Markup(' class="right"') if to_right else Markup(""), text(column.removeprefix(">"))
        )
        for column, to_right in zip(columns, right, strict=True)
    )
    body = Markup("\n").join(Markup("<tr>{}</tr>").format(Markup("").join(map(_cell, row, right))) for row in rows)
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table><caption><span>{}</span></caption>'
        "<thead><tr>{}</tr></thead>\n<tbody>{}</tbody></table></div>"
    ).format(text(caption), text(caption), heads, body)


def _cell(cell: Cell, right: bool) -> Markup:
    marks = {"right": right, "code": cell.code, "strong": cell.strong, "tight": cell.tight}
    classes = " ".join(name for name, on in marks.items() if on)
    attribute = Markup(' class="{}"').format(classes) if classes else Markup("")
    sound = cell.value is not None and math.isfinite(cell.value)
    value = Markup(' data-value="{}"').format(f"{cell.value:.12g}") if sound else Markup("")
    return Markup("<td{}{}>{}</td>").format(attribute, value, text(cell.text))


def fixed(value: Any, digits: int = 4) -> str:
    """Return a number with so many decimals, nothing where there is none."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def figure(value: Any, digits: int = 4, spread: Any = None) -> Cell:
    """Return a number's cell, with ± a spread where there is one."""
    shown, tail = fixed(value, digits), fixed(spread, digits)
    return Cell(f"{shown} ±{tail}" if shown and tail else shown, value if shown else None)


def count(value: int) -> Cell:
    """Return the cell of a whole number."""
    return Cell(f"{value:,}", float(value))


def code(formula: str) -> Cell:
    """Return a formula's cell."""
    return Cell(formula, code=True)


def seeds_cell(seeds: Iterable[int]) -> Cell:
    """Return the cell of the seeds behind a row's numbers."""
    return Cell(spans(seeds), tight=True)


def spans(seeds: Iterable[int]) -> str:
    """Return whole numbers with runs of them drawn together.

    >>> spans([4, 1, 2, 3, 7])
    '1 to 4, 7'
    """
    ordered = sorted(set(seeds))
    parts = []
    for _, group in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0]):
        found = [number for _, number in group]
        parts.append(f"{found[0]} to {found[-1]}" if len(found) > 1 else str(found[0]))
    return ", ".join(parts)
