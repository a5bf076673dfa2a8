"""The study's page."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from evaluators.judging.objectives import spoken
from search.studies.telling.agree import DIFFERENCE, LEAST, LEAST_LOW, MOST_SEEDS
from search.studies.telling.panel import DRAWN, FUNCTIONS, KNOWN, OFTEN, OFTEN_SEEDS, SEEDS


def markdown(found: pd.DataFrame, command: str) -> str:
    """Return the page.

    Args:
        found: of :func:`search.studies.telling.agree.summary`.
        command: that made it.
    """
    return f"""# What the tasks can tell

Made by `{command}` from [`tasks.csv`](tasks.csv), one row a training.

{len(FUNCTIONS)} functions ({len(KNOWN)} of the library, {len(DRAWN)} drawn from the default grammar) are trained
on every offline task by its recipe with seeds {SEEDS[0]} to {SEEDS[-1]}. *All* is Spearman's correlation between two
seeds over all functions, *better half* that within the half that the two other seeds find better, so that the same
noise does not choose and judge; both are means over the two ways round, with 95 % bootstrap intervals over functions.
*Of {MOST_SEEDS} seeds* is what the means of {MOST_SEEDS} seeds would agree by (Spearman and Brown). *Tells* is how one
seed of a score ranks the half with the lower test error on two seeds by the test error of the fourth. *Predicts* is
how one seed of a score ranks {len(OFTEN)} functions by their mean test error over the other {len(OFTEN_SEEDS) - 1} of
{len(OFTEN_SEEDS)} seeds. *Seeds needed* show a difference of {DIFFERENCE:.0%} of GELU's score in four of five cases
(paired t-test at 5 %). A failed training ranks last; *s* are seconds of a training in its stack.

**Bold** is the score that a search goes by: the one that tells most, by its value and not by its interval; between
equals the first. A task *can tell* when the better half agrees by {LEAST} at least for the mean of so many seeds,
{MOST_SEEDS} at most, and the interval's lower end is {LEAST_LOW} at least.

{_table(found)}
"""


def _table(found: pd.DataFrame) -> str:
    heads = ("task", "score", "all", "better half", "of 4 seeds", "tells", "predicts", "seeds needed", "can tell", "s")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in found.to_dict("records"):
        mark = "**" if row["chosen"] else ""
        seeds = row["seeds_to_agree"]
        tells = "no" if pd.isna(seeds) else f"with {int(seeds)} seed{'s' if seeds > 1 else ''}"
        cells = [
            row["task"],
            f"{mark}{spoken(row['score'])}{mark}",
            *(_interval(row, name) for name in ("all", "better", "better_4", "tells", "predicts")),
            f"{row['seeds_needed']} for {row['difference']:.4f}",
            tells,
            f"{row['seconds']:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    failed = found.groupby("task")["failed"].max()
    notes = [f"{count} of {task}" for task, count in failed.items() if count]
    said = f"Functions with a training that failed: {', '.join(notes)}." if notes else "No training failed."
    return "\n".join([*lines, "", said])


def _interval(row: Mapping[Hashable, Any], name: str) -> str:
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"
