"""What paired comparisons say of each finalist, in a sentence."""

from __future__ import annotations

import pandas as pd

from evaluators.judging.objectives import spoken

LEVEL = 0.05
"""Holm-corrected p-values below it are marked."""


def verdicts(comparisons: pd.DataFrame) -> list[str]:
    """Return one sentence a finalist and task: what it beats, what beats it, what is undecided.

    Args:
        comparisons: rows of :func:`runs.statistics.comparisons` of one task and number of steps.
    """
    lines = []
    for (task, identifier), rows in comparisons.groupby(["task", "id"], sort=False):
        by = f"by test {spoken(rows.iloc[0]['score'])}"
        if rows["failed"].any():
            lines.append(f"#{identifier} on {task}: some seeds failed, so nothing is claimed from the others.")
            continue
        sure = rows["p_holm"] < LEVEL
        better = list(rows[sure & (rows["difference"] < 0)]["baseline"])
        worse = list(rows[sure & (rows["difference"] > 0)]["baseline"])
        open_ = len(rows) - len(better) - len(worse)
        parts = [f"better than {', '.join(better)}"] if better else []
        if worse:
            parts.append(f"worse than {', '.join(worse)}")
        if open_:
            rest = "the other " if better or worse else "all "
            parts.append(f"not distinguishable from {rest}{open_} baseline{'s' if open_ > 1 else ''}")
        lines.append(f"#{identifier} on {task}: {'; '.join(parts)} ({by}, {rows['pairs'].min()} paired seeds).")
    return lines
