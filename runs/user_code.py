"""What a run remembers of its tasks and extensions: where they lay, what they were made of, copies of their code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.tasks.fingerprint import TaskPrint
from evaluators.training.user_code.sources import Source, fingerprint_of
from primitives.errors import ActsearchError
from runs.readable import Readable

CODE = "code"
"""Folder of a run that holds copies of a user's code; nothing in it is imported unless the user names it."""


@dataclass(frozen=True)
class TaskRecord:
    """A task of a run.

    Attributes:
        label: what the run's results call it.
        where: what finds it: a name of ours, a file and a class, or a module and a class.
        made_of: what it was made of.
    """

    label: str
    where: str
    made_of: TaskPrint


@dataclass(frozen=True)
class ExtensionRecord:
    """An extension of a run.

    Attributes:
        label: its file without the folder, or its module.
        where: what finds it.
        fingerprint: of its code.
        files: what belongs to its code, from its root.
    """

    label: str
    where: str
    fingerprint: str
    files: tuple[str, ...] = ()


def task_records(store: Readable) -> dict[str, TaskRecord]:
    """Return the tasks of a run by label; a run of an older version has none.

    Raises:
        ActsearchError: they are not what we wrote.
    """
    rows = _rows(store, "tasks")
    try:
        records = [TaskRecord(r["label"], r["where"], _made_of(r["made_of"])) for r in rows]
        return {str(record.label): record for record in records}
    except (KeyError, TypeError, AttributeError) as error:
        raise _foreign(store, "tasks") from error


def _made_of(row: Any) -> TaskPrint:
    """Return what a task was made of.

    Raises:
        TypeError: it is not what we wrote.
    """
    found = TaskPrint(**row)
    if not all(isinstance(part, dict) for part in (found.code, found.data, found.recipe)):
        raise TypeError("a part of a task without names")
    return found


def extension_records(store: Readable) -> dict[str, ExtensionRecord]:
    """Return the extensions of a run by label.

    Raises:
        ActsearchError: they are not what we wrote.
    """
    try:
        records = [
            ExtensionRecord(**{**row, "files": tuple(row.get("files", ()))}) for row in _rows(store, "extensions")
        ]
        return {str(record.label): record for record in records}
    except (KeyError, TypeError, AttributeError) as error:
        raise _foreign(store, "extensions") from error


def as_meta(tasks: Iterable[TaskRecord], extensions: Iterable[ExtensionRecord] = ()) -> dict[str, str]:
    """Return records as values of the run's own dictionary."""
    found = {
        "tasks": [dataclasses.asdict(record) for record in tasks],
        "extensions": [dataclasses.asdict(record) for record in extensions],
    }
    return {key: json.dumps(records, allow_nan=False) for key, records in found.items() if records}


def _rows(store: Readable, key: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(store.meta(key, "[]"))
    except (ValueError, RecursionError) as error:
        raise _foreign(store, key) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _foreign(store, key)
    return rows


def _foreign(store: Readable, key: str) -> ActsearchError:
    return ActsearchError(f"'{store.path}' holds {key} that are not ours; was it edited?")


def kept_name(label: str, sources: Sequence[Source], present: Mapping[str, bytes]) -> str:
    """Return the folder in :data:`CODE` for some code: its name, with a hash where another version has that."""
    name = _folder_name(label)
    same = all(present.get(f"{name}/{s.relative}", s.text) == s.text for s in sources)
    return name if same else f"{name}@{fingerprint_of(sources)[:8]}"


def kept_in(folder: Path, label: str) -> Path:
    """Return where a run keeps the code that it was made with under a label."""
    return folder / CODE / _folder_name(label)


def _folder_name(label: str) -> str:
    return label.removesuffix(".py")


def kept_copies(codes: Iterable[tuple[str, Sequence[Source]]], folder: Path | None = None) -> dict[str, bytes]:
    """Return what to keep of some code, by path inside :data:`CODE`.

    Args:
        codes: labels and sources.
        folder: of a run that may have other versions already.
    """
    found = {} if folder is None else _present(folder / CODE)
    new: dict[str, bytes] = {}
    for label, sources in codes:
        name = kept_name(label, sources, {**found, **new})
        new |= {f"{name}/{source.relative}": source.text for source in sources if source.module or source.text}
    return {path: text for path, text in new.items() if found.get(path) != text}


def _present(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def copies_in(folder: Path) -> dict[str, bytes]:
    """Return the copies of code that a run folder holds, by path inside :data:`CODE`; links are no copies."""
    files = (path for path in folder.rglob("*") if path.is_file())
    inside = folder.resolve()
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in files if inside in path.resolve().parents
    }


def seen_before(task: str, searched: Iterable[str], records: Mapping[str, TaskRecord]) -> str:
    """Return in a clause what a search has to do with a task that it is confirmed on.

    Args:
        task: by label.
        searched: the labels of the search's tasks.
        records: of the run's tasks.
    """
    own = list(searched)
    if task in own:
        return "test part"
    mine = records.get(task)
    for name in own:
        other = records.get(name)
        if mine and other and mine.made_of.data and not mine.made_of.data_difference(other.made_of):
            return f"test part of the data of {name}, which the search used with another recipe or network"
    return "a task the search never saw"
