"""Tasks that are objects of a Python program, as of a notebook: no file holds them, so a run cannot find them again."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import textwrap
from collections.abc import Iterable
from typing import Any

from evaluators.tasks.catalogue import TASKS
from evaluators.tasks.fingerprint import TaskPrint, print_of
from evaluators.tasks.own import is_own
from evaluators.training.task import AnyTask, rename
from primitives.errors import ActsearchError

OBJECT = "<object>"
"""Where a run says that such a task is."""


def by_name(tasks: Iterable[AnyTask]) -> dict[str, AnyTask]:
    """Return task objects by what a configuration calls them: their ``name``, else that of the class.

    Raises:
        ActsearchError: one is no task, or its name is that of another, of a task of ours, or of a file and a class.
    """
    found: dict[str, AnyTask] = {}
    for task in tasks:
        if not isinstance(task, AnyTask):
            raise ActsearchError(
                f"a task must be an object of a subclass of evaluators.Task or evaluators.OwnLoop, not {task!r:.60}; "
                "a name, as 'mnist1d-mlp' or 'my_task.py:MyTask', goes into the configuration"
            )
        name = getattr(task, "name", None)
        if not isinstance(name, str):
            name = type(task).__name__
            rename(task, name)
        if name in TASKS or is_own(name) or name in found:
            raise ActsearchError(
                f"a task object cannot be called '{name}', which means another task; give its class a name of its own, "
                "as name = 'my-task', or name the other one in the configuration"
            )
        found[name] = task
    return found


def note(name: str) -> str:
    """Return what is lost with a task object, in a sentence."""
    return (
        f"note: task '{name}' is an object of this program, so 'actsearch resume' and 'confirm' cannot find it; "
        "search.Campaign.resume(run, task=...) goes on with the same object, and a task in a file can be named, as "
        "'my_task.py:MyTask'"
    )


def not_here(label: str) -> ActsearchError:
    """Return the error for a run whose task object is wanted and not given."""
    return ActsearchError(
        f"the run's task '{label}' was an object of a Python program, and no file holds it; go on from such a program, "
        "with search.Campaign.resume(run, task=...)"
    )


def print_of_object(task: AnyTask) -> TaskPrint:
    """Return what a task object is made of; of its code, the methods whose text can be found."""
    return dataclasses.replace(print_of(task), code=_methods(task))


def _methods(task: AnyTask) -> dict[str, str]:
    """Return a hash of each method that no package of ours or of Python has."""
    found = {}
    for kind in type(task).__mro__:
        if kind.__module__.partition(".")[0] in ("evaluators", "builtins", "abc"):
            continue
        for name, value in vars(kind).items():
            function = _function(value)
            if function is not None:
                try:
                    text = textwrap.dedent(inspect.getsource(function))
                except (OSError, TypeError):
                    continue
                found[f"{kind.__qualname__}.{name}"] = hashlib.sha256(text.encode()).hexdigest()
    return found


def _function(value: Any) -> Any:
    """Return the function of a method or property, else ``None``."""
    for attribute in ("func", "fget", "__func__"):
        value = getattr(value, attribute, value)
    return value if inspect.isfunction(value) else None
