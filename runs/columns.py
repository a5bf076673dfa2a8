"""What was trained to the end, in columns: a front of a hundred thousand candidates is read without making an object each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.rows import LARGEST, NUMBER, Texts, checked_facts, fact_name

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Successful evaluations of candidates at the highest rung that each reached, on the first task that it has any of.

    Attributes:
        ids: of the candidates, rising, shape (n,).
        counts: how many evaluations each has, at least 1, shape (n,).
        values: numbers of the validation part by name, error and loss among them: a candidate's after the other's, each
            in the order of finishing, NaN where an evaluation lacks one, shape (sum of counts,).
    """

    ids: Integers
    counts: Integers
    values: Mapping[str, Array]

    def means(self, name: str) -> Array:
        """Return the mean of a number of each candidate, NaN where one of its evaluations lacks it, shape (n,)."""
        values = self.values.get(name, np.full(self.counts.sum(), np.nan))
        return _by_count(values, self.counts, lambda rows: [math.fsum(row) / len(row) for row in rows.tolist()])

    def spreads(self, name: str) -> Array:
        """Return its standard error, NaN of fewer than two values, shape (n,)."""
        values = self.values.get(name, np.full(self.counts.sum(), np.nan))
        there = ~np.isnan(values)
        counts = np.add.reduceat(there, _starts(self.counts), dtype=np.int64) if len(self.counts) else self.counts
        return _by_count(values[there], counts, _standard_errors)


def _standard_errors(rows: Array) -> Array:
    if rows.shape[1] < 2:
        return np.full(len(rows), np.nan)
    return np.asarray(np.std(rows, axis=1, ddof=1) / np.sqrt(rows.shape[1]))


def _starts(counts: Integers) -> Integers:
    return np.cumsum(counts) - counts


def _by_count(values: Array, counts: Integers, of: Callable[[Array], Sequence[float] | Array]) -> Array:
    """Return what a function says of each group of values, called once for all groups of a size, as a matrix."""
    found, starts = np.full(len(counts), np.nan), _starts(counts)
    for count in np.unique(counts[counts > 0]):
        alike = counts == count
        found[alike] = of(values[starts[alike][:, None] + np.arange(count)])
    return found


@dataclass(frozen=True, eq=False)
class Ended:
    """Candidates that were trained to the end and measured, in the order of ids; n of them.

    Attributes:
        names, expressions, origins: n texts each, a name ``None`` where it is no baseline.
        facts: by name, NaN where a candidate has none, shape (n,).
        scores: what the search measured.
    """

    names: Sequence[str | None]
    expressions: Sequence[str]
    origins: Sequence[str]
    facts: Mapping[str, Array]
    scores: Scores

    @staticmethod
    def of(
        candidates: Sequence[Sequence[Any]],
        former: Sequence[str],
        evaluations: Sequence[Sequence[Any]],
        stages: Iterable[Sequence[Any]],
        texts: Texts,
    ) -> Ended:
        """Return rows of a run file in columns.

        Args:
            candidates: id, name, expression, origin, and facts as they are stored; or those that had a column each.
            former: the names of those.
            evaluations: candidate, stage and nothing, or task and steps, then error, loss, metrics.
            stages: number, task, steps.
            texts: of the file.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: a row is not ours.
        """
        scores = _scores(evaluations, {number: (task, steps) for number, task, steps in stages}, texts)
        known = set(scores.ids.tolist())
        rows = [row for row in candidates if row[0] in known]
        if len(rows) != len(known):
            raise ValueError("results of a candidate that is not there")
        if not all(isinstance(text, str) for row in rows for text in (row[2], row[3])):
            raise ValueError("a formula or origin that is no text")
        stored = [dict(zip(former, row[4:], strict=True)) if former else row[4] for row in rows]
        facts = _table(stored, lambda each: checked_facts(each if former else texts.numbers(each)), texts)
        for name, values in facts.items():
            if fact_name(name) and (np.abs(values) >= LARGEST).any():
                raise ValueError("a number that is none, or too large")
        columns = ([row[at] for row in rows] for at in (1, 2, 3))
        return Ended(*columns, facts, scores)


def _scores(evaluations: Sequence[Sequence[Any]], stages: Mapping[Any, tuple[Any, Any]], texts: Texts) -> Scores:
    """Return the scores among successful evaluations in the order of finishing."""
    places = [row[1:3] for row in evaluations]
    there = {place: stages[place[0]] if stages else place for place in dict.fromkeys(places)}
    tasks = {task: number for number, task in enumerate(dict.fromkeys(task for task, _ in there.values()))}
    kinds = {place: number for number, place in enumerate(there)}
    kind = np.array([kinds[place] for place in places], dtype=np.int64)
    task = np.array([tasks[task] for task, _ in there.values()], dtype=np.int64)[kind]
    steps = np.array([steps for _, steps in there.values()], dtype=np.int64)[kind]
    candidate = np.array([row[0] for row in evaluations], dtype=np.int64)
    order = _best(candidate, task, steps)
    ids, counts = np.unique(candidate[order], return_counts=True)
    chosen = [evaluations[at] for at in order.tolist()]
    values = {name: np.array([row[at] for row in chosen], dtype=np.float64) for name, at in (("error", 3), ("loss", 4))}
    if not all(np.isfinite(numbers).all() for numbers in values.values()):
        raise ValueError("an ok evaluation needs finite values")
    metrics = _table([row[5] for row in chosen], lambda each: _floats(texts.numbers(each)), texts)
    return Scores(ids, counts, {**metrics, **values})


def _floats(numbers: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in numbers.items()}


def _best(candidate: Integers, task: Integers, steps: Integers) -> Integers:
    """Return which evaluations are at the highest rung of their candidate, on its first task; by candidate."""
    order = np.argsort(candidate, kind="stable")
    _, starts, counts = np.unique(candidate[order], return_index=True, return_counts=True)
    if not len(order):
        return order
    own = task[order] == np.repeat(task[order][starts], counts)
    reached = np.where(own, steps[order], -1)
    return order[own & (reached == np.repeat(np.maximum.reduceat(reached, starts), counts))]


def _table(stored: Sequence[Any], decode: Callable[[Any], Mapping[str, float]], texts: Texts) -> dict[str, Array]:
    """Return named numbers as columns, in the order in which names occur first, NaN where a row lacks one.

    Args:
        stored: what rows hold, packed or not.
        decode: reads what is not packed.
        texts: hold the shapes of what is packed.
    """
    groups: dict[Any, list[int]] = {}
    for at, each in enumerate(stored):
        groups.setdefault(each[:NUMBER] if isinstance(each, bytes) else at, []).append(at)
    found: dict[str, Array] = {}
    for rows in groups.values():
        first = stored[rows[0]]
        if not isinstance(first, bytes):
            columns: Mapping[str, Any] = decode(first)
        else:
            columns = texts.shape(first).columns([stored[at][NUMBER:] for at in rows])
        for name, values in columns.items():
            found.setdefault(name, np.full(len(stored), np.nan))[rows] = values
    if any(np.isinf(values).any() for values in found.values()):
        raise ValueError("a number that is none")
    return found
