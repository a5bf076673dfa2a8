"""Live progress: rates, filters and the best formulas so far; plain lines without a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from evaluators.judging.features.catalogue import FEATURES
from evaluators.training.status import FAILURES, PASSED_OVER
from search.campaign.pool import ALIKE, FULL, KNOWN, OUTRANKED, REPEATED
from search.campaign.progress import Progress
from search.cli.output import console, number, say
from search.cli.tables import add_row, new_table

_SHOWN = 8


class ProgressView:
    """Shows a campaign while it runs; use as a context manager and call it with each progress."""

    def __init__(self, quiet: bool = False, check: Callable[[], None] = lambda: None) -> None:
        """Prepare the display.

        Args:
            quiet: show nothing.
            check: called at every event; may raise to stop the campaign.
        """
        self._check = check
        self._console: Console = console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._interactive = self._console.is_terminal and not quiet
        self._quiet = quiet
        self._said: tuple[int, int | None] = (-1, None)

    def __enter__(self) -> Self:
        """Start the live display."""
        if self._interactive:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the live display."""
        if self._interactive:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show the state of the search."""
        self._check()
        if self._interactive:
            self._live.update(_panel(progress))
        elif not self._quiet:
            self._line(progress)

    def confirming(self, done: int, total: int) -> None:
        """Show how far confirmation is."""
        self._check()
        if self._interactive:
            self._live.update(Text(f"confirming on fresh seeds: {done} of {total} jobs"))
        elif not self._quiet and (done == total or done % max(1, total // 5) == 0):
            print(f"confirming on fresh seeds: {done} of {total} jobs", file=sys.stderr, flush=True)

    def _line(self, progress: Progress) -> None:
        """Print a line when a tenth of the budget has gone by or the best formula has changed."""
        if not progress.best:
            return
        best = progress.best[0]
        tenth = 10 * progress.trained // max(1, progress.budget)
        if (tenth, best.id) == self._said:
            return
        self._said = (tenth, best.id)
        value = number(best.point[0], progress.objectives[0].digits)
        say(f"{_headline(progress)}; best {value}: {best.label}", stderr=True)


def _headline(progress: Progress) -> str:
    counts, passed = progress.counts, progress.passed_over
    failed = sum(counts.get(status, 0) for status in FAILURES)
    stopped = f" ({counts['stopped']} stopped early)" if counts.get("stopped") else ""
    outranked = sum(passed.get(reason, 0) for reason in (OUTRANKED, ALIKE, FULL)) + counts.get("outranked", 0)
    known = passed.get(KNOWN, 0) + passed.get(REPEATED, 0) + counts.get("cached", 0)
    rejected = sum(passed.values()) + sum(counts.get(s, 0) for s in PASSED_OVER) - outranked - known
    return (
        f"{progress.trained}/{progress.budget} trained{stopped}, {progress.proposed:,} proposed "
        f"({rejected:,} rejected, {outranked:,} outranked, {known:,} known, {failed} failed), "
        f"{progress.wall_seconds:.0f} s"
    )


def _panel(progress: Progress) -> Group:
    shown = progress.objectives[:2]
    table = new_table("", ">id", "best so far", *(f">{objective.label}" for objective in shown))
    for best in progress.best[:_SHOWN]:
        style = "yellow" if best.baseline else None
        values = (number(value, o.digits) for value, o in zip(best.point, shown, strict=False))
        add_row(table, str(best.id), best.label, *values, style=style)
    lines = [Text(_headline(progress)), Text(_eta(progress)), *(Text(s, style="dim") for s in prior_lines(progress))]
    return Group(*lines, table)


def _eta(progress: Progress) -> str:
    if not progress.trained:
        return "training the baselines"
    left = (progress.budget - progress.trained) * progress.wall_seconds / progress.trained
    return f"about {left:.0f} s left on {progress.workers} worker{'s' if progress.workers > 1 else ''}"


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
