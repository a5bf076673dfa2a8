"""What was trained to the end, in columns: the front of a large run is read without making an object of each row."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.training.status import LARGEST_SCORE
from runs.checks import check_words
from runs.rows import LARGEST, NUMBER, Texts, checked_facts, fact_name

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Stages = Mapping[Any, tuple[Any, ...]]
"""Task and steps by number."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Successful evaluations of candidates at the highest rung that each reached, on the first task that it has any of.

    Attributes:
        ids: of the candidates, rising, shape (n,).
        counts: how many evaluations each has, at least 1, shape (n,).
        values: those numbers of the validation part that were asked for, by name, error and loss too: a candidate's
            after the other's, each in the order of finishing, NaN where one is missing, shape (sum of counts,).
    """

    ids: Integers
    counts: Integers
    values: Mapping[str, Array]

    def means(self, name: str) -> Array:
        """Return the mean of a number of each candidate, NaN where one of its evaluations lacks it, shape (n,)."""
        if name not in self.values:
            return np.full(len(self.ids), np.nan)
        return _by_count(self.values[name], self.counts, _exact_means)

    def spreads(self, name: str) -> Array:
        """Return its standard error, NaN of fewer than two values, shape (n,)."""
        if name not in self.values or not len(self.ids):
            return np.full(len(self.ids), np.nan)
        there = ~np.isnan(self.values[name])
        counts = np.add.reduceat(there, _starts(self.counts), dtype=np.int64)
        return _by_count(self.values[name][there], counts, _standard_errors)


def _exact_means(rows: Array) -> Sequence[float] | Array:
    """Return means whose sums are rounded once, as those of two numbers are anyway."""
    if rows.shape[1] <= 2:
        means: Array = rows.sum(axis=1) / rows.shape[1]
        return means
    return [math.fsum(row) / len(row) for row in rows.tolist()]


def _standard_errors(rows: Array) -> Array:
    if rows.shape[1] < 2:
        return np.full(len(rows), np.nan)
    return np.asarray(np.std(rows, axis=1, ddof=1) / np.sqrt(rows.shape[1]))


def _starts(counts: Integers) -> Integers:
    starts: Integers = np.cumsum(counts) - counts
    return starts


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
        evaluations: Sequence[Sequence[Any]],
        stages: Stages,
        texts: Texts,
        wanted: Collection[str],
    ) -> Ended:
        """Return rows of a run file in columns.

        Args:
            candidates: id, name, expression, origin, and facts as they are stored, in the order of ids.
            evaluations: candidate, number of the stage, error, loss, and metrics as they are stored, of successful
                trainings, those of other candidates among them, in the order of finishing.
            stages: task and steps by number.
            texts: of the file.
            wanted: the numbers that are wanted of what was measured, beside error and loss.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: a row is not ours.
        """
        ids = np.array([row[0] for row in candidates], dtype=np.int64)
        if (np.diff(ids) <= 0).any():
            raise ValueError("two candidates of one id")
        scores = _scores(evaluations, ids, stages, texts, wanted)
        known = set(scores.ids.tolist())
        rows = [row for row in candidates if row[0] in known]
        names, expressions, origins, stored = ([row[at] for row in rows] for at in range(1, 5))
        for name, expression, origin in zip(names, expressions, origins, strict=True):
            check_words(name, expression, origin)
        facts = _table(stored, lambda each: checked_facts(texts.numbers(each)), texts)
        for name, values in facts.items():
            if fact_name(name) and (np.abs(values) >= LARGEST).any():
                raise ValueError("a number that is none, or too large")
        return Ended(names, expressions, origins, facts, scores)


def _scores(
    evaluations: Sequence[Sequence[Any]], of: Integers, stages: Stages, texts: Texts, wanted: Collection[str]
) -> Scores:
    """Return the scores of some candidates among successful evaluations in the order of finishing."""
    columns = [[row[at] for row in evaluations] for at in range(5)]
    candidate = np.array(columns[0], dtype=np.int64)
    kind, kinds = _numbered(columns[1])
    task, _ = _numbered([stages[number][0] for number in kinds])
    steps = np.array([stages[number][1] for number in kinds], dtype=np.int64)
    order = _best(candidate, task[kind], steps[kind])
    order = order[np.isin(candidate[order], of)]
    ids, counts = np.unique(candidate[order], return_counts=True)
    values = {name: np.array(columns[at], dtype=np.float64)[order] for name, at in (("error", 2), ("loss", 3))}
    if not all((np.abs(numbers) <= LARGEST_SCORE).all() for numbers in values.values()):
        raise ValueError("an ok evaluation needs finite values")
    stored = [columns[4][at] for at in order.tolist()]
    metrics = _table(stored, lambda each: _floats(texts.numbers(each)), texts, wanted)
    if any((np.abs(numbers) > LARGEST_SCORE).any() for numbers in metrics.values()):
        raise ValueError("a number that is none, or too large")
    return Scores(ids, counts, {**metrics, **values})


def _numbered(values: Sequence[Any]) -> tuple[Integers, list[Any]]:
    """Return each value as its place among the different ones, and those."""
    kinds = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return np.array([kinds[value] for value in values], dtype=np.int64), [*kinds]


def _best(candidate: Integers, task: Integers, steps: Integers) -> Integers:
    """Return which evaluations are at the highest rung of their candidate, on its first task; by candidate."""
    order = np.argsort(candidate, kind="stable")
    _, starts, counts = np.unique(candidate[order], return_index=True, return_counts=True)
    if not len(order):
        return order
    own = task[order] == np.repeat(task[order][starts], counts)
    reached = np.where(own, steps[order], -1)
    best: Integers = order[own & (reached == np.repeat(np.maximum.reduceat(reached, starts), counts))]
    return best


def _table(
    stored: Sequence[Any],
    decode: Callable[[Any], Mapping[str, float]],
    texts: Texts,
    wanted: Collection[str] | None = None,
) -> dict[str, Array]:
    """Return named numbers as columns, in the order in which names occur first, NaN where a row lacks one.

    Args:
        stored: what rows hold, packed or not.
        decode: reads what is not packed.
        texts: hold the shapes of what is packed.
        wanted: the names that are wanted; all when ``None``.
    """
    found: dict[str, Array] = {}
    for rows in _alike(stored):
        packed = [stored[at] for at in rows] if len(rows) < len(stored) else stored
        columns: Mapping[str, Any]
        if not isinstance(packed[0], bytes):
            columns = decode(packed[0])
        elif wanted is None or {*texts.shape(packed[0]).names} & {*wanted}:
            columns = texts.shape(packed[0]).columns(packed, NUMBER)
        else:
            continue
        for name, values in columns.items():
            if wanted is None or name in wanted:
                found.setdefault(name, np.full(len(stored), np.nan))[rows] = values
    if any(np.isinf(values).any() for values in found.values()):
        raise ValueError("a number that is none")
    return found


def _alike(stored: Sequence[Any]) -> Iterable[Sequence[int]]:
    """Return which rows are packed alike, in the order of the first of them; what is not packed is alone."""
    kinds = {each[:NUMBER] if isinstance(each, bytes) else None for each in stored}
    if len(kinds) == 1 and None not in kinds:
        return [range(len(stored))]
    groups: dict[Any, list[int]] = {}
    for at, each in enumerate(stored):
        groups.setdefault(each[:NUMBER] if isinstance(each, bytes) else at, []).append(at)
    return groups.values()


def _floats(numbers: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in numbers.items()}
