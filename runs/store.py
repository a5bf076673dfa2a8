"""The run file: one SQLite database in WAL mode, one writer, one transaction an event.

A killed process loses nothing that was stored: a transaction is whole or not there. A transaction is handed to the
operating system without waiting for the disk (``synchronous = NORMAL``): a power cut may lose the last ones, whole, and
never damages the file; ``resume`` trains again what they held.

While a campaign runs, its file does not change: what is written stands in the log beside it (``run.sqlite-wal``), which
only grows, and which is put into the file at the end, at the next start, and when it has :data:`_LOG_PAGES` pages. So a
folder that is copied meanwhile holds the file and a beginning of the log, which is a run.

A run file is untrusted input: it is opened so that nothing in it can make SQLite do anything but hold rows.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from sys import intern
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from evaluators import Evaluation
from evaluators.judging.features.feature import RESERVED
from primitives.errors import ActsearchError
from primitives.identity import Mark
from primitives.registries import is_name
from runs.candidate import Candidate
from runs.opening import opened
from runs.rows import check_candidate, check_evaluation
from runs.schema import FORMER_FACTS, MIGRATIONS, TABLES, VERSION, facts_text
from runs.wreck import unreadable

Purpose = Literal["search", "confirm"]
Row = TypeVar("Row")

_LOG_PAGES = 2**16
"""Pages of 4 KiB that the log may have before it is put into the file while a campaign runs."""
_LONGEST_PRINT = 10**6
_LARGEST = 1e300
_CANDIDATE = [field.name for field in dataclasses.fields(Candidate)]
_EVALUATION = [f.name for f in dataclasses.fields(Evaluation) if f.name not in ("validation_curve", "places")]


_FOREIGN = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What a row that is not ours raises when it is read."""


class Store:
    """Reads and writes one run file. Text in it is data: nothing is unpickled or executed."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Open an existing run file.

        Raises:
            ActsearchError: it is not a run file, is damaged, or is of a newer version. An older one
                is read as it is, and brought to this version when it is opened for writing.
        """
        self.path = path
        self._beside = ExitStack()
        try:
            self._db = opened(path, writable, self._beside)
            version = self._checked(writable)
            if writable:
                self._migrate(version)
            self._columns = self._present("candidates", [*_CANDIDATE, *FORMER_FACTS])
            self._evaluation_columns = self._present("evaluations", _EVALUATION)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise unreadable(path, error) from error
            if isinstance(error, OSError):
                raise ActsearchError(f"cannot read '{path}' ({error.strerror or error})") from error
            raise

    def _checked(self, writable: bool) -> int:
        """Return the schema version of a file that holds a run and nothing else.

        Raises:
            ActsearchError: it is of a newer version, or more than tables of rows stands in it.
            sqlite3.Error: it is damaged, or no run file.
        """
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        self._db.execute("SELECT 1 FROM candidates, evaluations, meta LIMIT 1")
        if not 1 <= version <= VERSION:
            raise ActsearchError(
                f"'{self.path}' has schema version {version}, this actsearch reads 1 to {VERSION}; "
                "open it with the version of actsearch that wrote it"
            )
        query = "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR sql LIKE 'create virtual%'"
        if self._db.execute(query).fetchone()[0]:
            raise ActsearchError(
                f"'{self.path}' holds a view, trigger or virtual table, which no run has; was it edited?"
            )
        if writable:
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            if (found := self._db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(found.splitlines()[-1])
        return version

    def _present(self, table: str, wanted: list[str]) -> list[str]:
        """Return the columns that a file of its version has."""
        present = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
        return [name for name in wanted if name in present]

    def _migrate(self, version: int) -> None:
        """Bring the file to this version, all of it or nothing."""
        if version == VERSION:
            return
        self._db.create_function("actsearch_facts", len(FORMER_FACTS), facts_text, deterministic=True)
        with self._transaction() as db:
            db.execute("BEGIN IMMEDIATE")  # sqlite3 would open no transaction before these statements
            for older in range(db.execute("PRAGMA user_version").fetchone()[0], VERSION):
                for statement in MIGRATIONS[older]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {older + 1}")

    @staticmethod
    def create(path: Path, meta: Mapping[str, str]) -> None:
        """Write a new, empty run file."""
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(TABLES)
            db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.close()

    def keep_in_memory(self) -> None:
        """Copy everything into memory, in one read transaction; from then on the file is not looked at any more."""
        memory = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._db.backup(memory)
        except sqlite3.Error as error:
            memory.close()
            raise ActsearchError(f"'{self.path}' cannot be read ({error})") from error
        self._db.close()
        self._db = memory

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_db"):
            self._db.close()
        self._beside.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._db:
                yield self._db
        except sqlite3.IntegrityError:
            raise
        except sqlite3.OperationalError as error:
            raise ActsearchError(
                f"cannot write to '{self.path}' ({error}); free space or fix permissions, then resume"
            ) from error
        except sqlite3.DatabaseError as error:
            raise unreadable(self.path, error) from error

    def meta(self, key: str, default: str = "") -> str:
        """Return a value of the run's own dictionary."""
        try:
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise unreadable(self.path, error) from error
        if row and not isinstance(row[0], str):
            raise ActsearchError(f"'{self.path}' holds {key} that are not ours (they are no text); was it edited?")
        return row[0] if row else default

    def number(self, key: str) -> int | None:
        """Return a positive integer of the run's own dictionary, or ``None`` where it has none.

        Raises:
            ActsearchError: what stands there is none.
        """
        text = self.meta(key)
        if text and not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
            raise ActsearchError(f"'{self.path}' holds {key} that are not ours ({text[:20]!r}); was it edited?")
        return int(text) if text else None

    def set_meta(self, key: str, value: str) -> None:
        """Set a value of the run's own dictionary."""
        self.set_all({key: value})

    def set_all(self, values: Mapping[str, str]) -> None:
        """Set values of the run's own dictionary in one transaction."""
        with self._transaction() as db:
            _put(db, values)

    def seconds(self, key: str) -> float:
        """Return a time of the run's own dictionary, 0 where it has none.

        Raises:
            ActsearchError: what stands there is none.
        """
        text = self.meta(key, "0")
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not 0 <= found < _LARGEST:
            raise ActsearchError(f"'{self.path}' holds {key} that are not ours ({text[:20]!r}); was it edited?")
        return found

    def counts(self, key: str) -> dict[str, int]:
        """Return numbers by name of the run's own dictionary, none where it has none.

        Raises:
            ActsearchError: what stands there is something else.
        """
        try:
            found = json.loads(self.meta(key, "{}"))
            if not all(type(count) is int and 0 <= count < _LONGEST_PRINT**3 for count in found.values()):
                raise ValueError("a count that is none")
            if not all(name.isprintable() for name in found):
                raise ValueError("a name that cannot be printed")
        except (ValueError, AttributeError, RecursionError) as error:
            raise ActsearchError(f"'{self.path}' holds {key} that are not ours ({error}); was it edited?") from error
        return dict(found)

    def add_candidates(self, candidates: Iterable[Candidate], meta: Mapping[str, str] = MappingProxyType({})) -> None:
        """Add rows, and values of the run's own dictionary that go with them, in one transaction."""
        marks = ", ".join("?" for _ in _CANDIDATE)
        rows = [_candidate_row(candidate) for candidate in candidates]
        with self._transaction() as db:
            db.executemany(f"INSERT INTO candidates ({', '.join(_CANDIDATE)}) VALUES ({marks})", rows)
            _put(db, meta)

    def record(
        self,
        purpose: Purpose,
        evaluations: Iterable[Evaluation],
        verdicts: Iterable[Candidate] = (),
        meta: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Add evaluations and, with them, what follows from them; one transaction.

        Args:
            purpose: what they were made for.
            evaluations: in the order in which they are to be read back.
            verdicts: their candidates, with their final status, reason and facts.
            meta: values of the run's own dictionary that go with them.
        """
        columns = ["purpose", *_EVALUATION]
        marks = ", ".join("?" for _ in columns)
        rows = [(purpose, *_evaluation_row(evaluation)) for evaluation in evaluations]
        with self._transaction() as db:
            db.executemany(f"INSERT OR REPLACE INTO evaluations ({', '.join(columns)}) VALUES ({marks})", rows)
            changes = [(c.status, c.reason, _facts(c), c.id) for c in verdicts]
            db.executemany("UPDATE candidates SET status = ?, reason = ?, facts = ? WHERE id = ?", changes)
            _put(db, meta)

    def candidates(self) -> list[Candidate]:
        """Return every candidate in the order of ids."""
        query = f"SELECT {', '.join(self._columns)} FROM candidates ORDER BY id"
        return self._read(self._candidate, query)

    def _candidate(self, row: tuple[Any, ...]) -> Candidate:
        values = dict(zip(self._columns, row, strict=True))
        former = {name: values.pop(name) for name in FORMER_FACTS if name in values}
        facts = former or json.loads(values["facts"])
        known = {_name(name): _number(value) for name, value in facts.items() if value is not None}
        mark, parents = values.get("mark"), json.loads(values["parents"])
        check_candidate(values, parents)
        read = {"parents": tuple(parents), "facts": known, "mark": mark and _mark(mark)}
        return Candidate(**{**values, **read})

    def trainings(self) -> int:
        """Return how many trainings left results; the rungs of one count once."""
        query = "SELECT count(*) FROM (SELECT DISTINCT candidate, purpose, task, seed FROM evaluations)"
        try:
            return int(self._db.execute(query).fetchone()[0])
        except sqlite3.Error as error:
            raise unreadable(self.path, error) from error

    def evaluations(self, purpose: Purpose) -> list[Evaluation]:
        """Return the evaluations of one purpose in the order in which they were finished."""
        query = f"SELECT {', '.join(self._evaluation_columns)} FROM evaluations WHERE purpose = ? ORDER BY id"
        return self._read(self._evaluation, query, (purpose,))

    def _evaluation(self, row: tuple[Any, ...]) -> Evaluation:
        values = dict(zip(self._evaluation_columns, row, strict=True))
        check_evaluation(values)
        numbers = {
            key: {str(name): float(value) for name, value in json.loads(values.get(key, "{}")).items()}
            for key in ("metrics", "test_metrics")
        }
        return Evaluation(**{**values, **numbers, "curve": tuple(json.loads(values["curve"]))})

    def readable(self) -> tuple[list[Candidate], list[tuple[Purpose, Evaluation]]]:
        """Return the candidates and evaluations whose rows are ours, in their order; others are passed over."""
        query = f"SELECT {', '.join(self._columns)} FROM candidates ORDER BY id"
        candidates = [found for row in self._db.execute(query) if (found := _or_none(self._candidate, row))]
        query = f"SELECT purpose, {', '.join(self._evaluation_columns)} FROM evaluations ORDER BY id"
        rows = ((purpose, _or_none(self._evaluation, row)) for purpose, *row in self._db.execute(query))
        return candidates, [(purpose, found) for purpose, found in rows if found]

    def _read(self, decode: Callable[[tuple[Any, ...]], Row], query: str, values: tuple[Any, ...] = ()) -> list[Row]:
        """Return what rows say, one at a time, so that they are never in memory twice."""
        try:
            return [decode(row) for row in self._db.execute(query, values)]
        except sqlite3.Error as error:
            raise unreadable(self.path, error) from error
        except _FOREIGN as error:
            raise ActsearchError(f"'{self.path}' holds a row that is not ours ({error}); was it edited?") from error


def _or_none(decode: Callable[[Any], Row], row: Any) -> Row | None:
    """Return what a row says, ``None`` where it is not ours."""
    try:
        return decode(row)
    except _FOREIGN:
        return None


def _put(db: sqlite3.Connection, meta: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())


def _candidate_row(candidate: Candidate) -> tuple[Any, ...]:
    values = {name: getattr(candidate, name) for name in _CANDIDATE}
    mark = candidate.mark and json.dumps(dataclasses.astuple(candidate.mark), allow_nan=False)
    texts = {"parents": json.dumps(candidate.parents), "facts": _facts(candidate), "mark": mark}
    return tuple({**values, **texts}.values())


def _mark(text: str) -> Mark:
    """Return a mark of a run file.

    Raises:
        ValueError, TypeError: it is not ours.
    """
    key, size, projection = json.loads(text)
    if not isinstance(key, str) or type(size) is not int or not 0 <= size < _LONGEST_PRINT:
        raise ValueError("a mark that is no mark")
    return Mark(key, size, float(_number(projection)))


def _facts(candidate: Candidate) -> str:
    return json.dumps(dict(candidate.facts), allow_nan=False)


def _name(name: str) -> str:
    """Return the name of a fact of a run file, one object for all rows.

    Raises:
        ValueError: nothing can have that name.
    """
    if not is_name(name) or name in RESERVED:
        raise ValueError("a fact without a name of its own")
    return intern(name)


def _number(value: Any) -> float:
    """Return a fact of a run file.

    Raises:
        ValueError: it is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _LARGEST:
        raise ValueError("a number that is none, or too large")
    return value


def _evaluation_row(evaluation: Evaluation) -> tuple[Any, ...]:
    values = {name: getattr(evaluation, name) for name in _EVALUATION}
    curve = json.dumps(evaluation.curve, allow_nan=False)
    numbers = {key: json.dumps(dict(values[key]), allow_nan=False) for key in ("metrics", "test_metrics")}
    return tuple({**values, **numbers, "curve": curve}.values())
