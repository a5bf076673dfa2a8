"""The run folder: where a campaign lives, who owns it, and how it comes to be in one piece."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from primitives.errors import ActsearchError, unknown
from runs.files import write_whole
from runs.readable import Readable
from runs.store import Store
from runs.user_code import CODE

DATABASE, CONFIG, LOCK = "run.sqlite", "config.toml", "lock"
EXPORTS = "exports"
_PATIENCE = 1.0
"""Seconds to wait for a lock: who only asks whether somebody has it holds it for a moment."""
_RECORDED = ("actsearch", "torch", "sympy", "deap", "ray", "numpy")


def inside(folder: Path, name: str) -> Path:
    """Return a file of a run folder to write to, its own folder made.

    Raises:
        ActsearchError: a link leads out of the run folder.
    """
    file = folder / name
    if folder.resolve() not in file.resolve().parents:
        raise ActsearchError(f"'{file}' is not inside '{folder}': a link leads out of the run folder; remove it")
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def write_copies(folder: Path, copies: Mapping[str, bytes]) -> None:
    """Write copies of a user's code into a run folder, see :mod:`runs.user_code`.

    Raises:
        OSError: it cannot be written.
        ActsearchError: a link in the run folder leads out of it.
    """
    for path, text in copies.items():
        write_whole(inside(folder, f"{CODE}/{path}"), text)


def check_free(folder: Path) -> None:
    """Check that a run folder can still be made there.

    Raises:
        ActsearchError: something is there already.
    """
    if folder.exists():
        raise ActsearchError(
            f"run folder '{folder}' exists already; 'actsearch resume {folder}' goes on with it, "
            "or choose another with --run"
        )


def create(
    folder: Path, config_text: str, meta: Mapping[str, str], copies: Mapping[str, bytes] = MappingProxyType({})
) -> None:
    """Make a run folder, all of it or nothing.

    Args:
        folder: the place.
        config_text: for reading.
        meta: for the run's own dictionary.
        copies: of a user's code, by path, see :mod:`runs.user_code`.

    Raises:
        ActsearchError: it exists already, or its parent cannot be written.
    """
    check_free(folder)
    parent = folder.parent
    scratch: Path | None = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=parent))
        scratch.chmod(0o755)
        (scratch / CONFIG).write_text(config_text, encoding="utf-8")
        write_copies(scratch, copies)
        Store.create(scratch / DATABASE, {**_provenance(), **meta})
        scratch.rename(folder)
    except BaseException as error:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
        if not isinstance(error, (OSError, sqlite3.Error)):
            raise
        reason = getattr(error, "strerror", None) or error
        raise ActsearchError(
            f"cannot write run folder '{folder}': {reason}; free space there or choose a writable place with --run"
        ) from error


def _provenance() -> dict[str, str]:
    """Return what a reader needs to make the run again."""
    packages = {}
    for name in _RECORDED:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "packages": json.dumps(packages),
        "machine": machine(),
    }


def machine() -> str:
    """Return what this machine is, in words."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def database(folder: Path) -> Path:
    """Return the run file of a folder.

    Raises:
        ActsearchError: the folder is not there or is not a run; the nearest run is suggested.
    """
    file = folder / DATABASE
    if file.is_file():
        return file
    if folder.is_dir():
        raise ActsearchError(f"'{folder}' is a folder but not a run: it has no {DATABASE}")
    parent = folder.parent
    known = [str(path) for path in list_folders(parent)] if parent.is_dir() else []
    known += [str(path) for path in list_folders(Path("campaigns"))] if not known else []
    raise ActsearchError(
        unknown("run folder", str(folder), known) if known else f"run folder '{folder}' does not exist"
    )


def list_folders(parent: Path) -> list[Path]:
    """Return the run folders directly inside a folder, by name."""
    return sorted(path.parent for path in parent.glob(f"*/{DATABASE}") if not path.parent.name.startswith("."))


@contextmanager
def reading(folder: Path) -> Iterator[Store]:
    """Open a run for reading; never blocks and is never blocked by its writer."""
    store = Store(database(folder))
    try:
        yield store
    finally:
        store.close()


def owner_of(folder: Path) -> str | None:
    """Return who writes to a run now, as ``pid 17 on host``; ``None`` where nobody does."""
    if not (folder / LOCK).exists():
        return None
    try:
        with FileLock(folder / LOCK, timeout=0):
            return None
    except Timeout:
        with reading(folder) as store:
            return store.meta("owner", "an unknown process")
    except OSError:  # a folder that cannot be written to, by nobody from here
        return None


def state_of(folder: Path, store: Readable) -> str:
    """Return what becomes of a run: ``searching``, ``confirming``, ``stopped`` or ``finished``.

    What the run file says is what its campaign was at when it last wrote; whether it still runs, the lock tells.
    """
    stored = store.meta("state")
    if stored not in ("searching", "searched"):
        return stored
    if owner_of(folder) is None:
        return "stopped"
    return "searching" if stored == "searching" else "confirming"


@contextmanager
def writing(folder: Path) -> Iterator[Store]:
    """Own a run: open it for writing under a lock that ends with this process.

    Raises:
        ActsearchError: another process owns it; the message names its pid and host.
    """
    file = database(folder)
    try:
        lock = FileLock(inside(folder, LOCK), timeout=_PATIENCE)
        lock.acquire()
    except Timeout:
        with reading(folder) as store:
            holder = store.meta("owner", "an unknown process")
        raise ActsearchError(f"run '{folder}' is in use by {holder}; wait for it or stop it first") from None
    except OSError as error:
        raise ActsearchError(f"cannot lock run '{folder}': {error.strerror or error}; check its permissions") from error
    try:
        store = Store(file, writable=True)
        try:
            store.set_meta("owner", f"pid {os.getpid()} on {socket.gethostname()}")
            yield store
        finally:
            store.close()
    finally:
        lock.release()
