"""What the offline tasks can tell: measured by ``make study-agreement``, one row a task and score.

Columns of the file are those of :func:`search.studies.telling.agree.summary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import pandas as pd

FILE = "agreement.csv"
_MOST_SEEDS = 4
"""Seeds of which the mean must agree, see :attr:`Agreement.seeds_to_agree`."""


@dataclass(frozen=True)
class Agreement:
    """How well a task tells good functions apart, by the score that a search on it goes by.

    Attributes:
        score: name, as in :attr:`evaluators.Task.score`.
        functions: that were trained.
        all: rank correlation over them between two seeds.
        better, better_low, better_high: that within the better half, chosen by two other seeds, with a 95 % interval.
        seeds_to_agree: of how many seeds the mean agrees by 0.5 at least, its interval's lower end by 0.2; ``None``
            when four are not enough, so that the task is no evidence.
        tells, tells_low, tells_high: how one seed ranks the better half by the test error on another seed.
        predicts, predicts_low, predicts_high: how one seed ranks twelve functions by their test error on eleven others.
        difference: that is to be told: 5 % of GELU's score.
        seeds_needed: paired seeds that show it, in four of five cases, to a t-test at 5 %.
    """

    score: str
    functions: int
    all: float
    better: float
    better_low: float
    better_high: float
    seeds_to_agree: int | None
    tells: float
    tells_low: float
    tells_high: float
    predicts: float
    predicts_low: float
    predicts_high: float
    difference: float
    seeds_needed: int

    @property
    def can_tell(self) -> bool:
        """Whether the task can be evidence."""
        return self.seeds_to_agree is not None


@cache
def agreements() -> pd.DataFrame:
    """Return the whole table."""
    with resources.files("evaluators.tasks").joinpath(FILE).open(encoding="utf-8") as file:
        return pd.read_csv(file)


def agreement_of(task: str, score: str | None = None) -> Agreement | None:
    """Return what is known of a task; ``None`` where nobody has measured it, as of a user's own.

    Args:
        task: its name.
        score: that is gone by; the task's own when ``None``.
    """
    found = agreements()
    rows = found[(found["task"] == task) & (found["chosen"] if score is None else found["score"] == score)]
    if rows.empty:
        return None
    row = rows.iloc[0]
    whole = ("functions", "seeds_needed")
    values = {name: row[name] for name in Agreement.__dataclass_fields__}
    numbers = {name: int(value) if name in whole else float(value) for name, value in values.items() if name != "score"}
    enough = None if pd.isna(row["seeds_to_agree"]) else int(row["seeds_to_agree"])
    return Agreement(**{**numbers, "score": str(row["score"]), "seeds_to_agree": enough})  # type: ignore[arg-type]


def warning(task: str, score: str | None = None, seeds: int = _MOST_SEEDS) -> str | None:
    """Return why results on a task say little about good functions, ``None`` where they do or nobody knows.

    Args:
        task: its name.
        score: that is gone by; the task's own when ``None``.
        seeds: that are averaged.
    """
    found = agreement_of(task, score)
    if found is None or (found.seeds_to_agree is not None and found.seeds_to_agree <= seeds):
        return None
    by = found.score.replace("_", " ")
    measured = (
        f"among the better half of {found.functions} two seeds agree by {found.better:.2f} "
        f"[{found.better_low:.2f}, {found.better_high:.2f}]"
    )
    enough = found.seeds_to_agree
    if enough is not None:
        return f"task '{task}' tells good functions apart by {by} with {enough} seeds, not {seeds}: {measured}"
    return f"task '{task}' cannot tell good functions apart by {by}: {measured}; 'actsearch tasks' names those that can"
