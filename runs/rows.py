"""Between the rows of a run file and what they mean: candidates and evaluations, of this version and of older ones.

A column that is packed holds bytes of :mod:`runs.packing`, or JSON, or the text itself, where those cannot hold it to
the last bit and in files of older versions; so every version is read by the same functions. Whatever a row holds may
have been made by anybody: what is not ours raises ``ValueError`` or what Python raises of the wrong type.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from sys import intern
from typing import Any, get_args

from evaluators import Evaluation
from evaluators.judging.features.feature import RESERVED
from evaluators.training.places import Place
from evaluators.training.status import CandidateStatus
from primitives.identity import Mark
from primitives.registries import is_name
from runs import packing
from runs.candidate import Candidate
from runs.checks import check_candidate, check_evaluation
from runs.schema import FORMER_FACTS

CANDIDATE = [field.name for field in dataclasses.fields(Candidate)]
EVALUATION = [field.name for field in dataclasses.fields(Evaluation)]
LONG = ("curve", "validation_curve", "places")
"""Columns of evaluations that are long, and that few readers ask for."""
STATUSES = frozenset(get_args(CandidateStatus))

_LONGEST_PRINT = 10**6
LARGEST = 1e300
"""Beyond any number of a run."""
NUMBER = 2
"""Bytes of the number of a shape, before packed numbers."""


class Texts:
    """Texts that many rows of a run file share, by number: it remembers those that were asked for."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[int, str] = {}

    def __getitem__(self, number: int) -> str:
        """Return a text.

        Raises:
            ValueError: there is none of that number.
        """
        if number not in self._known:
            row = self._db.execute("SELECT text FROM texts WHERE id = ?", (number,)).fetchone()
            if row is None or not isinstance(row[0], str):
                raise ValueError("the number of a text that it lacks")
            self._known[number] = row[0]
        return self._known[number]

    def shape(self, packed: bytes) -> packing.Shape:
        """Return the shape of packed numbers, whose number stands before them."""
        return packing.read_shape(self[int.from_bytes(packed[:NUMBER], "little")])

    def numbers(self, stored: Any) -> Mapping[str, Any]:
        """Return what a column of named numbers holds."""
        if stored is None:
            return {}
        if isinstance(stored, bytes):
            return self.shape(stored).unpack(stored[NUMBER:])
        found = json.loads(stored)
        if not isinstance(found, dict):
            raise ValueError("numbers without names")
        return found


def read_candidate(values: dict[str, Any], texts: Texts) -> Candidate:
    """Return a candidate from the columns of its row that its file has."""
    former = {name: values.pop(name) for name in FORMER_FACTS if name in values}
    mark, genotype = values.get("mark"), values.get("genotype")
    parents = json.loads(values["parents"])
    values["genotype"] = packing.unpack_text(genotype) if isinstance(genotype, bytes) else genotype
    check_candidate(values, parents)
    values["parents"] = tuple(parents)
    values["facts"] = checked_facts(former or texts.numbers(values["facts"]))
    values["mark"] = None if mark is None else _mark(mark)
    return Candidate(**values)


def checked_facts(found: Mapping[str, Any]) -> dict[str, float]:
    """Return facts of a run file.

    Raises:
        ValueError: one has no name of its own, or is no finite number.
    """
    return {fact_name(name): _number(value) for name, value in found.items() if value is not None}


@lru_cache(maxsize=10_000)
def fact_name(name: str) -> str:
    """Return the name of a fact of a run file, one object for all rows.

    Raises:
        ValueError: nothing can have that name.
    """
    if not is_name(name) or name in RESERVED:
        raise ValueError("a fact without a name of its own")
    return intern(name)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < LARGEST:
        raise ValueError("a number that is none, or too large")
    return value


def _mark(stored: Any) -> Mark:
    mark = packing.unpack_mark(stored) if isinstance(stored, bytes) else Mark(*json.loads(stored))
    if not isinstance(mark.key, str) or type(mark.size) is not int or not 0 <= mark.size < _LONGEST_PRINT:
        raise ValueError("a mark that is no mark")
    return Mark(mark.key, mark.size, float(_number(mark.projection)))


def read_evaluation(values: dict[str, Any], texts: Texts) -> Evaluation:
    """Return an evaluation from those columns of its row that were asked for."""
    check_evaluation(values)
    for name in ("metrics", "test_metrics"):
        values[name] = {str(each): float(value) for each, value in texts.numbers(values.get(name)).items()}
    unstacked = values.get("unstacked")
    if not isinstance(unstacked, str):
        values["unstacked"] = "" if unstacked is None else texts[unstacked]
    for name in LONG:
        if name in values:
            values[name] = _LONG[name](values[name])
    return Evaluation(**values)


def _losses(stored: Any) -> tuple[float, ...]:
    if isinstance(stored, bytes):
        return packing.unpack_losses(stored)
    return () if stored is None else tuple(json.loads(stored))


def _json(stored: Any) -> Any:
    if stored is None:
        return ()
    return json.loads(packing.unpack_text(stored) if isinstance(stored, bytes) else stored)


def _validation_curve(stored: Any) -> tuple[tuple[int, float], ...]:
    found = tuple((steps, loss) for steps, loss in _json(stored))
    if not all(type(steps) is int and isinstance(loss, float) for steps, loss in found):
        raise ValueError("a curve that is none")
    return found


def _places(stored: Any) -> tuple[Place, ...]:
    return tuple(_place(*each) for each in _json(stored))


def _place(name: Any, constants: Any, inputs: Any) -> Place:
    if not isinstance(name, str) or not all(isinstance(each, str) for each in constants):
        raise ValueError("a place without a name")
    numbers = {each: float(_number(value)) for each, value in constants.items()}
    return Place(name, numbers, tuple(float(_number(value)) for value in inputs))


_LONG: Mapping[str, Callable[[Any], Any]] = {
    "curve": _losses,
    "validation_curve": _validation_curve,
    "places": _places,
}


def numbered(shape: packing.Shape, number: int, values: Mapping[str, float]) -> bytes | None:
    """Return packed numbers with the number of their shape before them; ``None`` where that has more than 16 bits."""
    return None if number >> 8 * NUMBER else number.to_bytes(NUMBER, "little") + shape.pack([*values.values()])


class Writing:
    """Makes rows of this version within one transaction, and adds the texts and stages that they refer to."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._text = cache(self._number_of_text)
        self.stage = cache(self._number_of_stage)

    def _number_of_text(self, text: str) -> int:
        return self._number("SELECT id FROM texts WHERE text = ?", "INSERT INTO texts (text) VALUES (?)", text)

    def _number_of_stage(self, purpose: str, task: str, steps: int) -> int:
        return self._number(
            "SELECT id FROM stages WHERE purpose = ? AND task = ? AND steps = ?",
            "INSERT INTO stages (purpose, task, steps) VALUES (?, ?, ?)",
            *(purpose, task, steps),
        )

    def _number(self, known: str, new: str, *values: Any) -> int:
        row = self._db.execute(known, values).fetchone()
        if row is None:
            row = self._db.execute(f"{new} RETURNING id", values).fetchone()
        return int(row[0])

    def numbers(self, numbers: Mapping[str, float]) -> bytes | str | None:
        """Return named numbers as a column holds them.

        Raises:
            ValueError: one is not finite.
        """
        if not numbers:
            return None
        shape = packing.shape_of(numbers)
        packed = shape and numbered(shape, self._text(shape.text), numbers)
        return packed or json.dumps(dict(numbers), allow_nan=False)

    def candidate(self, candidate: Candidate) -> Sequence[Any]:
        """Return a row in the order of :data:`CANDIDATE`."""
        mark, genotype = candidate.mark, candidate.genotype
        packed = {
            "parents": json.dumps(candidate.parents),
            "facts": self.numbers(candidate.facts),
            "mark": mark and (packing.pack_mark(mark) or json.dumps(dataclasses.astuple(mark), allow_nan=False)),
            "genotype": genotype and (packing.pack_text(genotype) or genotype),
        }
        return [packed[name] if name in packed else getattr(candidate, name) for name in CANDIDATE]

    def evaluation(self, purpose: str, e: Evaluation) -> Sequence[Any]:
        """Return a row in the order of :data:`STORED`."""
        places = [[place.name, dict(place.constants), place.inputs] for place in e.places]
        packed = {
            "stage": self.stage(purpose, e.task, e.steps),
            "curve": _packed_losses(e.curve),
            "metrics": self.numbers(e.metrics),
            "test_metrics": self.numbers(e.test_metrics),
            "unstacked": self._text(e.unstacked) if e.unstacked else None,
            "validation_curve": _packed_json(e.validation_curve),
            "places": _packed_json(places),
        }
        return [packed[name] if name in packed else getattr(e, name) for name in STORED]


STORED = ["stage", *(name for name in EVALUATION if name not in ("task", "steps"))]
"""The columns of evaluations that are written."""


def _packed_losses(losses: Sequence[float]) -> bytes | str | None:
    return (packing.pack_losses(losses) or json.dumps(losses, allow_nan=False)) if losses else None


def _packed_json(values: Sequence[Any]) -> bytes | str | None:
    if not values:
        return None
    text = json.dumps(values, allow_nan=False)
    return packing.pack_text(text) or text
