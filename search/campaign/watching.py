"""Who watches a campaign: callables that see its progress, and watchers that see its start and end, too."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable
from pathlib import Path

from runs.run import Run
from search.campaign.progress import Confirming, Observer, Progress
from search.configuration.config import CampaignConfig

Enough = Callable[[Progress], bool]
"""A stop criterion: asked whenever trainings have finished; once it is true, nothing more is proposed."""


class Watcher(abc.ABC):
    """Sees a campaign from its start to its end. What it raises stops the campaign, which can be resumed."""

    def started(self, run: Path, config: CampaignConfig) -> None:  # noqa: B027 - most have nothing to prepare
        """Learn that everything is ready and the search begins, or goes on.

        Args:
            run: the folder.
            config: the resolved configuration.
        """

    @abc.abstractmethod
    def __call__(self, progress: Progress) -> None:
        """See the state of the search; the object is the same every time and goes on changing."""

    def confirming(self, confirming: Confirming) -> None:  # noqa: B027
        """See how far confirmation is."""

    def finished(self, run: Run) -> None:  # noqa: B027
        """See the run with its evidence, when the campaign is over."""

    def closed(self) -> None:  # noqa: B027
        """Release what it holds, at the end, whatever happened."""


class _Plain(Watcher):
    """A callable as a watcher."""

    def __init__(self, see: Observer) -> None:
        self._see = see

    def __call__(self, progress: Progress) -> None:
        self._see(progress)


class Watchers(Watcher):
    """Several of them, told in their order."""

    def __init__(self, watchers: Iterable[Watcher | Observer]) -> None:
        self._watchers = [each if isinstance(each, Watcher) else _Plain(each) for each in watchers]

    def started(self, run: Path, config: CampaignConfig) -> None:
        """Tell each."""
        for each in self._watchers:
            each.started(run, config)

    def __call__(self, progress: Progress) -> None:
        """Tell each."""
        for each in self._watchers:
            each(progress)

    def confirming(self, confirming: Confirming) -> None:
        """Tell each."""
        for each in self._watchers:
            each.confirming(confirming)

    def finished(self, run: Run) -> None:
        """Tell each."""
        for each in self._watchers:
            each.finished(run)

    def closed(self) -> None:
        """Tell each."""
        for each in self._watchers:
            each.closed()
