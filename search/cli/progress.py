"""How a campaign is shown while it runs, and what is said of it when it is over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import final

from search.campaign.progress import Confirming, Progress
from search.campaign.watching import Watcher
from search.cli.output import console
from search.configuration.config import CampaignConfig
from search.live.events import Events
from search.live.frames import Frames, Sink
from search.live.view import LineView, TerminalView


def frames(quiet: bool, events: str | None) -> Frames:
    """Return what shows a campaign: on the terminal, in lines, or not at all, and in a file of events.

    Args:
        quiet: show nothing.
        events: file of JSON lines, ``-`` for standard output.

    Raises:
        ActsearchError: the file of events cannot be written.
    """
    sinks: list[Sink] = [Events(events)] if events else []
    if not quiet:
        out = console(stderr=True)
        sinks.insert(0, TerminalView(out) if out.is_terminal else LineView())
    return Frames(lambda _: sinks)


@final
class Announced(Watcher):
    """Says what begins, and stops the campaign where a signal came while Python ignored exceptions."""

    def __init__(self, check: Callable[[], None], quiet: bool) -> None:
        self._check, self._quiet = check, quiet

    def started(self, run: Path, config: CampaignConfig) -> None:
        """Say it."""
        if not self._quiet:
            print(f"campaign in {run}: {', '.join(config.searched)}, {_limits(config)}", file=sys.stderr, flush=True)

    def __call__(self, progress: Progress) -> None:  # noqa: ARG002
        """Stop, perhaps."""
        self._check()

    def confirming(self, confirming: Confirming) -> None:  # noqa: ARG002
        """Stop, perhaps."""
        self._check()


def _limits(settings: CampaignConfig) -> str:
    """Return when the search ends."""
    budget = settings.budget
    steps = f", {budget.steps:,} optimiser steps at most" if budget.steps else ""
    minutes = f", {budget.minutes:g} minutes at most" if budget.minutes else ""
    return f"{budget.trainings} trainings{steps}{minutes}"


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
