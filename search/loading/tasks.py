"""Tasks for a command: imported, tried, and held against what the run remembers of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from evaluators import load_task
from evaluators.tasks.catalogue import needs_data
from evaluators.tasks.check import check_task
from evaluators.tasks.fingerprint import TaskPrint, code_of, print_of
from evaluators.tasks.own import KIND, is_own, own_label, own_place
from evaluators.training.pieces import seeded
from evaluators.training.task import AnyTask
from evaluators.training.user_code.importing import UserCode, also_read, import_code
from evaluators.training.user_code.reading import reading
from evaluators.training.user_code.sources import sources_of
from primitives.errors import ActsearchError, nearest
from runs.user_code import TaskRecord, kept_in
from search.loading.objects import OBJECT, not_here, print_of_object
from search.loading.trust import allow, remember

_VARIANT = re.compile(r"@[0-9a-f]{8}$")


@dataclass(frozen=True)
class Loaded:
    """Tasks that are ready to be trained on.

    Attributes:
        tasks: by label, which is their name.
        records: what a run remembers of them, by label.
        labels: by the name that was given.
        codes: of users' tasks, by label.
    """

    tasks: dict[str, AnyTask] = field(default_factory=dict)
    records: dict[str, TaskRecord] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    codes: dict[str, UserCode] = field(default_factory=dict)

    def add(self, given: str, label: str, one: _Task) -> None:
        """Take a task in under a label."""
        one.task.name = label
        self.tasks[label], self.labels[given] = one.task, label
        self.records[label] = TaskRecord(label, one.where, one.made_of)
        if one.code is not None:
            self.codes[label] = one.code


@dataclass(frozen=True)
class _Task:
    """A task that was tried on a few examples."""

    task: AnyTask
    where: str
    made_of: TaskPrint
    code: UserCode | None


@dataclass(frozen=True)
class Loader:
    """How a command loads tasks.

    Attributes:
        executor: ``ray`` where the tasks must come through to its workers.
        data: folder of data sets.
        beside: folders to look for task files in after the current one.
        objects: tasks of this program by name, which no file holds.
    """

    executor: str = "serial"
    data: str | None = None
    beside: tuple[Path, ...] = ()
    objects: Mapping[str, AnyTask] = field(default_factory=dict)

    def named(self, names: Iterable[str]) -> Loaded:
        """Return tasks that the user names.

        Raises:
            ActsearchError: one is not there or does not work; the message says what and where.
        """
        loaded = Loaded()
        for name in dict.fromkeys(names):
            one = self._tried(name)
            label = _free(base_label(name), one.made_of, loaded.records)
            loaded.add(name, label, one)
        remember((code.fingerprint, label) for label, code in loaded.codes.items())
        return loaded

    def recorded(
        self, labels: Iterable[str], records: Mapping[str, TaskRecord], folder: Path, moved: Sequence[str], trust: bool
    ) -> Loaded:
        """Return tasks of a run.

        Args:
            labels: as the run calls them.
            records: what the run remembers of them.
            folder: of the run.
            moved: where the user says that some of them are now.
            trust: import what never ran on this machine, too.

        Raises:
            ActsearchError: one is not there, has changed, is not known on this machine, or does not work.
        """
        wanted = list(dict.fromkeys(labels))
        now = _where_now(moved, wanted)
        loaded = Loaded()
        for label in wanted:
            record = records.get(label)
            where = now.get(label) or (record.where if record else label)
            if where == OBJECT:
                if label not in self.objects:
                    raise not_here(label)
                where = label
            self._allow(label, where, record, folder, trust or label in now)
            one = self._tried(where, record.made_of.code if record else ())
            if record is not None and (difference := record.made_of.difference(one.made_of)):
                raise ActsearchError(_changed(label, difference, record, folder))
            loaded.add(label, label, one)
        return loaded

    def beside_results(self, names: Iterable[str], records: Mapping[str, TaskRecord], results: Iterable[str]) -> Loaded:
        """Return tasks that the user names for a run that may have results of them, or of another version.

        The same content gets the same label, wherever it lies; another version gets one of its own.

        Args:
            names: as the user gives them.
            records: what the run remembers.
            results: labels that the run has results of, with or without a record.
        """
        loaded = Loaded()
        known = {**dict.fromkeys(results), **records}
        for name in dict.fromkeys(names):
            one = self._tried(name)
            alike = [other for other in known if base_label(other) == base_label(name)]
            same = (other for other in alike if _matches(known[other], one.made_of))
            label = next(same, None) or _free(base_label(name), one.made_of, dict.fromkeys(alike))
            if label not in known and alike:
                print(
                    f"note: {name} is not the {alike[0]} that the run has results of, so it is kept apart as {label}",
                    file=sys.stderr,
                )
            loaded.add(name, label, one)
        remember((code.fingerprint, label) for label, code in loaded.codes.items())
        return loaded

    def _allow(self, label: str, where: str, record: TaskRecord | None, folder: Path, trusted: bool) -> None:
        """Refuse to import code of a run that changed, or that never ran here unless the user names it."""
        if not is_own(where):
            return
        try:
            place = own_place(where)
        except ActsearchError as error:
            raise ActsearchError(
                f"{error}; say where the run's task {label} is now with --task 'PLACE/{base_label(label)}'"
            ) from None
        sources = sources_of(place, record.made_of.code if record else ())
        if record is not None and (difference := record.made_of.code_difference(code_of(sources))):
            raise ActsearchError(_changed(label, difference, record, folder))
        allow(place, sources, label, trusted)

    def _tried(self, name: str, also: Iterable[str] = ()) -> _Task:
        """Return a task that works; ``also`` are files that are known to belong to its code."""
        if name in self.objects:
            return self._tried_object(self.objects[name])
        code, where = None, name
        with reading() as read:
            if is_own(name):
                place = own_place(name, self.beside)
                code, where = import_code(place, KIND, also), f"{place.where}:{name.rpartition(':')[2]}"
            task = self._made(name)
            self._check(task)
        if code is None:
            return _Task(task, where, print_of(task), None)
        code = also_read(code, read)
        with seeded(0, torch.device("cpu")):
            made_of = print_of(task, code.sources)
        with seeded(1, torch.device("cpu")):  # whatever the generators were before
            again = print_of(self._made(name), code.sources)
        _refuse_other_data(task, made_of, again)
        return _Task(task, where, made_of, code)

    def _tried_object(self, task: AnyTask) -> _Task:
        """Return a task of this program that works."""
        self._check(task)
        prints = []
        for seed in range(2):  # whatever the generators were before
            with seeded(seed, torch.device("cpu")):
                prints.append(print_of_object(task))
        _refuse_other_data(task, *prints)
        return _Task(task, OBJECT, prints[0], None)

    def _check(self, task: AnyTask) -> None:
        for said in check_task(task, self.executor):
            print(f"note: task '{task.name}': {said}", file=sys.stderr)

    def _made(self, name: str) -> AnyTask:
        return load_task(name, Path(self.data) if self.data else None, self.beside)


def _refuse_other_data(task: AnyTask, first: TaskPrint, again: TaskPrint) -> None:
    """Refuse a task whose data differ from one time to the next."""
    if names := first.data_difference(again):
        raise ActsearchError(
            f"task '{task.name}': data() answers otherwise when it is asked again ({', '.join(names)}), so no "
            "results would belong together; draw from a generator with a seed, as torch.Generator().manual_seed(0)"
        )


def base_label(name: str) -> str:
    """Return a task's label, the file without its folder and the class, without what keeps another version apart."""
    plain = _VARIANT.sub("", name)
    return own_label(plain) if is_own(plain) else plain


def _matches(record: TaskRecord | None, made_of: TaskPrint) -> bool:
    """Tell whether a task is the one of a record; a run of an older version says nothing, and is believed."""
    return record is None or record.made_of.difference(made_of) is None


def _free(label: str, made_of: TaskPrint, taken: Mapping[str, TaskRecord | None]) -> str:
    """Return a label that no other task has."""
    return label if label not in taken else f"{label}@{made_of.short}"


def _where_now(moved: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """Return where the tasks of a run are now, by label."""
    own = [label for label in labels if is_own(label)]
    found = {}
    for given in moved:
        own_place(given)
        same_name = [label for label in own if base_label(label) == base_label(given)]
        same_class = [label for label in own if base_label(label).rpartition(":")[2] == given.rpartition(":")[2]]
        fitting = same_name or same_class
        if len(fitting) != 1:
            raise ActsearchError(
                f"--task {given}: the run has no task of that file and class{nearest(own_label(given), own)}"
                if not fitting
                else f"--task {given} may be any of {', '.join(fitting)}; name the file as it was named"
            )
        found[fitting[0]] = given
    return found


def _changed(label: str, difference: str, record: TaskRecord, folder: Path) -> str:
    said = f"task '{label}' is not what it was when the run was made: {difference}; its results do not belong together"
    if difference.startswith("its data"):
        return (
            f"{said}; put the data back as they were, or seed what data() draws, as by "
            "torch.Generator().manual_seed(0), and launch a campaign of its own"
        )
    if record.where == OBJECT:
        return f"{said}; go on with the object that it was, or launch a campaign of its own"
    if not record.made_of.code:
        return f"{said}; go on where it was made, or launch a campaign of its own"
    copy = kept_in(folder, own_label(record.where).rpartition(":")[0])
    return (
        f"{said}; put it back (the run keeps a copy of its code in {copy}), say where it lies with --task, "
        "or launch a campaign of its own"
    )


def refuse_data_without_use(data: Path | str | None, tasks: Iterable[str]) -> None:
    """Refuse ``--data`` where every task brings its own.

    Raises:
        ActsearchError: that is so.
    """
    names = list(dict.fromkeys(tasks))
    if data is not None and not any(map(needs_data, names)):
        raise ActsearchError(f"--data has no effect: {', '.join(names)} brings its own data; leave it out")
