"""The tasks by name, and the door for a user's own (``file.py:Class`` or ``package.module:Class``)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.tasks.language.names import LANGUAGE
from evaluators.tasks.own import is_own, own_task
from evaluators.tasks.vision.catalogue import VISION
from evaluators.training.task import AnyTask
from primitives.errors import ActsearchError, unknown
from primitives.registries import Maker, NoOptions, Registry, made


@dataclass(frozen=True)
class DataFolder:
    """What a task can be told whose data nobody downloads for you.

    Attributes:
        data: folder of data sets; when left out ``$ACTSEARCH_DATA``, else ``data``.
    """

    data: Path | None = None


def _plain(module: str, attribute: str) -> Maker[AnyTask]:
    """Return the entry of a task that brings its own data; what makes it is imported when it is asked for."""

    def make(_: NoOptions) -> AnyTask:
        made: AnyTask = getattr(importlib.import_module(f"evaluators.tasks.offline.{module}"), attribute)()
        return made

    return Maker(make)


def _paper(module: str, attribute: str, name: str) -> Maker[AnyTask]:
    """Return the entry of a task of the founding papers, which needs data, see ``--data``, and extras."""

    def make(options: DataFolder) -> AnyTask:
        factory: Callable[..., AnyTask] = getattr(importlib.import_module(f"evaluators.tasks.{module}"), attribute)
        return factory(name, options.data)

    return Maker(make, DataFolder)


_OFFLINE = {
    "deep-mlp": _plain("mnist1d", "DeepMLP"),
    "digits-mlp": _plain("digits", "DigitsMLP"),
    "digits-vit": _plain("digits", "DigitsViT"),
    "forecast": _plain("forecast", "Forecast"),
    "inr-image": _plain("coordinates", "InrImage"),
    "inr-signal": _plain("coordinates", "InrSignal"),
    "mnist1d-cnn": _plain("mnist1d", "Mnist1dCNN"),
    "mnist1d-mlp": _plain("mnist1d", "Mnist1dMLP"),
    "mnist5k-cnn": _plain("mnist5k", "Mnist5kCNN"),
    "mnist5k-vit": _plain("mnist5k", "Mnist5kViT"),
    "ood-regression": _plain("ood_regression", "OODRegression"),
    "pinn-burgers": _plain("equations", "Burgers"),
    "pinn-helmholtz": _plain("equations", "Helmholtz"),
    "pinn-poisson": _plain("equations", "Poisson"),
    "tabular": _plain("tabular", "Tabular"),
    "text-gpt": _plain("text_gpt", "TextGPT"),
}
_PAPERS = {
    **{name: _paper("vision.task", "VisionTask", name) for name in VISION},
    **{name: _paper("language.gpt2_dpo", "language_task", name) for name in LANGUAGE},
}

TASKS: Registry[Maker[AnyTask]] = Registry("task", {**_OFFLINE, **_PAPERS}, Maker)
"""Every task by name. A factory is called with the task's options and returns an :class:`evaluators.Task`."""

OFFLINE, PAPERS = tuple(_OFFLINE), tuple(_PAPERS)


def needs_data(name: str) -> bool:
    """Tell whether a name is that of a task which takes a folder of data sets."""
    return name in TASKS and issubclass(TASKS[name].options, DataFolder)


def load_task(name: str, data: Path | None = None, beside: Sequence[Path] = ()) -> AnyTask:
    """Return a task by name, or a user's own by ``path/to/file.py:Class`` or ``package.module:Class``.

    The second form imports the code: it runs with your rights. A user's task is named by the file and the class,
    without the folder, so that it is the same task wherever the file lies.

    Args:
        name: one of :data:`TASKS`, or a file or module and a class.
        data: folder of data sets, for those that need one; else ``$ACTSEARCH_DATA``, else ``data``.
        beside: folders to look for a file in after the current one.

    Raises:
        ActsearchError: the name, file or class is not there, or the class is not a task.
    """
    if is_own(name):
        return own_task(name, beside)
    if name not in TASKS:
        raise ActsearchError(unknown("task", name, TASKS) + "; your own is 'file.py:Class' or 'package.module:Class'")
    options = DataFolder(data=data) if needs_data(name) else TASKS[name].options()
    return made(TASKS, name, AnyTask, options)
