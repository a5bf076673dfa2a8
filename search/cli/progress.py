"""Live progress of a campaign, and what is said of it when it is over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, final

from evaluators.judging.features.catalogue import FEATURES
from search.campaign.progress import Confirming, Progress
from search.cli.output import console
from search.live.events import Events, LiveFile
from search.live.frame import Frame, Framer
from search.live.view import LineView, TerminalView


@final
class ProgressView:
    """Shows a campaign while it runs; use as a context manager and call it with each progress."""

    def __init__(
        self,
        quiet: bool = False,
        check: Callable[[], None] = lambda: None,
        folder: Path | None = None,
        events: str | None = None,
    ) -> None:
        """Prepare the display.

        Args:
            quiet: show nothing.
            check: called at every event; may raise to stop the campaign.
            folder: of the run, where the latest frame is kept.
            events: file of JSON lines, ``-`` for standard output.

        Raises:
            ActsearchError: the file of events cannot be written.
        """
        self._check, self._framer = check, Framer()
        out = console(stderr=True)
        self._view = None if quiet else TerminalView(out) if out.is_terminal else LineView()
        self._others: list[Events | LiveFile] = [
            *([Events(events)] if events else []),
            *([LiveFile(folder)] if folder else []),
        ]

    def __enter__(self) -> Self:
        """Start the display."""
        if self._view:
            self._view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the display."""
        if self._view:
            self._view.stop()
        self._tell(self._framer.end("stopped" if kind else "done"))
        for other in self._others:
            other.stop()

    def printing(self) -> None:
        """Take the display away for what is printed next, the last of which are costs that are measured meanwhile."""
        if self._view:
            self._view.stop()
            self._view = None
        self._tell(self._framer.end("measure"))

    def __call__(self, progress: Progress) -> None:
        """Show the state of the search."""
        self._check()
        self._show(self._framer.search(progress, prior_lines(progress)))

    def confirming(self, confirming: Confirming) -> None:
        """Show how far confirmation is."""
        self._check()
        self._show(self._framer.confirm(confirming))

    def _show(self, frame: Frame) -> None:
        if self._view:
            self._view.show(frame)
        self._tell(frame)

    def _tell(self, frame: Frame) -> None:
        for other in self._others:
            other.show(frame)


def prior_lines(progress: Progress) -> list[str]:
    """Return what the campaign has learned about each of the theory's features."""
    if not progress.correlations:
        return ["entropy prior: not enough trainings to judge it"]
    first = progress.objectives[0]
    idle = "; no evidence that it helps" + (", so it is ignored" if progress.prior_chooses else "")
    measured = "error" if first.name == "error" else first.label
    return [
        f"{FEATURES[name].label} against measured {measured}: Spearman {found.rho:+.2f} "
        f"[{found.low:+.2f}, {found.high:+.2f}] over {found.count} candidates and baselines"
        + ("" if found.certain else idle)
        for name, found in progress.correlations.items()
    ]


def exhausted_lines(progress: Progress) -> list[str]:
    """Return why a search ended before its budget was spent, if it did."""
    if not progress.exhausted:
        return []
    return [
        f"the search ended after {progress.trained} of {progress.budget} trainings: nothing new that can be trained "
        "was proposed any more; give the grammar more primitives, numbers or complexity"
    ]


def halving_line(progress: Progress) -> str:
    """Return what stopping losers early saved, over the whole campaign."""
    whole = progress.steps_spent + progress.steps_saved
    if not progress.steps_saved:
        return f"{whole:,} optimiser steps of trainings that did not fail; nobody was stopped early"
    return (
        f"{progress.steps_spent:,} optimiser steps of trainings that did not fail; "
        f"{progress.counts.get('stopped', 0)} candidates were stopped early, "
        f"which saved {progress.steps_saved:,} more ({progress.steps_saved / whole:.0%})"
    )


def closing_line(progress: Progress) -> str:
    """Return where the wall time of this process went."""
    if not progress.training_seconds:
        return f"{progress.trained} candidates were trained before; nothing was left to search"
    available = max(1e-9, progress.wall_seconds * progress.workers)
    share = min(1.0, progress.training_seconds / available)
    driver = min(1.0, progress.driver_seconds / max(1e-9, progress.wall_seconds))
    return (
        f"{progress.trained} candidates trained after {progress.wall_seconds:.0f} s; "
        f"training filled {share:.0%} of the time of "
        f"{progress.workers} worker{'s' if progress.workers > 1 else ''}, the driver {driver:.0%}; "
        f"{progress.proposed:,} proposals were looked at"
    )
