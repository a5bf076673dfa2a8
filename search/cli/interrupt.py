"""Ctrl-C and SIGTERM while something trains."""

from __future__ import annotations

import signal
import sys
from typing import Self

import typer


class Interruptible:
    """Turns Ctrl-C and SIGTERM into a saved campaign, the command that goes on with it, and exit code 130."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._requested = False

    def __enter__(self) -> Self:
        self._handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _stop(self, *_: object) -> None:
        self._requested = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Stop now if a signal came where Python ignores exceptions, such as in a destructor."""
        if self._requested:
            raise KeyboardInterrupt

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            print(f"\nstopped; everything finished is saved. Go on with: {self._command}", file=sys.stderr)
            raise typer.Exit(130) from None
