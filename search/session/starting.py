"""A new campaign: everything is read, imported, tried and checked before its run folder is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluators.judging.objectives import chosen_objectives
from evaluators.tasks.check import metric_names
from evaluators.training.task import AnyTask
from runs import axes as run_axes
from runs import folder as folders
from runs import scores as run_scores
from runs.lessons import Lesson
from runs.lessons import as_meta as lessons_as_meta
from runs.user_code import TaskRecord, as_meta, kept_copies
from search.campaign.loop import check_objectives, check_starters
from search.campaign.reach import check_wishes
from search.configuration.config import CampaignConfig
from search.configuration.layers import Layers
from search.configuration.writing import to_toml
from search.loading.extensions import import_named, record_of
from search.loading.formulas import Found, fitting, formulas_from
from search.loading.lessons import taught_by
from search.loading.run import default_folder, make_executor, settled
from search.loading.tasks import Loader, refuse_data_without_use
from search.session.notes import notes
from search.session.opened import Beginning, Opened
from search.session.recorded import scores_of_tasks, task_names


@dataclass(frozen=True)
class Start(Beginning):
    """A new campaign that can begin.

    Attributes:
        folder: where its run will be.
        settings: the configuration that the run remembers.
        tasks: by label.
        meta: of the run file.
        copies: of a user's code.
        notes: what a person should know before.
    """

    folder: Path
    settings: CampaignConfig
    tasks: Mapping[str, AnyTask]
    meta: Mapping[str, str]
    copies: Mapping[str, bytes]
    notes: tuple[str, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Start the workers, then make the run folder and own it.

        Raises:
            ActsearchError: workers cannot be started, or the folder cannot be made.
        """
        with make_executor(self.settings.execution, self.tasks) as executor:
            folders.create(self.folder, self.meta["config"], self.meta, self.copies)
            with folders.writing(self.folder) as store:
                yield Opened(store, self.settings, executor)


def start(
    asked: Layers, run: Path | None = None, sources: Sequence[Path] = (), objects: Mapping[str, AnyTask] | None = None
) -> Start:
    """Return a campaign that can begin; nothing is written yet.

    Args:
        asked: the configuration.
        run: the folder; one with date and name in ``campaigns/`` when ``None``.
        sources: of formulas to start from, see :mod:`search.loading.formulas`.
        objects: tasks of this program, by the name that the configuration has for them.

    Raises:
        ActsearchError: something cannot be, or does not work.
    """
    codes = import_named(asked)
    given = asked.config()
    check_starters(given)
    folder = run or default_folder(given.name)
    folders.check_free(folder)
    names = task_names(given)
    refuse_data_without_use(given.data, names)
    loaded = Loader(given.execution.executor, given.data, asked.beside, objects or {}).named(names)
    labels = [code.place.label for code in codes]
    whole = settled(given, loaded.labels, labels, loaded.tasks)
    said: list[str] = []
    if sources:  # only now is known what the tasks need of seeds
        found = [fitting(whole, formulas_from(source), source) for source in sources]
        said += [f"note: not a seed, {reason}" for each in found for reason in each.passed_over]
        asked = _with_seeds(asked, found)
        whole = settled(asked.config(), loaded.labels, labels, loaded.tasks)
        check_starters(whole)
    check_wishes(whole)
    first = loaded.tasks[whole.task]
    check_objectives(whole, first, metric_names(first))
    asked.refuse_idle(whole)  # again: rungs may fall together on the steps of a recipe
    said += [*notes(asked, given, whole, loaded.tasks)]
    lessons, told = _lessons(sources, whole, loaded.records[whole.task])
    text = to_toml(whole)
    meta = {"config": text, "seed": str(whole.seed), "state": "searching"}
    meta |= as_meta(loaded.records.values(), map(record_of, codes))
    meta |= run_axes.as_meta(chosen_objectives(whole.objectives, whole.goes_by))
    meta |= run_scores.as_meta(scores_of_tasks(loaded.tasks, whole)) | lessons_as_meta(lessons)
    copies = kept_copies([(c.place.label, c.sources) for c in (*codes, *loaded.codes.values())])
    return Start(folder, whole, loaded.tasks, meta, copies, (*said, *told))


def _with_seeds(asked: Layers, found: Sequence[Found]) -> Layers:
    """Return layers whose seeds are those of the file and preset, and then what was found."""
    own = asked.raw.get("seeds", [])
    seeds = [*(own if isinstance(own, list) else []), *(text for each in found for text in each.formulas)]
    return dataclasses.replace(asked, options={**asked.options, "seeds": list(dict.fromkeys(seeds))})


def _lessons(
    sources: Sequence[Path], settings: CampaignConfig, record: TaskRecord
) -> tuple[list[Lesson], tuple[str, ...]]:
    """Return what the runs among some sources teach; and how much that is, or why only their formulas count."""
    lessons: list[Lesson] = []
    said = []
    for source in sources:
        if not source.is_dir():
            continue
        taught = taught_by(source, settings, record)
        lessons += taught.lessons
        told = sum(bool(lesson.points) for lesson in taught.lessons)
        if taught.why_not:
            said.append(f"note: of '{source}' only formulas are taken over: {taught.why_not}")
        else:
            rest = "they are not repeated, but for those of seeds"
            said.append(f"note: {told} trainings of '{source}' teach this campaign; {rest}")
    return list({lesson.expression: lesson for lesson in lessons}.values()), tuple(said)
