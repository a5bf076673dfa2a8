"""Which logs there are, and what each needs to be installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from primitives.errors import ActsearchError, unknown
from runs.run import Run
from search.campaign.progress import Progress
from search.campaign.watching import Watcher
from search.configuration.config import CampaignConfig


@dataclass(frozen=True)
class Log:
    """A log.

    Attributes:
        made_by: module and class of its watcher.
        needs: modules that must be installed.
    """

    made_by: tuple[str, str]
    needs: tuple[str, ...]


LOGS = {
    "tensorboard": Log(("tensorboard", "TensorBoardLog"), ("tensorboard",)),
    "mlflow": Log(("mlflow", "MlflowLog"), ("mlflow", "sqlalchemy", "alembic")),
}
"""By name; the extra that installs what it needs has the same."""


def loggers(names: Iterable[str]) -> list[Watcher]:
    """Return a watcher for each log.

    Raises:
        ActsearchError: there is none of that name, or what it needs is not installed.
    """
    wanted = dict.fromkeys(names)
    for name in wanted:
        if name not in LOGS:
            raise ActsearchError(unknown("log", name, LOGS))
        if missing := [module for module in LOGS[name].needs if find_spec(module) is None]:
            needed = " and ".join(missing)
            raise ActsearchError(f"log '{name}' needs {needed}, not installed here: pip install 'actsearch[{name}]'")
    return [_Forgiving(name, _made(name)) for name in wanted]


def _made(name: str) -> Watcher:
    module, attribute = LOGS[name].made_by
    made: Watcher = getattr(importlib.import_module(f"search.logs.{module}"), attribute)()
    return made


class _Forgiving(Watcher):
    """A log that ends with its first failure, which is said, and not the campaign with it."""

    def __init__(self, name: str, log: Watcher) -> None:
        self._name, self._log, self._failed = name, log, False

    def _try(self, call: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            call()
        except Exception as error:  # whatever a library raises, a full disk, a server that is gone
            self._failed = True
            said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            print(f"note: log '{self._name}' failed, and the campaign goes on without it: {said}", file=sys.stderr)

    def started(self, run: Path, config: CampaignConfig) -> None:
        """Tell the log."""
        self._try(lambda: self._log.started(run, config))

    def __call__(self, progress: Progress) -> None:
        """Tell the log."""
        self._try(lambda: self._log(progress))

    def finished(self, run: Run) -> None:
        """Tell the log."""
        self._try(lambda: self._log.finished(run))

    def closed(self) -> None:
        """Tell the log."""
        self._try(self._log.closed)
