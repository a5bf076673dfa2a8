"""Ctrl-C and SIGTERM while something trains."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Self

import typer

from primitives.errors import ActsearchError

INTERRUPTED = 130


class Interruptible:
    """Turns Ctrl-C and SIGTERM into a saved campaign, the command that goes on with it, and exit code 130.

    The first one ends the campaign in order: workers are stopped and files closed. A second one ends the process where
    it is. Nothing is lost by that either, since what is finished was stored when it was finished.
    """

    def __init__(self, command: str, folder: Path | None = None) -> None:
        """Say how to go on.

        Args:
            command: that goes on.
            folder: of the run, which says how much is stored; ``None`` where there is no run.
        """
        self._command, self._folder = command, folder
        self._requested = self._began = False

    def __enter__(self) -> Self:
        self._handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _stop(self, *_: object) -> None:
        if self._requested:
            os.write(2, f"\nended at once; everything finished is saved. Go on with: {self._command}\n".encode())
            os._exit(INTERRUPTED)
        self._requested = True
        os.write(2, b"\nstopping; once more ends it at once\n")
        raise KeyboardInterrupt

    def check(self) -> None:
        """Stop now if a signal came where Python ignores exceptions, such as in a destructor."""
        self._began = True
        if self._requested:
            raise KeyboardInterrupt

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            print(f"stopped; {self._saved()}. Go on with: {self._command}", file=sys.stderr)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None

    def _saved(self) -> str:
        """Return what is stored, in a clause."""
        from runs import reading

        if self._folder is None:
            return "everything finished is saved"
        try:
            with reading(self._folder) as store:
                stored = store.trainings()
        except ActsearchError:  # there is no folder yet, or not any more
            if self._began:
                return f"everything finished is saved, but '{self._folder}' is no run now; name where it was moved to"
            stored = 0
        if not stored:
            return "nothing was finished yet, so nothing of it is saved"
        return f"everything finished is saved: {stored:,} training{'s' if stored > 1 else ''}"
