"""The tasks by name, and the door for a user's own (``file.py:Class``)."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from evaluators.task import AnyTask
from evaluators.tasks.language.names import LANGUAGE
from evaluators.tasks.vision.catalogue import VISION
from primitives.errors import ActsearchError, nearest, unknown

OFFLINE = {
    "digits-mlp": "evaluators.tasks.digits:DigitsMLP",
    "digits-vit": "evaluators.tasks.digits:DigitsViT",
    "mnist1d-cnn": "evaluators.tasks.mnist1d:Mnist1dCNN",
    "mnist1d-mlp": "evaluators.tasks.mnist1d:Mnist1dMLP",
    "mnist5k-cnn": "evaluators.tasks.mnist5k:Mnist5kCNN",
    "mnist5k-vit": "evaluators.tasks.mnist5k:Mnist5kViT",
    "ood-regression": "evaluators.tasks.ood_regression:OODRegression",
    "tabular": "evaluators.tasks.tabular:Tabular",
    "text-gpt": "evaluators.tasks.text_gpt:TextGPT",
}
"""Module and class of each task that brings its own data, by name."""

PAPERS = {
    **dict.fromkeys(VISION, "evaluators.tasks.vision.task:VisionTask"),
    **dict.fromkeys(LANGUAGE, "evaluators.tasks.language.gpt2_dpo:language_task"),
}
"""Module and maker of each task of the founding papers, by name; they need data, see ``--data``, and extras."""

TASKS = {**OFFLINE, **PAPERS}
"""Every task by name; what makes it is imported when it is asked for."""


def load_task(name: str, data: Path | None = None) -> AnyTask:
    """Return a task by name, or a user's own by ``path/to/file.py:ClassName``.

    The second form imports the file: a task file is code and runs with your rights.

    Args:
        name: one of :data:`TASKS`, or a file and a class.
        data: folder of data sets, for those of :data:`PAPERS`; else ``$ACTSEARCH_DATA``, else ``data``.

    Raises:
        ActsearchError: the name, file or class is not there, or the class is not a task.
    """
    if ".py" in name:
        return _from_file(name)
    if name not in TASKS:
        raise ActsearchError(unknown("task", name, TASKS) + "; your own is 'file.py:Class'")
    module, _, attribute = TASKS[name].partition(":")
    make: Callable[..., AnyTask] = getattr(importlib.import_module(module), attribute)
    return make() if name in OFFLINE else make(name, data)


def _from_file(name: str) -> AnyTask:
    file, _, class_name = name.rpartition(":")
    if not file or not class_name:
        raise ActsearchError(f"task '{name}' must name a file and a class, as in 'my_task.py:MyTask'")
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise ActsearchError(f"task file '{file}' does not exist; looked for {path}")
    found = getattr(_import(path), class_name, None)
    if found is None:
        module = _import(path)
        own = {n: v for n, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}
        classes = [n for n, v in own.items() if isinstance(v, type) and issubclass(v, AnyTask)]
        hint = nearest(class_name, classes) or f"; it defines {', '.join(classes) or 'no task'}"
        raise ActsearchError(f"task file '{file}' has no class '{class_name}'{hint}")
    try:
        task = found()
    except Exception as error:
        raise ActsearchError(f"task '{name}' cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(task, AnyTask):
        raise ActsearchError(f"'{class_name}' in '{file}' must subclass evaluators.Task or evaluators.OwnLoop")
    task.name = name
    return task


def _import(path: Path) -> ModuleType:
    """Import a task file once, under a module name that workers can be sent by value."""
    module_name = f"actsearch_task_{path.stem}"
    if module_name in sys.modules and getattr(sys.modules[module_name], "__file__", None) == str(path):
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ActsearchError(f"task file '{path}' cannot be imported; it must be a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise ActsearchError(f"task file '{path}' fails on import: {type(error).__name__}: {error}") from error
    return module
