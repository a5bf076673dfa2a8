"""A campaign that goes on: its run is owned, and its tasks are held against what it remembers of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.training.task import AnyTask
from runs import folder as folders
from search.loading.run import execution_of, make_executor, stored_config
from search.session.opened import Beginning, Opened
from search.session.recorded import import_own, loader_of, recorded_tasks, task_names


@dataclass(frozen=True)
class Resumption(Beginning):
    """A campaign that goes on.

    Attributes:
        folder: of its run.
        moved: where task files are now.
        extensions: where extensions are now.
        trust: import code that never ran here.
        data: folder of data sets.
        execution: keys of ``[execution]`` that differ from those of the start.
        objects: tasks of this program, by the run's name for them.
        notes: none; what is said of tasks was said at the start.
    """

    folder: Path
    moved: Sequence[str] = ()
    extensions: Sequence[str] = ()
    trust: bool = False
    data: Path | None = None
    execution: Mapping[str, str | int] = field(default_factory=dict)
    objects: Mapping[str, AnyTask] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Own the run, import its code, and start its workers.

        Raises:
            ActsearchError: there is no such run, another process owns it, or its code or tasks are not what they were.
        """
        with folders.writing(self.folder) as store:
            import_own(store, self.folder, self.extensions, self.trust)
            settings = stored_config(store, self.folder)
            if store.meta("state") == "finished":
                yield Opened(store, settings, None)
                return
            execution = execution_of(settings, dict(self.execution))
            names = task_names(settings)
            loader = loader_of(settings, names, self.data, execution, self.objects)
            tasks = recorded_tasks(store, self.folder, names, self.moved, loader, self.trust)
            with make_executor(execution, tasks) as executor:
                yield Opened(store, settings, executor)
