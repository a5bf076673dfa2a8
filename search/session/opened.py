"""A campaign that is ready to go on, however it came to be."""

from __future__ import annotations

import abc
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from evaluators import Executor
from runs import Store
from search.configuration.config import CampaignConfig


@dataclass(frozen=True)
class Opened:
    """A run that this process owns.

    Attributes:
        store: of its run file.
        settings: its configuration.
        executor: holding its tasks; ``None`` of a campaign that was finished before.
    """

    store: Store
    settings: CampaignConfig
    executor: Executor | None


class Beginning(abc.ABC):
    """How a campaign begins or goes on.

    Attributes:
        folder: of its run.
    """

    folder: Path
    notes: tuple[str, ...]

    @abc.abstractmethod
    def opened(self) -> AbstractContextManager[Opened]:
        """Own the run, with workers that are ready, until the context ends."""
