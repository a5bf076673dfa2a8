"""A user's own task: a class in a file or a module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.training.task import AnyTask, rename
from evaluators.training.user_code.importing import UserCode, import_code
from evaluators.training.user_code.place import Place, label_of, place_of
from primitives.errors import ActsearchError, nearest

KIND = "task file"


def is_own(name: str) -> bool:
    """Tell whether a name means a user's own task rather than one of ours."""
    code, colon, _ = name.rpartition(":")
    return bool(code and colon) or name.endswith(".py")


def is_ours(task: AnyTask) -> bool:
    """Tell whether a task is one of this package."""
    return type(task).__module__.partition(".")[0] == __name__.partition(".")[0]


def own_label(name: str) -> str:
    """Return what a run calls a user's task that is named like this: the file without its folder, and the class."""
    code, _, class_name = name.rpartition(":")
    return f"{label_of(code)}:{class_name}"


def own_place(name: str, beside: Sequence[Path] = ()) -> Place:
    """Return where a user's task lies; nothing is run.

    Raises:
        ActsearchError: it names no class, or is not there.
    """
    code, _, class_name = name.rpartition(":")
    if not code or not class_name:
        raise ActsearchError(
            f"task '{name}' must name a file and a class, as in 'my_task.py:MyTask' or 'package.module:MyTask'"
        )
    return place_of(code, KIND, beside)


def own_task(name: str, beside: Sequence[Path] = ()) -> AnyTask:
    """Import a user's code and make its task; see :func:`evaluators.tasks.catalogue.load_task`."""
    code = import_code(own_place(name, beside), KIND)
    class_name = name.rpartition(":")[2]
    found = getattr(code.module, class_name, None)
    if found is None:
        raise ActsearchError(f"{_named(code)} has no class '{class_name}'{_offered(code, class_name)}")
    try:
        task = found()
    except (Exception, SystemExit) as error:
        raise ActsearchError(f"task '{name}' cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(task, AnyTask):
        raise ActsearchError(
            f"'{class_name}' in '{code.place.label}' must subclass evaluators.Task or evaluators.OwnLoop"
        )
    rename(task, own_label(name))
    return task


def _named(code: UserCode) -> str:
    return f"{KIND} '{code.place.label}'"


def _offered(code: UserCode, class_name: str) -> str:
    module = code.module
    own = {n: v for n, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}
    classes = [n for n, v in own.items() if isinstance(v, type) and issubclass(v, AnyTask)]
    return nearest(class_name, classes) or f"; it defines {', '.join(classes) or 'no task'}"
