"""How far a task's scores repeat, what they say of the test error, and which of them a search should go by."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from search.studies.entropy.correlate import of_mean, rank_correlations
from search.studies.telling.panel import OFTEN_SEEDS, SCORES, SEEDS

Array = NDArray[np.float64]
RESAMPLES = 1000
MOST_SEEDS = 4
LEAST, LEAST_LOW = 0.5, 0.2
"""What the better half of a task that can tell agrees by at least, and the lower end of its interval."""

DIFFERENCE = 0.05
"""The difference that is to be told, as a share of GELU's score."""

_LEVEL, _POWER = 0.05, 0.8
_MOST_NEEDED = 1000


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % percentile bootstrap interval over functions."""

    value: float
    low: float
    high: float


def table_of(rows: pd.DataFrame, score: str, seeds: tuple[int, ...]) -> pd.DataFrame:
    """Return one row a function that has all seeds and one column a seed; a failed training is infinitely bad."""
    values = rows[score].where(rows["status"] == "ok", math.inf)
    table = rows.assign(**{score: values}).pivot_table(index="function", columns="seed", values=score, aggfunc="first")
    return table.reindex(columns=list(seeds)).dropna()


def agreement(table: Array) -> float:
    """Return the rank correlation over functions of two seeds: the first with the second, the third with the fourth."""
    return float(np.mean(rank_correlations(table[:, [0, 2]].T, table[:, [1, 3]].T)))


def better_half(table: Array) -> float:
    """Return the rank correlation of two seeds within the half of the functions that two other seeds find better.

    The mean of both ways round: chosen by the last two of the four seeds, and by the first two.
    """
    halves = [_half(table[:, chosen]) for chosen in ([2, 3], [0, 1])]
    one, other = (np.stack([table[half, seed] for half, seed in zip(halves, s, strict=True)]) for s in ((0, 2), (1, 3)))
    return float(np.mean(rank_correlations(one, other)))


def _half(table: Array) -> NDArray[np.intp]:
    """Return the rows of the better half by the sum of columns."""
    return np.argsort(table.sum(axis=1), kind="stable")[: len(table) // 2]


def resampled(table: Array, statistic: Callable[[Array], float]) -> Interval:
    """Return a statistic of a table (functions, columns) with its interval over functions."""
    generator = np.random.default_rng(0)
    draws = generator.integers(len(table), size=(RESAMPLES, len(table)))
    found = np.array([statistic(table[rows]) for rows in draws])
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Interval(statistic(table), float(low), float(high))


def tells(table: Array) -> float:
    """Return how one seed of a score ranks good functions by the test error of another seed, mean over seeds.

    Good are the half that has the lower test error on the two seeds that are left.

    Args:
        table: shape (functions, 2 * 4): the scores by seed, then the test errors.
    """
    scores, errors = np.split(table, 2, axis=1)
    ranked, judged = [], []
    for one, other in itertools.permutations(range(scores.shape[1]), 2):
        half = _half(np.delete(errors, [one, other], axis=1))
        ranked.append(scores[half, one])
        judged.append(errors[half, other])
    return float(np.mean(rank_correlations(np.stack(ranked), np.stack(judged))))


def prediction(table: Array) -> float:
    """Return how one seed of a score ranks functions by the mean test error of the other seeds, mean over seeds.

    Args:
        table: shape (functions, 2 * seeds): the scores by seed, then the test errors.
    """
    scores, errors = np.split(table, 2, axis=1)
    count = scores.shape[1]
    others = np.stack([np.delete(errors, seed, axis=1).mean(axis=1) for seed in range(count)])
    return float(np.mean(rank_correlations(scores.T, others)))


def noise(table: Array) -> float:
    """Return the standard deviation of the difference of two good functions, over seeds.

    Of the better half by the mean of all seeds; what a seed adds to all functions alike, and what a function has on
    all seeds, is taken out.
    """
    half = table[_half(table)]
    rest = half - half.mean(axis=1, keepdims=True) - half.mean(axis=0) + half.mean()
    functions, seeds = half.shape
    return math.sqrt(2 * (rest**2).sum() / ((functions - 1) * (seeds - 1)))


def seeds_needed(deviation: float, difference: float) -> int:
    """Return how many paired seeds show a difference, in four of five cases, to a two-sided t-test at 5 %."""
    for seeds in range(2, _MOST_NEEDED):
        critical = stats.t.ppf(1 - _LEVEL / 2, seeds - 1)
        shift = difference / deviation * math.sqrt(seeds)
        if stats.nct.sf(critical, seeds - 1, shift) >= _POWER:
            return seeds
    return _MOST_NEEDED


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a task and score.

    Columns: ``task``, ``version``, ``steps``, ``score``, ``functions``, ``failed`` (functions with a training that
    failed), ``seconds`` (of a training), ``all``, ``better``, ``better_4`` (the better half by the mean of four
    seeds), ``tells`` and ``predicts`` (see :func:`tells` and :func:`prediction`), each with ``_low`` and ``_high``,
    ``noise``, ``difference``, ``seeds_needed``, ``seeds_to_agree`` (missing when four do not) and ``chosen``.
    """
    found = []
    for task, part in rows.groupby("task", sort=True):
        scores = [score for score in SCORES if part[score].notna().any()]
        found += _chosen([_row(str(task), part, score) for score in scores])
    return pd.DataFrame(found)


def _row(task: str, part: pd.DataFrame, score: str) -> dict[str, object]:
    known = table_of(part, score, SEEDS)
    values = known.to_numpy(dtype=float)
    fine = values[np.isfinite(values).all(axis=1)]
    gelu = float(np.mean(known.loc["gelu"].to_numpy(dtype=float)))
    # a log10 of a squared error differs by the same share when it differs by this much
    difference = math.log10(1 + DIFFERENCE) if score == "log_error" else DIFFERENCE * abs(gelu)
    better = resampled(values, better_half)
    numbers = {
        "all": resampled(values, agreement),
        "better": better,
        "tells": resampled(_beside_errors(part, score, SEEDS), tells),
        "predicts": resampled(_beside_errors(part, score, OFTEN_SEEDS), prediction),
    }
    deviation = noise(fine)
    return {
        "task": task,
        "version": part["version"].iloc[0],
        "steps": int(part["steps"].max()),
        "score": score,
        "functions": len(values),
        "failed": len(values) - len(fine),
        "seconds": float(part["seconds"].mean()),
        **{f"{name}{end}": getattr(number, key) for name, number in numbers.items() for end, key in _ENDS},
        **{f"better_4{end}": of_mean(getattr(better, key), MOST_SEEDS) for end, key in _ENDS},
        "noise": deviation,
        "difference": difference,
        "seeds_needed": seeds_needed(deviation, difference),
        "seeds_to_agree": _seeds_to_agree(better),
    }


def _beside_errors(part: pd.DataFrame, score: str, seeds: tuple[int, ...]) -> Array:
    """Return a score by seed and, beside it, the test errors; of functions that have all."""
    scores, errors = (table_of(part, name, seeds) for name in (score, "test_error"))
    return scores.add_prefix("score ").join(errors.add_prefix("error "), how="inner").to_numpy(dtype=float)


_ENDS = (("", "value"), ("_low", "low"), ("_high", "high"))


def _seeds_to_agree(better: Interval) -> int | None:
    counts = range(1, MOST_SEEDS + 1)
    fine = (n for n in counts if of_mean(better.value, n) >= LEAST and of_mean(better.low, n) >= LEAST_LOW)
    return next(fine, None)


def _chosen(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Mark the score that a search goes by: it tells most; of equals the first, so the error."""
    chosen = max(rows, key=lambda row: row["tells"])  # type: ignore[arg-type,return-value]
    return [{**row, "chosen": row is chosen} for row in rows]
