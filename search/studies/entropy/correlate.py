"""Rank correlations with intervals, and how much agreement the noise of training allows."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from search.studies.entropy.plan import PANELS
from search.studies.entropy.scores import columns

Array = NDArray[np.float64]
RESAMPLES = 2000
OUTCOMES = ("error", "loss")


def spearman(x: Array, y: Array) -> float:
    """Return Spearman's rank correlation, ties sharing a rank; NaN when one of the two is constant."""
    return float(rank_correlations(x[None], y[None])[0])


def rank_correlations(x: Array, y: Array) -> Array:
    """Return the rank correlation of each row, shape (rows,); NaN where one of the two is constant."""
    a, b = (stats.rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (x, y))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    correlations: Array = np.divide((a * b).sum(axis=1), size, out=np.full(len(size), np.nan), where=size > 0)
    return correlations


@dataclass(frozen=True)
class Correlation:
    """A rank correlation with its 95 % percentile bootstrap interval over functions."""

    functions: int
    spearman: float
    low: float
    high: float


def bootstrapped(x: Array, y: Array, resamples: int = RESAMPLES, seed: int = 0) -> Correlation:
    """Correlate two sequences; pairs with a NaN are left out, infinities are ranked.

    Equal lengths and seeds resample the same functions, so that intervals of two scores compare.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known], y[known]
    draws = np.random.default_rng(seed).integers(len(x), size=(resamples, len(x)))
    found = rank_correlations(x[draws], y[draws])
    found = found[~np.isnan(found)]  # of resamples that are all alike
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (math.nan, math.nan)
    return Correlation(len(x), spearman(x, y), float(low), float(high))


@dataclass(frozen=True)
class Noise:
    """How well trainings repeat; both NaN where all functions are equal.

    Attributes:
        agreement: rank correlation over functions between two single seeds, mean over pairs.
        ceiling: about what a perfect score would reach against the mean over all seeds: the root
            of that mean's reliability by Spearman and Brown, k r/(1 + (k - 1) r).
    """

    agreement: float
    ceiling: float


def noise(table: Array) -> Noise:
    """Return the repeatability of outcomes, shape (functions, seeds), at least two seeds."""
    count = table.shape[1]
    pairs = itertools.combinations(range(count), 2)
    agreement = float(np.mean([spearman(table[:, i], table[:, j]) for i, j in pairs]))
    positive = agreement if math.isnan(agreement) else max(0.0, agreement)
    return Noise(agreement, math.sqrt(of_mean(positive, count)))


def of_mean(agreement: float, seeds: int) -> float:
    """Return about what the means of so many seeds agree by, where single ones agree so far (Spearman and Brown)."""
    return seeds * agreement / (1 + (seeds - 1) * agreement) if agreement > 0 else agreement


def outcomes(trainings: pd.DataFrame, task: str, setting: str, outcome: str, seeds: int) -> pd.DataFrame:
    """Return one row a variant and one column a seed; variants that lack a seed are left out.

    A failed training is infinitely bad, so that its function is ranked worst.
    """
    rows = trainings[(trainings["task"] == task) & (trainings["setting"] == setting) & (trainings["seed"] < seeds)]
    table = rows.pivot_table(index="name", columns="seed", values=outcome, aggfunc="first")
    return table.dropna() if len(table.columns) == seeds else table.iloc[:0]


def correlations(trainings: pd.DataFrame, scores: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """Return one row a task, setting, outcome and score.

    Args:
        trainings: what :func:`measure.read` returns.
        scores: what :func:`scores.score_all` returns; its functions are the ones correlated.
        seeds: how many trainings a function has in a panel.
    """
    found = []
    for (task, setting), outcome in itertools.product(PANELS, OUTCOMES):
        table = outcomes(trainings, task, setting, outcome, seeds)
        table = table.loc[[name for name in scores.index if name in table.index]]
        values = table.to_numpy(dtype=float)
        repeat, mean = noise(values), values.mean(axis=1)
        shared = {"task": task, "setting": setting, "outcome": outcome}
        failed = int(np.isinf(values).any(axis=1).sum())
        for name, column in columns(task, setting).items():
            result = bootstrapped(scores.loc[table.index, column].to_numpy(dtype=float), mean)
            found.append({**shared, "score": name, **vars(result), **vars(repeat), "failed": failed})
    return pd.DataFrame(found)
