"""A campaign for programs: from a configuration, or from a run that stopped, to evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import runs
from evaluators.training.task import AnyTask
from primitives.errors import ActsearchError
from runs import finalists
from runs.folder import database
from runs.run import Run
from search.campaign.confirmation import confirm
from search.campaign.estimate import measuring_seconds
from search.campaign.loop import Search
from search.campaign.progress import Observer, Progress
from search.campaign.watching import Enough, Watcher, Watchers
from search.configuration.config import CampaignConfig
from search.configuration.layers import Layers, layers
from search.configuration.reading import PRESETS, merge_chosen
from search.live.events import LiveFile
from search.live.frames import Frames
from search.loading.objects import by_name, note
from search.logs.catalogue import loggers
from search.session.opened import Beginning, Opened
from search.session.outcome import Outcome, keep_costs, with_report, write_outcome
from search.session.recorded import plan_of
from search.session.resuming import Resumption
from search.session.starting import Start, start


class Campaign:
    """A campaign from its start to its end: what ``actsearch launch`` and ``resume`` do, without printing.

    Making one reads, imports and tries everything that the configuration names and writes nothing. :meth:`run`
    makes the run folder, searches on the configured executor, confirms the finalists on fresh seeds, draws the front,
    exports the best, measures what the finalists cost, and writes the report.

    Attributes:
        folder: of the run.
        notes: what a person should know before it starts, a line each.
        config: the resolved configuration; of a run that is resumed it is known once that has gone on.
        progress: of the search, once it has run; ``None`` of a campaign that was finished before.
        outcome: the files that it left beside the run file, once it has run.

    Example:
        >>> from search import Campaign
        >>> campaign = Campaign("smoke", {"budget": {"trainings": 8}}, run="campaigns/tried")  # doctest: +SKIP
        >>> run = campaign.run(stop=lambda progress: progress.trained >= 4)  # doctest: +SKIP
        >>> run.front  # doctest: +SKIP
    """

    def __init__(
        self,
        config: CampaignConfig | Layers | Mapping[str, Any] | Path | str | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        preset: str | None = None,
        run: Path | str | None = None,
        task: AnyTask | Sequence[AnyTask] = (),
        start_from: Iterable[Path | str] = (),
    ) -> None:
        """Check everything.

        Args:
            config: the name of a preset, a TOML file, nested dictionaries as in such a file, or a checked
                configuration; the preset ``quick`` where nothing is said. The command line gives its layers.
            options: keys over those, as ``{"budget": {"trainings": 40}}``.
            preset: which a file or dictionaries are put over.
            run: the folder, which must not exist; ``campaigns/<date>-<name>`` when left out.
            task: one or more tasks of this program. The search is on the first, unless ``config`` names tasks; it does
                that by their ``name``. No file holds them, so only :meth:`resume` with the same objects can go on.
            start_from: formulas to start from: lists, PySR's hall of fame, or runs, as ``launch --from``.

        Raises:
            ActsearchError: something in it cannot be; the message says what, and how to mend it.
        """
        objects = by_name(_several(task))
        asked = _layers(config, preset, options or {}, objects)
        found = start(asked, None if run is None else Path(run), [Path(source) for source in start_from], objects)
        if idle := [name for name in objects if name not in found.tasks]:
            raise ActsearchError(
                f"task object '{idle[0]}' is not used: the configuration names {', '.join(found.tasks)}; name it there"
            )
        said = [note(name) for name in objects]
        self._prepare(dataclasses.replace(found, notes=(*found.notes, *said)))

    @classmethod
    def resume(
        cls,
        run: Path | str,
        *,
        task: AnyTask | Sequence[AnyTask] = (),
        budget: Mapping[str, float] = MappingProxyType({}),
        moved: Sequence[str] = (),
        extensions: Sequence[str] = (),
        trust: bool = False,
        data: Path | str | None = None,
        execution: Mapping[str, str | int] | None = None,
    ) -> Self:
        """Return the campaign of a run that stopped, wherever it stopped; :meth:`run` goes on with it.

        Args:
            run: the folder.
            task: the tasks of this program that it was started with.
            budget: new totals that extend the search, a finished one too: ``trainings``, ``steps`` or ``minutes``.
            moved: where task files of the run are now, each ``file.py:Class``.
            extensions: where its extensions are now.
            trust: import the run's own code though it never ran on this machine.
            data: folder of data sets.
            execution: what differs from its start: ``executor``, ``workers``, ``address``, ``device``.

        Raises:
            ActsearchError: the folder is not there or is no run.
        """
        folder = Path(run).expanduser()
        database(folder)
        objects = by_name(_several(task))
        where = None if data is None else Path(data)
        campaign = cls.__new__(cls)
        campaign._prepare(Resumption(folder, moved, extensions, trust, where, execution or {}, objects, budget))
        return campaign

    def _prepare(self, beginning: Beginning) -> None:
        self._beginning = beginning
        self.folder, self.notes = beginning.folder, beginning.notes
        self.config: CampaignConfig | None = beginning.settings if isinstance(beginning, Start) else None
        self.progress: Progress | None = None
        self.outcome = Outcome()

    def run(
        self,
        callbacks: Watcher | Observer | Iterable[Watcher | Observer] = (),
        stop: Enough | None = None,
        log: str | Iterable[str] = (),
    ) -> Run:
        """Search, confirm, draw the front, export the best, write the report, and return what was left.

        A ``KeyboardInterrupt``, of Ctrl-C or of a notebook's stop button, or whatever a callback raises, ends it after
        the workers are stopped; what was finished is stored, and :meth:`resume` goes on.

        Args:
            callbacks: called with the :class:`search.campaign.progress.Progress` after each event; a
                :class:`search.campaign.watching.Watcher` sees confirmation and the end, too.
            stop: asked with the progress whenever trainings have finished; once it is true the search ends as if its
                budget were spent: what is in flight is trained, and confirmation follows.
            log: ``tensorboard``, ``mlflow`` or both.

        Raises:
            ActsearchError: a library for ``log`` is missing, workers cannot be started, the run cannot be written, or
                nothing can be trained.
        """
        given = [callbacks] if callable(callbacks) else list(callbacks)
        logs = loggers([log] if isinstance(log, str) else log)
        watchers = Watchers([Frames(lambda run: [LiveFile(run)]), *logs, *given])
        try:
            with self._beginning.opened() as opened:
                self._carry_out(opened, watchers, stop)
            self.outcome = with_report(self.outcome, self.folder)
        finally:
            watchers.closed()
        return runs.load(self.folder)

    def _carry_out(self, opened: Opened, watchers: Watchers, stop: Enough | None) -> None:
        store, settings, executor = opened.store, opened.settings, opened.executor
        self.config = settings
        if executor is None:  # it was finished before
            self.outcome = write_outcome(store, self.folder, settings)
            keep_costs(store, settings)
            return
        search = Search(settings, store)
        watchers.started(self.folder, settings)
        search.run(executor, watchers, stop)
        if settings.confirm.automatic and finalists(store, 1):
            confirm(store, plan_of(settings), executor, watchers.confirming, measuring_seconds(settings))
        self.progress, self.outcome = search.progress, write_outcome(store, self.folder, settings)
        store.set_meta("state", "finished")
        if settings.confirm.measure:
            watchers.measuring()
        keep_costs(store, settings)
        watchers.finished(runs.load(self.folder))


def _several(task: Any) -> Sequence[Any]:
    """Return task objects, one or more, in a list; what is none is told where they are named."""
    return task if isinstance(task, (list, tuple)) else [task]


def _layers(
    config: CampaignConfig | Layers | Mapping[str, Any] | Path | str | None,
    preset: str | None,
    options: Mapping[str, Any],
    objects: Mapping[str, AnyTask],
) -> Layers:
    """Return a configuration in layers, whatever form it has."""
    if isinstance(config, Layers):
        return config
    file: Path | None = None
    if isinstance(config, str) and config in PRESETS:
        if preset is not None:
            raise ActsearchError(f"two presets, '{config}' and '{preset}'; name one")
        preset = config
    elif isinstance(config, (str, Path)):
        file = Path(config)
    elif isinstance(config, CampaignConfig):
        said = config.model_dump(mode="json", exclude_none=True)
        if objects and said["task"] == CampaignConfig.model_fields["task"].default:
            del said["task"]
        options = merge_chosen(said, dict(options))
    elif config is not None:
        options = merge_chosen(dict(config), dict(options))
    chosen = preset or ("quick" if config is None else None)
    own = layers(file, None, dict(options)).raw
    if objects and "task" not in own and not own.get("tasks"):
        options = {**options, "task": next(iter(objects)), "confirm": {"tasks": [], **options.get("confirm", {})}}
    return dataclasses.replace(layers(file, chosen, dict(options)), spoken="options")
