"""Evidence: paired differences between finalists and baselines, with intervals and correction.

Equal seeds share initial weights' noise and batches, so differences are taken seed by seed. The
interval and p-value are those of the paired t-test; Holm's step-down (1979) corrects over every
finalist-baseline pair of a task. Seeds stand for training noise on one fixed test part; they say
nothing about other data, which is what the other tasks are for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from runs.front import search_scores, with_names
from runs.store import Store

LEVEL = 0.95


@dataclass(frozen=True)
class Paired:
    """A paired comparison of errors, first minus second; negative means the first is better.

    Attributes:
        pairs: number of seeds both have.
        difference: mean difference.
        low, high: 95 % interval; ``None`` with fewer than 2 pairs or pairs that all differ alike.
        p: two-sided p-value; ``None`` in the same cases.
        effect: difference in standard deviations of the differences (Cohen's d_z).
    """

    pairs: int
    difference: float
    low: float | None
    high: float | None
    p: float | None
    effect: float | None


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compare two equally long sequences of errors, seed by seed."""
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    mean = float(differences.mean())
    if len(differences) < 2:
        return Paired(len(differences), mean, None, None, None, None)
    spread = float(differences.std(ddof=1))
    if spread <= 1e-12:
        # Equal differences, as two seeds on a coarse error can give, say nothing about the spread.
        return Paired(len(differences), mean, None, None, None, None)
    result = stats.ttest_1samp(differences, 0.0)
    interval = result.confidence_interval(LEVEL)
    return Paired(
        len(differences), mean, float(interval.low), float(interval.high), float(result.pvalue), mean / spread
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm-adjusted p-values in the given order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = round(running, 12)
    return adjusted


def confirmed(store: Store) -> pd.DataFrame:
    """Return one row a candidate and task with its fresh-seed results.

    Trainings of different length are different rows. Columns: ``task``, ``steps``, ``id``,
    ``name``, ``expression``, ``seeds`` (successful trainings),
    ``failed``, ``validation_error``, ``test_error``, ``test_se``, ``search_error`` (what the
    search had claimed, on the search task and its steps).
    """
    candidates = {c.id: c for c in store.candidates()}
    claims = {c: [e.error for e in scores if e.error is not None] for c, scores in search_scores(store).items()}
    rows = []
    for (task, steps, identifier), group in _groups(store).items():
        tests = list(group["tests"].values())
        rows.append(
            {
                "task": task,
                "steps": steps,
                "id": identifier,
                "name": candidates[identifier].name,
                "expression": candidates[identifier].expression,
                "seeds": len(tests),
                "failed": len(group["failed"]),
                "validation_error": float(np.mean(list(group["validation"].values()))) if tests else None,
                "test_error": float(np.mean(tests)) if tests else None,
                "test_se": float(np.std(tests, ddof=1) / math.sqrt(len(tests))) if len(tests) > 1 else None,
                "search_error": float(np.mean(claims[identifier])) if identifier in claims else None,
            }
        )
    columns = ["task", "steps", "id", "name", "expression", "seeds", "failed"]
    columns += ["validation_error", "test_error", "test_se", "search_error"]
    return with_names(pd.DataFrame(rows, columns=columns))


def comparisons(store: Store) -> pd.DataFrame:
    """Return one row for every finalist, baseline and task that confirmation trained.

    Columns: ``task``, ``steps``, ``id``, ``expression``, ``baseline``, ``pairs``, ``failed``
    (seeds on which either failed), ``difference`` (test error, finalist minus baseline), ``low``,
    ``high`` (95 %), ``p``, ``p_holm`` (over all pairs of task and steps; 1 when a seed failed,
    because the survivors are a selection), ``effect`` (d_z).
    """
    candidates = {c.id: c for c in store.candidates()}
    groups = _groups(store)
    rows = []
    for (task, steps, finalist), group in groups.items():
        if candidates[finalist].name is not None:
            continue
        for (other_task, other_steps, baseline), other in groups.items():
            name = candidates[baseline].name
            seeds = sorted(set(group["tests"]) & set(other["tests"]))
            same = candidates[baseline].status == "cached"  # another one's function, confirmed by an older version
            if (other_task, other_steps) != (task, steps) or name is None or same or not seeds:
                continue
            result = paired([group["tests"][s] for s in seeds], [other["tests"][s] for s in seeds])
            failed = len(set(group["failed"]) | set(other["failed"]))
            keys = {"task": task, "steps": steps, "id": finalist, "expression": candidates[finalist].expression}
            rows.append({**keys, "baseline": name, "failed": failed, **vars(result)})
    columns = ["task", "steps", "id", "expression", "baseline", "pairs", "failed"]
    columns += ["difference", "low", "high", "p", "effect"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.insert(columns.index("p") + 1, "p_holm", np.nan)
    for _, part in frame.groupby(["task", "steps"]):
        known = [1.0 if pd.isna(p) or failed else float(p) for p, failed in zip(part["p"], part["failed"], strict=True)]
        frame.loc[part.index, "p_holm"] = holm(known)
    return frame


def _groups(store: Store) -> dict[tuple[str, int, int], dict[str, dict[int, float]]]:
    """Group confirmation by task, steps and candidate: test and validation errors by seed, and failures."""
    groups: dict[tuple[str, int, int], dict[str, dict[int, float]]] = {}
    for e in sorted(store.evaluations("confirm"), key=lambda e: (e.task, e.steps, e.candidate, e.seed)):
        empty: dict[str, dict[int, float]] = {"tests": {}, "validation": {}, "failed": {}}
        group = groups.setdefault((e.task, e.steps, e.candidate), empty)
        if e.error is not None and e.test_error is not None:
            group["tests"][e.seed], group["validation"][e.seed] = e.test_error, e.error
        else:
            group["failed"][e.seed] = 1.0
    return groups
