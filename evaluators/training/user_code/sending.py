"""Sending tasks to workers: by state, since their code goes as source, and refused before a worker starts."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from evaluators.training.task import AnyTask
from primitives.errors import ActsearchError


def packed(tasks: Mapping[str, AnyTask]) -> bytes:
    """Return tasks as bytes for another process.

    Raises:
        ActsearchError: one of them cannot be sent; the message names the attribute and the way out.
    """
    try:
        content = _dumped(dict(tasks))
        unpacked(content)
    except Exception:  # of which task, and why, is told by trying each
        for task in tasks.values():
            refuse_unsendable(task)
        raise
    return content


def unpacked(content: bytes) -> dict[str, AnyTask]:
    """Return the tasks that another process packed; only ever its bytes, never those of a file."""
    from ray import cloudpickle

    tasks: dict[str, AnyTask] = cloudpickle.loads(content)
    return tasks


def refuse_unsendable(task: AnyTask) -> None:
    """Check that a task comes through to another process as it is here.

    Raises:
        ActsearchError: it does not.
    """
    reason = _fault(task)
    if reason is None:
        return
    held = ((name, value) for name, value in vars(task).items() if _fault(value) is not None)
    name, value = next(held, (None, None))
    what = f"it ({reason})" if name is None else f"its attribute '{name}' of type {type(value).__name__} ({reason})"
    raise ActsearchError(
        f"task '{task.name}': {what} cannot be sent to Ray's workers; make it inside data(), batch() or network() "
        "without keeping it, leave it out in __getstate__, or train in this process with --executor serial"
    )


def _fault(value: Any) -> str | None:
    """Return why a value does not survive the way to another process, or ``None``."""
    from ray import cloudpickle

    try:
        cloudpickle.loads(_dumped(value))
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    return None


def _dumped(value: Any) -> bytes:
    from ray import cloudpickle

    class Pickler(cloudpickle.CloudPickler):
        """Sends a class that no file holds, as of a notebook, although it has cached properties."""

        def reducer_override(self, obj: Any) -> Any:
            # Up to Python 3.11 one holds a lock, which cannot be copied.
            if isinstance(obj, cached_property):
                return _property, (obj.func, obj.attrname)
            return super().reducer_override(obj)

    file = io.BytesIO()
    Pickler(file).dump(value)
    return file.getvalue()


def _property(function: Any, name: str) -> cached_property[Any]:
    made: cached_property[Any] = cached_property(function)
    made.__set_name__(object, name)
    return made
