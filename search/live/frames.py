"""Frames of a campaign for whoever takes them: a display, a file of events, the run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, final

from runs.run import Run
from search.campaign.progress import Confirming, Progress
from search.campaign.watching import Watcher
from search.configuration.config import CampaignConfig
from search.live.frame import Frame, Framer
from search.live.wording import prior_lines


class Sink(Protocol):
    """Takes frames."""

    def start(self) -> None:
        """Begin."""

    def show(self, frame: Frame) -> None:
        """Take a frame."""

    def stop(self) -> None:
        """End."""


@final
class Frames(Watcher):
    """Makes a frame of everything that a campaign tells and hands it to sinks."""

    def __init__(self, sinks: Callable[[Path], Sequence[Sink]]) -> None:
        """Prepare.

        Args:
            sinks: makes them for a run folder, when everything is ready.
        """
        self._make, self._framer, self._over = sinks, Framer(), False
        self._sinks: list[Sink] = []

    def started(self, run: Path, config: CampaignConfig) -> None:  # noqa: ARG002
        """Begin."""
        self.begin(run)

    def begin(self, run: Path) -> None:
        """Begin; where a confirmation runs alone there is nothing else to learn first."""
        for sink in self._make(run):
            sink.start()
            self._sinks.append(sink)

    def __call__(self, progress: Progress) -> None:
        """Show the search."""
        self._show(self._framer.search(progress, prior_lines(progress)))

    def confirming(self, confirming: Confirming) -> None:
        """Show confirmation."""
        self._show(self._framer.confirm(confirming))

    def measuring(self) -> None:
        """Show that trainings are over and costs are measured."""
        self._show(self._framer.end("measure"))

    def finished(self, run: Run) -> None:  # noqa: ARG002
        """Show that it is over."""
        self._over = True

    def closed(self) -> None:
        """Show how it ended, and end."""
        self._show(self._framer.end("done" if self._over else "stopped"))
        while self._sinks:
            self._sinks.pop().stop()

    def _show(self, frame: Frame) -> None:
        for sink in self._sinks:
            sink.show(frame)
