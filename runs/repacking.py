"""Functions that a migration calls in SQL: what a column of an older file holds, as this version holds it.

What cannot be packed, and what is not ours, stays as it is, so that a migrated file says what it said before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from primitives.identity import Mark
from runs import packing, rows
from runs.schema import FORMER_FACTS

_FOREIGN = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)


def facts_text(*values: float | None) -> str:
    """Return facts as JSON, from the columns that held them up to version 5: SQLite's own would write 15 digits."""
    found = zip(FORMER_FACTS, values, strict=True)
    return json.dumps({name: value for name, value in found if value is not None}, allow_nan=False)


def _parsed(text: Any) -> Any:
    """Return what a text says as JSON, ``None`` where it says nothing."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _losses(text: Any) -> Any:
    found = _parsed(text)
    if not isinstance(found, list):
        return text
    return (packing.pack_losses(found) or text) if found else None


def _shape(text: Any) -> str | None:
    found = _parsed(text)
    shape = packing.shape_of(found) if isinstance(found, dict) and found else None
    return shape.text if shape else None


def _numbers(text: Any, number: int | None) -> Any:
    if text == "{}":
        return None
    found = _parsed(text)
    shape = packing.shape_of(found) if isinstance(found, dict) else None
    return (rows.numbered(shape, number, found) or text) if shape and number else text


def _mark(text: Any) -> Any:
    found = _parsed(text)
    try:
        return packing.pack_mark(Mark(*found)) or text
    except _FOREIGN:
        return text


def _text(text: Any) -> Any:
    return packing.pack_text(text) or text if isinstance(text, str) and text else text


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "actsearch_facts": (len(FORMER_FACTS), facts_text),
    "actsearch_losses": (1, _losses),
    "actsearch_shape": (1, _shape),
    "actsearch_numbers": (2, _numbers),
    "actsearch_mark": (1, _mark),
    "actsearch_text": (1, _text),
}
"""By name: how many arguments it takes, and what it is."""
