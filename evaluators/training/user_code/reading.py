"""Which files are read while a user's code runs: Python's audit events tell, whoever opens them."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_FEW = 100
_LISTENERS: list[list[Path]] = []
"""What is read goes to the innermost one."""


@contextmanager
def reading() -> Iterator[list[Path]]:
    """Collect the files that are opened for reading within, compiled modules as their sources.

    An inner one stands for the reading of data: an outer one gets Python's sources from it, and what may be settings,
    files of 1 MiB at most where they are few.
    """
    _listen()
    found: list[Path] = []
    _LISTENERS.append(found)
    try:
        yield found
    finally:
        _LISTENERS.pop()
        if _LISTENERS:
            _LISTENERS[-1].extend(_settings(found))


def _settings(found: list[Path]) -> list[Path]:
    small = [path for path in found if path.suffix == ".py" or (path.is_file() and path.stat().st_size <= 2**20)]
    return small if len(set(small)) <= _FEW else [path for path in small if path.suffix == ".py"]


@cache
def _listen() -> None:
    """Hear of every file that this process opens from now on; Python knows no way back."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _LISTENERS:
        return
    name, mode, flags = arguments
    writes = bool(set(mode if isinstance(mode, str) else "") & set("wax+")) or bool(
        (flags or 0) & (os.O_WRONLY | os.O_RDWR)
    )
    if writes or not isinstance(name, (str, bytes, os.PathLike)):
        return
    path = os.path.abspath(os.fsdecode(name))
    if path.endswith(".pyc"):
        try:
            path = importlib.util.source_from_cache(path)
        except ValueError:
            return
    for listener in _LISTENERS[-1:]:  # none, if it was the last one and has just gone
        listener.append(Path(path))
