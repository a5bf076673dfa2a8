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

import json
import math
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from evaluators import Evaluation
from evaluators.training.status import CandidateStatus
from primitives.errors import ActsearchError
from runs.candidate import Candidate
from runs.columns import Ended, Stages
from runs.opening import opened
from runs.repacking import FUNCTIONS
from runs.rows import (
    CANDIDATE,
    EVALUATION,
    LARGEST,
    LONG,
    STATUSES,
    STORED,
    Texts,
    Writing,
    read_candidate,
    read_evaluation,
)
from runs.schema import FORMER_FACTS, MIGRATIONS, STAGED, TABLES, VERSION
from runs.wreck import unreadable

Purpose = Literal["search", "confirm"]
Row = TypeVar("Row")

SHRINK = "VACUUM"
"""What gives the space that a migration left empty back to the disk."""
_MOST = 10**18
"""Of a count."""
_LOG_PAGES = 2**16
"""Pages of 4 KiB that the log may have before it is put into the file while a campaign runs."""
_FOREIGN = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What a row that is not ours raises when it is read."""
_LEAN = {"mark": "NULL", "genotype": "CASE WHEN genotype IS NULL THEN NULL ELSE '' END"}
"""What stands for columns that are long."""


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
                version = VERSION
            self._texts = Texts(self._db)
            self._columns = self._present([*CANDIDATE, *FORMER_FACTS], "candidates")
            self._is_staged = version >= STAGED
            tables = ("evaluations", "stages") if self._is_staged else ("evaluations",)
            self._evaluation_columns = self._present(EVALUATION, *tables)
            self._trainings = "evaluations"
            if self._is_staged:
                self._trainings += " LEFT JOIN stages ON stages.id = evaluations.stage"
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

    def _present(self, wanted: list[str], *tables: str) -> list[str]:
        """Return the columns that a file of its version has."""
        present = {row[1] for table in tables for row in self._db.execute(f"PRAGMA table_info({table})")}
        return [name for name in wanted if name in present]

    def _migrate(self, version: int) -> None:
        """Bring the file to this version, all of it or nothing."""
        if version == VERSION:
            return
        for name, (arguments, function) in FUNCTIONS.items():
            self._db.create_function(name, arguments, function, deterministic=True)
        try:
            with self._transaction() as db:
                db.execute("BEGIN IMMEDIATE")  # sqlite3 would open no transaction before these statements
                for older in range(db.execute("PRAGMA user_version").fetchone()[0], VERSION):
                    for statement in MIGRATIONS[older]:
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {older + 1}")
        except sqlite3.IntegrityError as error:
            raise ActsearchError(f"'{self.path}' holds a row that is not ours ({error}); was it edited?") from error
        with suppress(sqlite3.Error):  # it only makes the file smaller, and needs space for a copy
            self._db.execute(SHRINK)

    @staticmethod
    def create(path: Path, meta: Mapping[str, str]) -> None:
        """Write a new, empty run file."""
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode = WAL")
            for table in TABLES:
                db.execute(table)
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
            raise unreadable(self.path, error) from error
        self._db.close()
        self._beside.close()
        self._db, self._texts = memory, Texts(memory)

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
        if not 0 <= found < LARGEST:
            raise ActsearchError(f"'{self.path}' holds {key} that are not ours ({text[:20]!r}); was it edited?")
        return found

    def counts(self, key: str) -> dict[str, int]:
        """Return numbers by name of the run's own dictionary, none where it has none.

        Raises:
            ActsearchError: what stands there is something else.
        """
        try:
            found = json.loads(self.meta(key, "{}"))
            if not all(type(count) is int and 0 <= count < _MOST for count in found.values()):
                raise ValueError("a count that is none")
            if not all(name.isprintable() for name in found):
                raise ValueError("a name that cannot be printed")
        except (ValueError, AttributeError, RecursionError) as error:
            raise ActsearchError(f"'{self.path}' holds {key} that are not ours ({error}); was it edited?") from error
        return dict(found)

    def add_candidates(self, candidates: Iterable[Candidate], meta: Mapping[str, str] = MappingProxyType({})) -> None:
        """Add rows, and values of the run's own dictionary that go with them, in one transaction."""
        marks = ", ".join("?" for _ in CANDIDATE)
        with self._transaction() as db:
            writing = Writing(db)
            rows = [writing.candidate(candidate) for candidate in candidates]
            db.executemany(f"INSERT INTO candidates ({', '.join(CANDIDATE)}) VALUES ({marks})", rows)
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
        marks = ", ".join("?" for _ in STORED)
        with self._transaction() as db:
            writing = Writing(db)
            rows = [writing.evaluation(purpose, evaluation) for evaluation in evaluations]
            db.executemany(f"INSERT OR REPLACE INTO evaluations ({', '.join(STORED)}) VALUES ({marks})", rows)
            changes = [(c.status, c.reason, writing.numbers(c.facts), c.id) for c in verdicts]
            db.executemany("UPDATE candidates SET status = ?, reason = ?, facts = ? WHERE id = ?", changes)
            _put(db, meta)

    def candidates(self, of: Collection[int] | None = None, *, lean: bool = False) -> list[Candidate]:
        """Return every candidate, or those of some ids, in the order of ids.

        Args:
            of: ids, where not all are wanted.
            lean: leave out marks, and of a genotype all but that there is one.
        """
        columns = [_LEAN.get(name, name) if lean else name for name in self._columns]
        query = f"SELECT {', '.join(columns)} FROM candidates"
        if of is not None:
            query += " WHERE id IN (SELECT value FROM json_each(?))"
        return self._read(self._candidate, f"{query} ORDER BY id", _ids(of))

    def _candidate(self, row: tuple[Any, ...]) -> Candidate:
        return read_candidate(dict(zip(self._columns, row, strict=True)), self._texts)

    def evaluations(
        self, purpose: Purpose, of: Collection[int] | None = None, *, lean: bool = False
    ) -> list[Evaluation]:
        """Return the evaluations of one purpose in the order in which they were finished.

        Args:
            purpose: what they were made for.
            of: ids of candidates, where not all are wanted.
            lean: leave out what is long: their curves and places.

        Raises:
            ActsearchError: a row is not ours, or is of a candidate that the file lacks.
        """
        columns = [name for name in self._evaluation_columns if not (lean and name in LONG)]
        query = f"SELECT {', '.join(columns)} FROM {self._trainings} WHERE {self._of_purpose}"
        if of is not None:
            query += " AND candidate IN (SELECT value FROM json_each(?))"
        found = self._read(
            lambda row: read_evaluation(dict(zip(columns, row, strict=True)), self._texts),
            f"{query} ORDER BY evaluations.id",
            (purpose, *_ids(of)),
        )
        self._check_known({evaluation.candidate for evaluation in found})
        return found

    def _check_known(self, identifiers: Collection[int]) -> None:
        query = "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM candidates) LIMIT 1"
        for (lost,) in self._rows(query, _ids(identifiers)):
            raise ActsearchError(f"'{self.path}' has results of candidate {lost}, which it lacks; was it edited?")

    def trainings(self) -> int:
        """Return how many trainings left results; the rungs of one count once."""
        query = f"SELECT count(*) FROM (SELECT DISTINCT candidate, purpose, task, seed FROM {self._trainings})"
        return int(self._rows(query)[0][0])

    def readable(self) -> tuple[list[Candidate], list[tuple[Purpose, Evaluation]]]:
        """Return the candidates and evaluations whose rows are ours, in their order; others are passed over."""
        query = f"SELECT {', '.join(self._columns)} FROM candidates ORDER BY id"
        candidates = [found for row in self._db.execute(query) if (found := _or_none(self._candidate, row))]
        columns = self._evaluation_columns
        query = f"SELECT purpose, {', '.join(columns)} FROM {self._trainings} ORDER BY evaluations.id"

        def evaluation(row: Sequence[Any]) -> Evaluation:
            return read_evaluation(dict(zip(columns, row, strict=True)), self._texts)

        rows = ((purpose, _or_none(evaluation, row)) for purpose, *row in self._db.execute(query))
        return candidates, [(purpose, found) for purpose, found in rows if found and purpose]

    @property
    def _of_purpose(self) -> str:
        """A condition on evaluations; one without a stage is of each purpose, and refused by who reads it."""
        return "stage NOT IN (SELECT id FROM stages WHERE purpose <> ?)" if self._is_staged else "purpose = ?"

    def counted(self) -> list[tuple[CandidateStatus, str, str, int]]:
        """Return how many candidates have each status, reason and origin, in the order of the first of them."""
        query = "SELECT status, reason, origin, count(*), min(id) FROM candidates GROUP BY status, reason, origin"
        with self._ours():
            return [_counted(row[:-1]) for row in sorted(self._rows(query), key=itemgetter(-1))]

    def unstacked(self) -> list[tuple[str, int, str, int, str]]:
        """Return of what was trained by itself purpose, candidate, task, seed and the reason, rungs apart."""
        if "unstacked" not in self._evaluation_columns:
            return []
        query = f"SELECT purpose, candidate, task, seed, unstacked FROM {self._trainings} WHERE unstacked <> ''"
        return self._read(self._unstacked, f"{query} ORDER BY purpose DESC, evaluations.id")

    def _unstacked(self, row: tuple[Any, ...]) -> tuple[str, int, str, int, str]:
        *place, reason = row
        purpose, candidate, task, seed = place
        return purpose, candidate, task, seed, self._texts[reason] if isinstance(reason, int) else str(reason)

    def ended(self, wanted: Collection[str] = ()) -> Ended:
        """Return what was trained to the end, in columns, with what the search measured of it.

        Args:
            wanted: names of the numbers that are wanted beside error and loss.
        """
        with self._ours():
            with self.moment():
                former = [name for name in FORMER_FACTS if name in self._columns]
                query = f"SELECT id, name, expression, origin, {', '.join(former or ['facts'])} FROM candidates"
                candidates = self._rows(f"{query} WHERE status = 'ok' ORDER BY id")
                stages, evaluations = self._successes({row[0] for row in candidates})
            if former:
                candidates = [(*row[:4], json.dumps(dict(zip(former, row[4:], strict=True)))) for row in candidates]
            return Ended.of(candidates, evaluations, stages, self._texts, wanted)

    def _successes(self, of: set[int]) -> tuple[Stages, list[tuple[Any, ...]]]:
        """Return the stages of the search and its successful evaluations: candidate, stage, error, loss, metrics.

        Where all of some candidates came to the last stage of one task, those of earlier stages are left out.
        """
        numbers = "error, loss, metrics" if "metrics" in self._evaluation_columns else "error, loss, NULL"
        if not self._is_staged:
            query = f"SELECT candidate, task, steps, {numbers} FROM evaluations WHERE purpose = 'search'"
            rows = self._rows(f"{query} AND error IS NOT NULL ORDER BY id")
            places = {place: number for number, place in enumerate(dict.fromkeys(row[1:3] for row in rows))}
            found = [(row[0], places[row[1:3]], *row[3:]) for row in rows]
            return {number: place for place, number in places.items()}, found
        stages = {row[0]: row[1:] for row in self._rows("SELECT id, task, steps FROM stages WHERE purpose = 'search'")}
        query = f"SELECT candidate, stage, {numbers} FROM evaluations WHERE error IS NOT NULL AND"
        if len({task for task, _ in stages.values()}) == 1:
            last = max(stages, key=lambda number: stages[number][1])
            rows = self._rows(f"{query} stage = ? ORDER BY id", (last,))
            if of <= {row[0] for row in rows}:
                return stages, rows
        return stages, self._rows(f"{query} {self._of_purpose} ORDER BY id", ("search",))

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Have what is read in it of one moment. Keep it short: nobody waits for it, but the log grows meanwhile.

        Raises:
            ActsearchError: the file cannot be read.
        """
        mine = not self._db.in_transaction
        try:
            with self._ours():
                if mine:
                    self._db.execute("BEGIN")
            yield
        finally:
            if mine and self._db.in_transaction:
                self._db.rollback()

    def _read(self, decode: Callable[[tuple[Any, ...]], Row], query: str, values: tuple[Any, ...] = ()) -> list[Row]:
        """Return what rows say, one at a time, so that they are never in memory twice."""
        with self._ours():
            return [decode(row) for row in self._db.execute(query, values)]

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return rows as they are."""
        with self._ours():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Tell in a sentence what cannot be read or is not ours."""
        try:
            yield
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


def _ids(of: Collection[int] | None) -> tuple[str, ...]:
    """Return ids as the value of a query that asks for them."""
    return () if of is None else (json.dumps([*of]),)


def _counted(row: tuple[Any, ...]) -> tuple[CandidateStatus, str, str, int]:
    status, reason, origin, count = row
    if status not in STATUSES or not isinstance(reason, str) or not isinstance(origin, str):
        raise ValueError("a status, reason or origin that is none")
    return status, reason, origin, count


def _put(db: sqlite3.Connection, meta: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
