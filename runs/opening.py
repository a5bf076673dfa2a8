"""Opening a run file that somebody else may have made, cut or copied; SQLite does nothing but hold rows in it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from primitives.errors import ActsearchError
from runs.pages import MAGIC

_LONGEST_VALUE = 64 * 2**20
"""Bytes of a value of a run file; a campaign's largest, what it was taught, has a few millions."""
_PATIENCE = 30.0
"""Seconds to wait for somebody who holds the file, such as a backup."""


def opened(file: Path, writable: bool, beside: ExitStack) -> sqlite3.Connection:
    """Open a run file; of one in a folder or on a disk where SQLite cannot write what reading takes, a copy.

    Args:
        file: the run file.
        writable: whether it is to be written to.
        beside: keeps what must last as long as the connection.

    Raises:
        ActsearchError: something lies beside it that could lead SQLite elsewhere.
        sqlite3.Error: it is damaged or cannot be opened.
        OSError: it cannot be read.
    """
    check_alone(file)
    check_whole(file)
    try:
        db = _connection(file, "rw" if writable else "ro")
        db.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        if writable or not file.is_file():
            raise
        db = _connection(beside.enter_context(_copied(file)), "ro")
    return db


def _connection(file: Path, mode: str) -> sqlite3.Connection:
    """Open a file: no function of its schema is called that could do harm, and no value is endless."""
    db = sqlite3.connect(f"{file.resolve().as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE)
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    return db


def check_alone(file: Path) -> None:
    """Check that a run file is no link, and that beside it lies neither a link nor a rollback journal.

    SQLite writes to the log beside a file, wherever that leads, and a journal may name a file that it deletes.

    Raises:
        ActsearchError: that is so.
    """
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        if (other := file.with_name(name)).is_symlink():
            raise ActsearchError(f"'{other}' is a link, and a run's own files are none; put the file itself there")
    if (journal := file.with_name(f"{file.name}-journal")).exists():
        raise ActsearchError(f"'{journal}' is a file that no run has; remove it if you know where it comes from")


def check_whole(file: Path) -> None:
    """Check that a file without a log has the pages that it says: SQLite reads what is cut off its last one as zeros.

    Raises:
        sqlite3.DatabaseError: its end is gone.
        OSError: it cannot be read.
    """
    log = file.with_name(f"{file.name}-wal")
    if log.is_file() and log.stat().st_size:
        return
    with file.open("rb") as stream:
        first = stream.read(100)
    if not first.startswith(MAGIC) or len(first) < 100:
        return  # SQLite says what it is
    size = int.from_bytes(first[16:18])
    size = 65536 if size == 1 else size
    if file.stat().st_size < size * int.from_bytes(first[28:32]):
        raise sqlite3.DatabaseError("its end is gone")


@contextmanager
def _copied(file: Path) -> Iterator[Path]:
    """Have a copy of a run file in a folder that can be written to, as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="actsearch-") as folder:
        copy = Path(folder) / file.name
        for name in (file.name, f"{file.name}-wal"):
            if (source := file.with_name(name)).is_file():
                shutil.copyfile(source, copy.with_name(name))
        yield copy
