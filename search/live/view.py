"""Frames on a terminal, and as plain lines where there is none."""

from __future__ import annotations

import sys
import threading
import time
from typing import final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from primitives.text import printable
from search.live import wording
from search.live.frame import Frame

_QUIET_SECONDS = 25.0
"""Without a terminal a line comes after so many seconds at the latest."""
_WORKERS = 16


def panel(frame: Frame) -> RenderableType:
    """Return what a terminal shows of a frame."""
    lines = [Text(wording.headline(frame), style="bold")]
    if said := wording.outlook(frame):
        lines.append(Text(said))
    elif frame.phase == "search" and not frame.trained:
        lines.append(Text("training the baselines"))
    lines += [_worker(frame, place) for place in range(min(_WORKERS, len(frame.workers)))]
    if len(frame.workers) > _WORKERS:
        lines.append(Text(f"and {len(frame.workers) - _WORKERS} workers more", style="dim"))
    lines += [Text(note, style="dim") for note in frame.notes]
    if bars := wording.sparkline(frame.curve, frame.trained):
        (_, first), (_, last) = frame.curve[0], frame.curve[-1]
        lines.append(Text(f"best over trainings  {first:.4f} {bars} {last:.4f}"))
    return Group(*lines, _table(frame)) if frame.best else Group(*lines)


def _worker(frame: Frame, place: int) -> Text:
    worker = frame.workers[place]
    return Text(wording.worker_line(worker), style="red" if worker.state == "silent" else "cyan")


def _table(frame: Frame) -> Table:
    title = f"{frame.on_front} on the front" if frame.on_front else ""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("id", justify="right")
    table.add_column("best so far", overflow="fold")
    for label in frame.objectives[:3]:
        table.add_column(Text(label), justify="right")
    for line in frame.best:
        values = [Text(f"{value:.4g}") for value in line.objectives[:3]]
        style = "yellow" if line.baseline else None
        table.add_row("*" if line.front else "", str(line.id), Text(line.formula), *values, style=style)
    return table


@final
class TerminalView:
    """A display that is drawn over itself."""

    def __init__(self, out: Console) -> None:
        self._live = Live(console=out, refresh_per_second=4, transient=True)

    def start(self) -> None:
        """Begin."""
        self._live.start()

    def show(self, frame: Frame) -> None:
        """Draw a frame."""
        self._live.update(panel(frame))

    def stop(self) -> None:
        """Clear the display."""
        self._live.stop()


@final
class LineView:
    """Lines on standard error: when there is something new, and otherwise every 25 seconds, whatever the campaign does.

    A thread of its own looks at the clock, since a search in one process is busy with its trainings.
    """

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._said: tuple[object, ...] = ()
        self._at = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="progress lines", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def show(self, frame: Frame) -> None:
        """Take a frame, and print a line where a tenth is done, the best has changed, or a worker is silent."""
        with self._lock:
            self._frame = frame
            if (news := _news(frame)) != self._said:
                self._said = news
                self._print(frame)

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join(timeout=1.0)

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            with self._lock:
                if time.monotonic() - self._at >= _QUIET_SECONDS:
                    self._print(self._frame)

    def _print(self, frame: Frame | None) -> None:
        self._at = time.monotonic()
        print(printable(_line(frame)), file=sys.stderr, flush=True)


def _news(frame: Frame) -> tuple[object, ...]:
    """Return what a line is worth being printed for."""
    best = frame.best[0].id if frame.best else None
    silent = tuple(worker.worker for worker in frame.workers if worker.state == "silent")
    search = 10 * frame.trained // max(1, frame.budget)
    return frame.phase, search, 5 * frame.confirmed // max(1, frame.confirming), best, silent


def _line(frame: Frame | None) -> str:
    if frame is None:
        return "starting"
    parts = [wording.headline(frame), wording.outlook(frame)]
    if frame.phase == "search":
        parts.append(wording.best_line(frame) or "training the baselines")
    if frame.phase == "confirm":
        parts.append(wording.where_line(frame.workers))
    if frame.phase == "measure":
        parts.append(wording.duration(max(0.0, time.time() - frame.at)))
    silent = [wording.worker_line(worker) for worker in frame.workers if worker.state == "silent"]
    if not silent and len(frame.workers) == 1 and frame.phase == "search":
        silent = [wording.worker_line(frame.workers[0])]
    return "; ".join(part for part in (*parts, *silent) if part)
