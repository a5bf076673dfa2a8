"""A damaged run file: what can still be read of it, and the sentence that says so."""

from __future__ import annotations

import dataclasses
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from primitives.errors import ActsearchError
from runs.pages import Pages, Value, pages_of
from runs.schema import TABLES, VERSION

Rows = dict[int, Mapping[str, Value]]
"""Values by column, by the number of the row."""
_ELSEWHERE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED")
"""Errors that say nothing against a file."""


@dataclass(frozen=True)
class Wreck:
    """What stands in a run file, damaged or not, whatever its rows say.

    Attributes:
        version: of its tables.
        columns: of candidates and evaluations, by table.
        candidates, evaluations, stages, texts: rows by id, the last two of files from version 9 on.
        meta: the run's own dictionary.
    """

    version: int
    columns: Mapping[str, Sequence[str]]
    candidates: Rows
    evaluations: Rows
    stages: Rows
    texts: Rows
    meta: Mapping[str, str]


def wreck_of(file: Path) -> Wreck:
    """Read a run file by its pages.

    Raises:
        OSError: it cannot be read at all.
    """
    pages = pages_of(file)
    version = pages.version or VERSION
    columns = _columns(pages)
    found = Wreck(version if 1 <= version <= VERSION else VERSION, columns, {}, {}, {}, {}, {})
    meta: dict[str, str] = {}
    for number, values in pages.rows():
        match values:
            case [str(key), str(text)]:
                meta[key] = text
            case [None, str(text)]:
                found.texts[number] = {"id": number, "text": text}
            case [None, "search" | "confirm" as purpose, str(task), int(steps)]:
                found.stages[number] = {"id": number, "purpose": purpose, "task": task, "steps": steps}
            case [None, str(), str(), *_]:
                found.candidates[number] = _named(columns["candidates"], number, values)
            case [None, int(), "search" | "confirm", *_] | [None, int(), int(), int(), str(), *_]:
                found.evaluations[number] = _named(columns["evaluations"], number, values)
    _add_entries(pages, found, meta)
    return dataclasses.replace(found, meta=meta)


def _add_entries(pages: Pages, found: Wreck, meta: Mapping[str, str]) -> None:
    """Add the stages and texts that are lost with their page and still stand in their index."""
    for values in pages.entries():
        match values:
            case ["search" | "confirm" as purpose, str(task), int(steps), int(number)]:
                place = {"id": number, "purpose": purpose, "task": task, "steps": steps}
                found.stages.setdefault(number, place)
            case [str(text), int(number)] if text not in meta:
                found.texts.setdefault(number, {"id": number, "text": text})


def _named(columns: Sequence[str], number: int, values: Sequence[Value]) -> Mapping[str, Value]:
    """Return values by column; a row older than a column has nothing there."""
    return {**dict(zip(columns, values, strict=False)), "id": number}


def _columns(pages: Pages) -> dict[str, list[str]]:
    """Return the columns of the tables as the first page says, or as they are now."""
    with tempfile.TemporaryDirectory(prefix="actsearch-") as folder:
        first = Path(folder) / "first"
        first.write_bytes(pages.page(1).ljust(pages.size, b"\0"))
        with closing(sqlite3.connect(first.as_uri() + "?mode=ro&immutable=1", uri=True)) as db:
            for statement in ("trusted_schema = OFF", "writable_schema = ON"):  # the latter reads on past the end
                db.execute(f"PRAGMA {statement}")
            found = {table: _names(db, table) for table in ("candidates", "evaluations")}
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in TABLES:
            db.execute(statement)
        now = {table: _names(db, table) for table in found}
    return found if all(found.values()) else now


def _names(db: sqlite3.Connection, table: str) -> list[str]:
    try:
        return [str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")]
    except sqlite3.Error:
        return []


def unreadable(file: Path, error: sqlite3.Error) -> ActsearchError:
    """Return the sentence for a run file that SQLite does not read: what is wrong and what can be done."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(_ELSEWHERE):
        return ActsearchError(f"cannot open '{file}' ({error}); free space or fix permissions, then try again")
    try:
        found = wreck_of(file)
        candidates, evaluations = len(found.candidates), len(found.evaluations)
    except OSError:
        candidates = evaluations = 0
    if not candidates:
        return ActsearchError(f"'{file}' is not a readable run file ({error})")
    folder = file.parent
    return ActsearchError(
        f"'{file}' is damaged ({error}); {candidates:,} candidates and {evaluations:,} evaluations can still be read: "
        f"'actsearch salvage {folder} -o {folder}-salvaged' writes them to a new run folder"
    )
