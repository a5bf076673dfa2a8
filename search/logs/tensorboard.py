"""TensorBoard event files, in the folder ``tensorboard`` of the run; the step is the number of trained candidates."""

from __future__ import annotations

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from runs.run import Run
from search.campaign.progress import Progress
from search.campaign.watching import Watcher
from search.configuration.config import CampaignConfig
from search.logs.numbers import flat, of_confirmation, of_progress

FOLDER = "tensorboard"


class TensorBoardLog(Watcher):
    """Writes scalars while a campaign runs, and at its end hyperparameters, evidence and the front as text.

    Numbers of confirmation have the candidate's id as their step.
    """

    def __init__(self) -> None:
        self._writer: SummaryWriter | None = None
        self._last: dict[str, float] = {}

    def started(self, run: Path, config: CampaignConfig) -> None:
        """Open the event file."""
        self._config = config
        self._writer = SummaryWriter(str(run / FOLDER))
        self._writer.add_text("config", f"```\n{config.model_dump_json(indent=1)}\n```")

    def __call__(self, progress: Progress) -> None:
        """Write the numbers that changed."""
        assert self._writer is not None
        self._last, before = of_progress(progress), self._last
        for name, value in self._last.items():
            if before.get(name) != value and (progress.trained or not name.endswith("_seconds")):
                self._writer.add_scalar(name, value, progress.trained)

    def finished(self, run: Run) -> None:
        """Write hyperparameters, what confirmation measured, and the front."""
        assert self._writer is not None
        for identifier, name, value in of_confirmation(run):
            self._writer.add_scalar(name, value, identifier)
        for name in ("front", "comparisons"):
            table = getattr(run, name).to_csv(index=False)
            self._writer.add_text(name, f"```\n{table}\n```")
        ends = {name: value for name, value in self._last.items() if name.startswith("search/")}
        self._writer.add_hparams(flat(self._config), ends, run_name=".")

    def closed(self) -> None:
        """Write out what is buffered."""
        if self._writer is not None:
            self._writer.close()
