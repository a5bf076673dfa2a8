"""A new run from what can still be read of a damaged one: whole candidates with their evaluations."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from evaluators import Evaluation
from evaluators.training.status import FAILURES, PASSED_OVER
from primitives.errors import ActsearchError
from runs import folder as folders
from runs.candidate import Candidate
from runs.folder import CONFIG
from runs.schema import FORMER_FACTS, SHARED, STAGED, TABLES
from runs.store import Purpose, Store
from runs.user_code import CODE, copies_in
from runs.wreck import Wreck, wreck_of

NOTE = "salvaged"
"""Key of the run's own dictionary that says that a run was written by :func:`salvage`."""
_STOPPED = re.compile(r"not among the best after (\d+) steps")


@dataclass(frozen=True)
class Salvaged:
    """What became of a damaged run.

    Attributes:
        candidates, evaluations: how many were kept.
        lost_candidates, lost_evaluations: how many are known to be lost; there may have been more at a lost end.
        again: candidates that were kept and are trained again, for some of their evaluations are lost.
        has_config: whether the new run can be resumed.
    """

    candidates: int
    evaluations: int
    lost_candidates: int
    lost_evaluations: int
    again: int
    has_config: bool


def salvage(folder: Path, new: Path) -> Salvaged:
    """Write what can be read of a run to a new run folder; the damaged one is left as it is.

    Args:
        folder: of the damaged run.
        new: where nothing is yet.

    Raises:
        ActsearchError: there is nothing to read, or ``new`` cannot be written.
    """
    if new.exists():
        raise ActsearchError(f"'{new}' exists already; name another place with -o")
    file = folders.database(folder)
    try:
        wreck = wreck_of(file)
    except OSError as error:
        raise ActsearchError(
            f"cannot read '{file}' ({error.strerror or error}); copy it to another disk first"
        ) from error
    candidates, evaluations = _rows(wreck)
    if not candidates:
        raise ActsearchError(f"nothing can be salvaged from '{file}': it holds no candidate that can be read")
    kept = _Kept(candidates, evaluations)
    text = wreck.meta.get("config") or _copy(folder / CONFIG)
    changed = bool(kept.again or len(kept.candidates) < max(kept.known))
    meta = {key: value for key, value in wreck.meta.items() if key != "owner"}
    over = not changed and meta.get("state") in ("searched", "finished")  # what confirmation lost is trained again
    meta |= {"config": text, NOTE: str(folder), "state": "searched" if over else "searching"}
    folders.create(new, text, meta, copies_in(folder / CODE))
    with folders.writing(new) as store:
        store.add_candidates(kept.candidates)
        for purpose in ("search", "confirm"):
            store.record(purpose, [each for found, each in kept.evaluations if found == purpose])
    there = len(kept.evaluations)
    return Salvaged(
        len(kept.candidates),
        there,
        max(kept.known) - len(kept.candidates),
        max(len(wreck.evaluations), max(wreck.evaluations, default=0)) - there,
        len(kept.again),
        bool(text),
    )


def _copy(file: Path) -> str:
    """Return the readable copy of a configuration, nothing where there is none."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _rows(wreck: Wreck) -> tuple[list[Candidate], list[tuple[Purpose, Evaluation]]]:
    """Return the rows that are ours, brought to this version as any run file is."""
    with tempfile.TemporaryDirectory(prefix="actsearch-") as scratch:
        file = Path(scratch) / "rows.sqlite"
        with closing(sqlite3.connect(file)) as db, db:
            _fill(db, wreck)
        try:
            store = Store(file, writable=True)
        except ActsearchError as error:
            raise ActsearchError(f"the tables of the run are not those of version {wreck.version} ({error})") from error
        with closing(store):
            return store.readable()


def _fill(db: sqlite3.Connection, wreck: Wreck) -> None:
    """Write rows as they are into tables of the columns that they have."""
    known: dict[str, dict[str, str]] = {}
    with closing(sqlite3.connect(":memory:")) as now:
        for statement in TABLES:
            now.execute(statement)
        for table in ("candidates", "evaluations"):
            shapes = now.execute(f"PRAGMA table_info({table})").fetchall()
            known[table] = {name: f"{name} {kind}" + _default(default) for _, name, kind, _, default, _ in shapes}
    known["candidates"] |= {name: f"{name} REAL" for name in FORMER_FACTS}
    known["evaluations"] |= {"purpose": "purpose TEXT", "task": "task TEXT", "steps": "steps INTEGER"}
    known["candidates"]["id"] = known["evaluations"]["id"] = "id INTEGER PRIMARY KEY"
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    for table, rows in (("candidates", wreck.candidates), ("evaluations", wreck.evaluations)):
        own = [name for name in wreck.columns[table] if name in known[table]]
        if table == "evaluations" and wreck.version < STAGED and "purpose" not in own:
            own.append("purpose")
        db.execute(f"CREATE TABLE {table} ({', '.join(known[table][name] for name in own)})")
        for row in rows.values():
            there = [name for name in own if name in row]
            marks = ", ".join("?" for _ in there)
            db.execute(f"INSERT INTO {table} ({', '.join(there)}) VALUES ({marks})", [row[name] for name in there])
    for statement in SHARED if wreck.version >= STAGED else ():
        db.execute(statement)
    if wreck.version >= STAGED:
        places = [(row["id"], row["purpose"], row["task"], row["steps"]) for row in wreck.stages.values()]
        db.executemany("INSERT OR IGNORE INTO stages VALUES (?, ?, ?, ?)", places)
        texts = [(row["id"], row["text"]) for row in wreck.texts.values()]
        db.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", texts)
    db.execute(f"PRAGMA user_version = {wreck.version}")


def _default(value: str | None) -> str:
    return "" if value is None else f" DEFAULT {value}"


class _Kept:
    """What is kept: every candidate that can be read; of its evaluations all, or where some are lost none.

    Attributes:
        candidates: those that lost evaluations wait for their training again.
        evaluations: by purpose.
        again: ids of those that wait again.
        known: ids that occur anywhere; the largest says how many candidates there were at least.
    """

    def __init__(self, candidates: Sequence[Candidate], evaluations: Sequence[tuple[Purpose, Evaluation]]) -> None:
        by_id = {candidate.id: candidate for candidate in candidates if candidate.id > 0}
        own = [(purpose, each) for purpose, each in evaluations if each.candidate in by_id]
        search: dict[int, list[Evaluation]] = defaultdict(list)
        for purpose, each in own:
            if purpose == "search":
                search[each.candidate].append(each)
        shape = _Shape([each for found in search.values() for each in found])
        broken = {i for i, candidate in by_id.items() if not shape.is_whole(candidate, search.get(i, ()))}
        self.again = {i for i in broken if by_id[i].status != "pending"}
        self.candidates = [
            dataclasses.replace(c, status="pending", reason="") if i in self.again else c for i, c in by_id.items()
        ]
        self.evaluations = [
            (purpose, each) for purpose, each in own if purpose == "confirm" or each.candidate not in broken
        ]
        parents = (parent for candidate in candidates for parent in candidate.parents)
        trained = (each.candidate for _, each in evaluations)
        self.known = {*by_id, *(i for i in (*parents, *trained) if i < _MOST)}


_MOST = 10**9


class _Shape:
    """What a whole training of this run has: how many seeds, and which rungs on which task."""

    def __init__(self, evaluations: Iterable[Evaluation]) -> None:
        self._steps: dict[str, set[int]] = defaultdict(set)
        self._seeds = 0
        for place, found in _by_place(evaluations).items():
            self._steps[place[0]].add(place[1])
            self._seeds = max(self._seeds, len(found))

    def is_whole(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> bool:
        """Tell whether a candidate has all that its status speaks of."""
        if candidate.gain is None:
            return True  # nothing could train it again
        if candidate.status in PASSED_OVER:
            return not evaluations
        if candidate.status in FAILURES:
            return any(each.status != "ok" for each in evaluations) or (
                bool(evaluations) and self._has_all(evaluations)
            )
        if candidate.status == "pending":
            return self._has_all(evaluations)
        return bool(evaluations) and self._has_all(evaluations) and self._came_as_far(candidate, evaluations)

    def _has_all(self, evaluations: Sequence[Evaluation]) -> bool:
        """Tell whether there is every seed at every rung up to the last that was reached."""
        places = _by_place(evaluations)
        if any(len(found) < self._seeds for found in places.values()):
            return False
        for task in {task for task, _ in places}:
            own = {steps for name, steps in places if name == task}
            if own != {steps for steps in self._steps[task] if steps <= max(own)}:
                return False
        return True

    def _came_as_far(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> bool:
        ends = {task: max(e.steps for e in evaluations if e.task == task) for task in {e.task for e in evaluations}}
        if candidate.status == "ok":
            return ends == {task: max(steps) for task, steps in self._steps.items()}
        said = _STOPPED.fullmatch(candidate.reason)
        return said is None or len(self._steps) > 1 or int(said[1]) == max(ends.values())


def _by_place(evaluations: Iterable[Evaluation]) -> Mapping[tuple[str, int], set[int]]:
    """Return the seeds by task and steps."""
    found: dict[tuple[str, int], set[int]] = defaultdict(set)
    for each in evaluations:
        found[each.task, each.steps].add(each.seed)
    return found
