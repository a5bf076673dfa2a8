"""Frames for other programs: JSON lines as they come, and the latest one in the run folder."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TextIO, final

from pydantic import ValidationError

from primitives.errors import ActsearchError
from runs.files import write_whole
from runs.folder import inside
from search.live.frame import Frame

LIVE = "live.json"
"""In a run folder: what its campaign did last."""
_EVERY = 1.0
_LARGEST = 2**20


@final
class Events:
    """Writes frames as JSON lines, one a second at most, and always the first and the last one of a phase.

    Each line is a :class:`search.live.frame.Frame`: every key is there, ``null`` where nothing is known.
    """

    def __init__(self, place: str) -> None:
        """Open the file.

        Args:
            place: of the file, to which is appended; ``-`` is standard output.

        Raises:
            ActsearchError: it cannot be written.
        """
        self._next, self._phase = 0.0, ""
        self._held: Frame | None = None
        try:
            self._stream: TextIO = sys.stdout if place == "-" else open(place, "a", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise ActsearchError(
                f"cannot write events to '{place}': {error.strerror or error}; name a file in a folder that is there, "
                "or - for standard output"
            ) from error

    def start(self) -> None:
        """Begin."""

    def show(self, frame: Frame) -> None:
        """Write a frame; one of the same phase that was just written holds it back until the phase ends."""
        now = time.monotonic()
        if now < self._next and frame.phase == self._phase:
            self._held = frame
            return
        if frame.phase != self._phase:
            self._write_held()
        self._next, self._phase, self._held = now + _EVERY, frame.phase, None
        self._write(frame)

    def _write_held(self) -> None:
        if self._held is not None:
            self._write(self._held)
            self._held = None

    def _write(self, frame: Frame) -> None:
        print(frame.model_dump_json(), file=self._stream, flush=True)

    def stop(self) -> None:
        """Close the file."""
        self._write_held()
        if self._stream is not sys.stdout:
            self._stream.close()


@final
class LiveFile:
    """Keeps the latest frame in the run folder, for who watches from another process; replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._next, self._phase = folder, 0.0, ""

    def start(self) -> None:
        """Begin."""

    def show(self, frame: Frame) -> None:
        """Write a frame, unless one was just written; a folder that cannot be written is no reason to stop."""
        now = time.monotonic()
        if now < self._next and frame.phase == self._phase:
            return
        self._next, self._phase = now + 2 * _EVERY, frame.phase
        if not self._folder.is_dir():  # it was moved: whoever moved it looks there
            return
        try:
            write_whole(inside(self._folder, LIVE), frame.model_dump_json().encode())
        except OSError:
            return

    def stop(self) -> None:
        """Leave the last frame there."""


def last_frame(folder: Path) -> Frame | None:
    """Return what a run's campaign did last, ``None`` where there is nothing, or nothing of ours."""
    try:
        file = folder / LIVE
        if file.stat().st_size > _LARGEST:
            return None
        return Frame.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None
