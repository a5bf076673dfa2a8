"""What launch and resume share: a campaign with its live view, and what is printed when it is over."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from runs import folder as folders
from runs.run import Run
from runs.stacking import unstacked_lines
from search.campaign.progress import Progress
from search.campaign.watching import Watcher
from search.cli.interrupt import Interruptible
from search.cli.printing import print_outcome
from search.cli.progress import ProgressView, closing_line, exhausted_lines, halving_line, prior_lines
from search.configuration.config import CampaignConfig
from search.session.campaign import Campaign


def run_and_print(campaign: Campaign, logs: Iterable[Watcher], quiet: bool) -> None:
    """Run a campaign to its end under Ctrl-C, and print what it left."""
    folder = campaign.folder
    with Interruptible(f"actsearch resume {folder}") as guard:
        with _Shown(quiet, guard) as shown:
            campaign.run([*logs, shown])
        assert campaign.config is not None
        with folders.writing(folder) as store:
            print_outcome(store, folder, campaign.config, campaign.outcome)
            unstacked = unstacked_lines(store)
    if campaign.progress is None:
        print("\nthe campaign was finished before; nothing was left to search")
        return
    print("", *closing_lines(campaign.progress, unstacked), sep="\n")
    print(f"next: actsearch show {folder} ID, actsearch pareto {folder}, actsearch export {folder} ID -o act.py")


def closing_lines(progress: Progress, unstacked: Iterable[str]) -> list[str]:
    """Return what a search came to and what it learned."""
    return [
        closing_line(progress),
        *exhausted_lines(progress),
        halving_line(progress),
        *unstacked,
        *prior_lines(progress),
        *progress.strategy_lines,
    ]


class _Shown(Watcher):
    """The live view, from when everything is ready; use as a context manager."""

    def __init__(self, quiet: bool, guard: Interruptible) -> None:
        self._quiet, self._view, self._stack = quiet, ProgressView(quiet, guard.check), ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def started(self, run: Path, config: CampaignConfig) -> None:
        """Say what begins, and open the view."""
        if not self._quiet:
            print(f"campaign in {run}: {', '.join(config.searched)}, {_limits(config)}", file=sys.stderr)
        self._stack.enter_context(self._view)

    def __call__(self, progress: Progress) -> None:
        """Show the search."""
        self._view(progress)

    def confirming(self, done: int, total: int) -> None:
        """Show confirmation."""
        self._view.confirming(done, total)

    def finished(self, run: Run) -> None:
        """Close the view, so that tables stand alone."""
        del run
        self._stack.close()


def _limits(settings: CampaignConfig) -> str:
    """Return when the search ends."""
    budget = settings.budget
    steps = f", {budget.steps:,} optimiser steps at most" if budget.steps else ""
    minutes = f", {budget.minutes:g} minutes at most" if budget.minutes else ""
    return f"{budget.trainings} trainings{steps}{minutes}"
