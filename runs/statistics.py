"""Evidence: paired differences between finalists and baselines, with intervals and correction.

Equal seeds share initial weights' noise and batches, so differences are taken seed by seed. The
interval and p-value are those of the paired t-test; Holm's step-down (1979) corrects over every
finalist-baseline pair of a task. Seeds stand for training noise on one fixed test part; they say
nothing about other data, which is what the other tasks are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from evaluators import Evaluation
from runs.front import search_scores, standard_error, with_names
from runs.readable import Readable
from runs.scores import FORMER, scores_of

LEVEL = 0.95


@dataclass(frozen=True)
class Paired:
    """A paired comparison of scores, first minus second; negative means the first is better.

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
    """Compare two equally long sequences of scores, seed by seed."""
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


def confirmed(store: Readable) -> pd.DataFrame:
    """Return one row a candidate and task with its fresh-seed results.

    Trainings of different length are different rows. Columns: ``task``, ``steps``, ``id``,
    ``name``, ``expression``, ``seeds`` (successful trainings), ``failed``, ``score`` (the name of what
    the task goes by, such as ``calibrated_loss``), ``validation_score``, ``test_score``, ``test_se`` (the
    standard error of that), ``search_score`` (what the search had claimed, on the search task and its
    steps), ``validation_error``, ``test_error``.
    """
    groups = _groups(store)
    known = {identifier for _, _, identifier in groups}
    candidates = {c.id: c for c in store.candidates(known)}
    claims = search_scores(store, known)
    rows = []
    for (task, steps, identifier), group in groups.items():
        tests = list(group.test.values())
        claimed = claims.get(identifier, [])
        rows.append(
            {
                "task": task,
                "steps": steps,
                "id": identifier,
                "name": candidates[identifier].name,
                "expression": candidates[identifier].expression,
                "seeds": len(tests),
                "failed": len(group.failed),
                "score": group.score,
                "validation_score": _mean(group.validation.values()),
                "test_score": _mean(tests),
                "test_se": standard_error(tests),
                "search_score": _mean(e.validation[group.score] for e in claimed if group.score in e.validation),
                "validation_error": _mean(group.validation_error),
                "test_error": _mean(group.test_error),
            }
        )
    columns = ["task", "steps", "id", "name", "expression", "seeds", "failed", "score", "validation_score"]
    columns += ["test_score", "test_se", "search_score", "validation_error", "test_error"]
    return with_names(pd.DataFrame(rows, columns=columns))


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return float(np.mean(found)) if found else None


def comparisons(store: Readable) -> pd.DataFrame:
    """Return one row for every finalist, baseline and task that confirmation trained.

    Columns: ``task``, ``steps``, ``id``, ``expression``, ``baseline``, ``score`` (the name of what is compared, on
    the test part), ``pairs``, ``failed`` (seeds on which either failed), ``difference`` (finalist minus baseline),
    ``low``, ``high`` (95 %), ``p``, ``p_holm`` (over all pairs of task and steps; 1 when a seed failed,
    because the survivors are a selection), ``effect`` (d_z).
    """
    groups = _groups(store)
    candidates = {c.id: c for c in store.candidates({identifier for _, _, identifier in groups})}
    rows = []
    for (task, steps, finalist), group in groups.items():
        if candidates[finalist].name is not None:
            continue
        for (other_task, other_steps, baseline), other in groups.items():
            name = candidates[baseline].name
            seeds = sorted(set(group.test) & set(other.test))
            same = candidates[baseline].status == "cached"  # another one's function, confirmed by an older version
            if (other_task, other_steps) != (task, steps) or name is None or same or not seeds:
                continue
            result = paired([group.test[s] for s in seeds], [other.test[s] for s in seeds])
            failed = len(group.failed | other.failed)
            keys = {"task": task, "steps": steps, "id": finalist, "expression": candidates[finalist].expression}
            rows.append({**keys, "baseline": name, "score": group.score, "failed": failed, **vars(result)})
    columns = ["task", "steps", "id", "expression", "baseline", "score", "pairs", "failed"]
    columns += ["difference", "low", "high", "p", "effect"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.insert(columns.index("p") + 1, "p_holm", np.nan)
    for _, part in frame.groupby(["task", "steps"]):
        known = [1.0 if pd.isna(p) or failed else float(p) for p, failed in zip(part["p"], part["failed"], strict=True)]
        frame.loc[part.index, "p_holm"] = holm(known)
    return frame


@dataclass
class _Group:
    """Confirmation of one candidate on one task: its score by seed, on both parts, and what failed."""

    score: str
    test: dict[int, float] = field(default_factory=dict)
    validation: dict[int, float] = field(default_factory=dict)
    test_error: list[float] = field(default_factory=list)
    validation_error: list[float] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)

    def add(self, evaluation: Evaluation) -> None:
        test, validation, seed = evaluation.test, evaluation.validation, evaluation.seed
        if self.score not in test or self.score not in validation:
            self.failed.add(seed)
            return
        self.test[seed], self.validation[seed] = test[self.score], validation[self.score]
        self.test_error.append(test["error"])
        self.validation_error.append(validation["error"])


def _groups(store: Readable) -> dict[tuple[str, int, int], _Group]:
    """Group confirmation by task, steps and candidate."""
    scores = scores_of(store)
    groups: dict[tuple[str, int, int], _Group] = {}
    for e in sorted(store.evaluations("confirm", lean=True), key=lambda e: (e.task, e.steps, e.candidate, e.seed)):
        empty = _Group(scores.get(e.task, FORMER))
        groups.setdefault((e.task, e.steps, e.candidate), empty).add(e)
    return groups
