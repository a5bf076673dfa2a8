"""What differs between two runs, as rows: where, what, and its value in each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from primitives import Expression, IdentityIndex, fingerprint
from runs import Store, comparisons, scored
from runs.axes import Axis, axes
from runs.candidate import readable
from runs.hypervolume import hypervolume, points_of, reference_of
from runs.scores import scores_of
from runs.user_code import task_records
from runs.verdicts import verdicts
from search.configuration.reading import parsed

COLUMNS = ("part", "what", "first", "second", "first_id", "second_id")
"""Where it differs; key, package, task, number or formula; its value in each run, missing where it has none; and of
a function its ids."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """A run with what is compared of it.

    Attributes:
        store: of the run.
        name: its folder.
        frame: of :func:`runs.front.scored`.
        axes: of the run.
    """

    store: Store
    name: Path
    frame: pd.DataFrame = field(init=False)
    axes: tuple[Axis, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Read."""
        object.__setattr__(self, "frame", scored(self.store))
        object.__setattr__(self, "axes", axes(self.store))

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, with flat keys."""
        return dict(_flat("", parsed(self.store.meta("config"), str(self.name))))

    @property
    def measured(self) -> tuple[Any, ...]:
        """What must be equal for scores to be compared."""
        config = self.config
        task = config.get("task")
        record = task_records(self.store).get(str(task))
        steps = config.get("fidelity.steps")
        return task, scores_of(self.store).get(str(task)), steps, tuple(a.name for a in self.axes), record


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value


def differences(first: Side, second: Side) -> pd.DataFrame:
    """Return a row for everything that differs, see :data:`COLUMNS`, and one for each function of either front."""
    rows = [
        *_mapping("configuration", first.config, second.config),
        *_mapping("made with", _made_with(first.store), _made_with(second.store)),
        *_tasks(first.store, second.store),
        *_mapping("numbers", _numbers(first), _numbers(second)),
        *_hypervolumes(first, second),
        *_fronts(first, second),
        *_mapping("confirmation", _confirmed(first.store), _confirmed(second.store)),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"first_id": "Int64", "second_id": "Int64"})


def incomparable(first: Side, second: Side) -> str | None:
    """Return why scores of two runs do not compare, in a clause, or ``None``."""
    names = ("task", "score", "steps of a training", "objectives", "version of the task")
    found = [name for name, a, b in zip(names, first.measured, second.measured, strict=True) if not _alike(a, b)]
    return f"they differ in {' and '.join(found)}" if found else None


def _alike(one: Any, other: Any) -> bool:
    made = getattr(one, "made_of", None), getattr(other, "made_of", None)
    return made[0].difference(made[1]) is None if made[0] and made[1] else bool(one == other)


def _mapping(part: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Row]:
    for key in dict.fromkeys([*first, *second]):
        if first.get(key) != second.get(key):
            yield {"part": part, "what": key, "first": first.get(key), "second": second.get(key)}


def _made_with(store: Store) -> dict[str, str]:
    try:
        packages = json.loads(store.meta("packages", "{}"))
    except (ValueError, RecursionError):
        packages = {}
    found = {str(k): str(v) for k, v in packages.items()} if isinstance(packages, dict) else {}
    return {**found, "machine": store.meta("machine")}


def _tasks(first: Store, second: Store) -> Iterator[Row]:
    ours, theirs = task_records(first), task_records(second)
    for label in dict.fromkeys([*ours, *theirs]):
        if label not in ours or label not in theirs:
            yield {"part": "tasks", "what": label, "first": _there(label in ours), "second": _there(label in theirs)}
        elif changed := ours[label].made_of.difference(theirs[label].made_of):
            yield {"part": "tasks", "what": label, "first": None, "second": changed}


def _there(present: bool) -> str | None:
    return "there" if present else None


def _numbers(side: Side) -> dict[str, Any]:
    frame, axis = side.frame, side.axes[0]
    found: dict[str, Any] = {
        "state": side.store.meta("state"),
        "candidates trained": sum(candidate.was_trained for candidate in side.store.candidates()),
    }
    for name, rows in (("best", frame[~frame["baseline"]]), ("best baseline", frame[frame["baseline"]])):
        found[f"{name} {axis.label}"] = round(float(rows[axis.name].min()), 12) if len(rows) else None
    return found


def _hypervolumes(first: Side, second: Side) -> Iterator[Row]:
    """Yield how much each front dominates below a reference for both, baselines included."""
    frames = [first.frame, second.frame]
    if incomparable(first, second) or not any(frame["baseline"].any() for frame in frames):
        return
    reference = reference_of(frames, first.axes)
    values = [hypervolume(points_of(side.frame, side.axes), reference) for side in (first, second)]
    if values[0] != values[1]:
        what = "hypervolume, a share of the box below the worst baseline"
        yield {"part": "numbers", "what": what, "first": values[0], "second": values[1]}


def _fronts(first: Side, second: Side) -> Iterator[Row]:
    """Yield the functions of either front with their first objective, missing where a run did not train them.

    A function is the same that does the same but for scale, sign and shift, which the layers around absorb.
    """
    seen: set[int] = set()
    ours, theirs = _Known(first), _Known(second)
    for row in _own_front(first):
        other = theirs.find(row["expression"])
        seen |= {other} - {None}  # type: ignore[arg-type]
        yield _function(row["expression"], ours.score(row["id"]), theirs.score(other), row["id"], other)
    for row in _own_front(second):
        if row["id"] not in seen:
            other = ours.find(row["expression"])
            yield _function(row["expression"], ours.score(other), theirs.score(row["id"]), other, row["id"])


def _own_front(side: Side) -> list[dict[Any, Any]]:
    found = side.frame[side.frame["on_front"] & ~side.frame["baseline"]]
    return found.sort_values([side.axes[0].name, "id"]).to_dict("records")


def _function(formula: str, first: Any, second: Any, first_id: int | None, second_id: int | None) -> Row:
    ids = {"first_id": first_id, "second_id": second_id}
    return {"part": "front", "what": formula, "first": first, "second": second, **ids}


class _Known:
    """What a run trained to the end, found by what it does."""

    def __init__(self, side: Side) -> None:
        self._index = IdentityIndex()
        self._scores = dict(zip(side.frame["id"], side.frame[side.axes[0].name], strict=True))
        for candidate in side.store.candidates():
            if candidate.id not in self._scores:
                continue
            if candidate.mark is not None:
                self._index.restore(candidate.id, candidate.mark, candidate.expression)
            elif expression := readable(candidate.expression):
                self._index.add(candidate.id, expression.key, fingerprint(expression, absorbed=True))

    def score(self, identifier: int | None) -> float | None:
        return None if identifier is None else float(self._scores[identifier])

    def find(self, formula: str) -> int | None:
        expression: Expression | None = readable(formula)
        if expression is None:
            return None
        same = self._index.find_structure(expression.key)
        return same if same is not None else self._index.find_values(fingerprint(expression, absorbed=True))


def _confirmed(store: Store) -> dict[str, str]:
    """Return the verdicts on each task, finalists by their ids."""
    frame = comparisons(store)
    parts: Sequence[tuple[Any, pd.DataFrame]] = list(frame.groupby(["task", "steps"], sort=False))
    return {f"{task}, {steps} steps": " ".join(verdicts(part)) for (task, steps), part in parts}
