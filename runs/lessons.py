"""What a run was taught before it began: trainings of earlier runs, copied so that it needs those no more."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from primitives.errors import ActsearchError
from primitives.identity import Mark
from runs.store import Store

_KEY = "lessons"
_LARGEST = 10**9


@dataclass(frozen=True)
class Lesson:
    """A function that an earlier run trained on the same task, by the same score and in the same way.

    Attributes:
        expression: its text.
        genotype: a tree that says it in the grammar of the run that learns, as JSON, or ``None``.
        mark: by which its function is known again; ``None`` where the earlier run had none.
        points: its objectives by optimiser steps; empty of one that diverged, which is known and teaches nothing.
        whole: optimiser steps of a whole training.
    """

    expression: str
    genotype: str | None
    mark: Mark | None
    points: Mapping[int, tuple[float, ...]]
    whole: int


def as_meta(lessons: Sequence[Lesson]) -> dict[str, str]:
    """Return lessons as a value of the run's own dictionary, nothing where there are none."""
    rows = [
        {
            "expression": lesson.expression,
            "genotype": lesson.genotype,
            "mark": lesson.mark and [lesson.mark.key, lesson.mark.size, lesson.mark.projection],
            "points": {str(steps): list(point) for steps, point in lesson.points.items()},
            "whole": lesson.whole,
        }
        for lesson in lessons
    ]
    return {_KEY: json.dumps(rows, allow_nan=False)} if rows else {}


def lessons_of(store: Store, objectives: int) -> list[Lesson]:
    """Return what a run was taught.

    Args:
        store: of the run.
        objectives: how many numbers a point has.

    Raises:
        ActsearchError: what stands there is something else.
    """
    try:
        return [_lesson(row, objectives) for row in json.loads(store.meta(_KEY, "[]"))]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ActsearchError(f"'{store.path}' holds lessons that are not ours ({error}); was it edited?") from error


def _lesson(row: Mapping[str, Any], objectives: int) -> Lesson:
    genotype, whole = row["genotype"], row["whole"]
    points = {_steps(int(steps)): tuple(map(_number, point)) for steps, point in row["points"].items()}
    if not (isinstance(row["expression"], str) and (genotype is None or isinstance(genotype, str))):
        raise ValueError("a formula or tree that is no text")
    if any(len(point) != objectives for point in points.values()):
        raise ValueError("a point of other objectives")
    return Lesson(row["expression"], genotype, row["mark"] and _mark(*row["mark"]), points, _steps(whole))


def _steps(value: Any) -> int:
    if type(value) is not int or not 0 < value < _LARGEST:
        raise ValueError("steps that are none")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("an objective that is no number")
    return float(value)


def _mark(key: Any, size: Any, projection: Any) -> Mark:
    if not isinstance(key, str) or type(size) is not int or not 0 <= size < _LARGEST:
        raise ValueError("a mark that is no mark")
    return Mark(key, size, _number(projection))
