"""What launch and resume share: a campaign with its live view, and what is printed when it is over."""

from __future__ import annotations

from collections.abc import Iterable

from runs import folder as folders
from runs.stacking import unstacked_lines
from search.campaign.progress import Progress
from search.campaign.watching import Watcher
from search.cli.interrupt import Interruptible
from search.cli.printing import print_outcome
from search.cli.progress import Announced, closing_line, exhausted_lines, frames, halving_line
from search.live.wording import prior_lines
from search.session.campaign import Campaign


def run_and_print(campaign: Campaign, logs: Iterable[Watcher], quiet: bool, events: str | None) -> None:
    """Run a campaign to its end under Ctrl-C, and print what it left."""
    shown = frames(quiet, events)
    folder = campaign.folder
    with Interruptible(f"actsearch resume {folder}") as guard:
        campaign.run([Announced(guard.check, quiet), shown, *logs])
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
