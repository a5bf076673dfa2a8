"""The tasks by name, and the door for a user's own (``file.py:Class`` or ``package.module:Class``)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

from evaluators.task import AnyTask
from evaluators.tasks.language.names import LANGUAGE
from evaluators.tasks.own import is_own, own_task
from evaluators.tasks.vision.catalogue import VISION
from primitives.errors import ActsearchError, unknown

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


def load_task(name: str, data: Path | None = None, beside: Sequence[Path] = ()) -> AnyTask:
    """Return a task by name, or a user's own by ``path/to/file.py:Class`` or ``package.module:Class``.

    The second form imports the code: it runs with your rights. A user's task is named by the file and the class,
    without the folder, so that it is the same task wherever the file lies.

    Args:
        name: one of :data:`TASKS`, or a file or module and a class.
        data: folder of data sets, for those of :data:`PAPERS`; else ``$ACTSEARCH_DATA``, else ``data``.
        beside: folders to look for a file in after the current one.

    Raises:
        ActsearchError: the name, file or class is not there, or the class is not a task.
    """
    if is_own(name):
        return own_task(name, beside)
    if name not in TASKS:
        raise ActsearchError(unknown("task", name, TASKS) + "; your own is 'file.py:Class' or 'package.module:Class'")
    module, _, attribute = TASKS[name].partition(":")
    make: Callable[..., AnyTask] = getattr(importlib.import_module(module), attribute)
    return make() if name in OFFLINE else make(name, data)
