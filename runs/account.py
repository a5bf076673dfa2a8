"""What became of a run's proposals: counted by status and reason, and by the operator that made them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pandas as pd

from evaluators.training.status import TRAINED
from runs.candidate import Candidate


def kind_of(reason: str) -> str:
    """Return a reason without its particulars, so that alike ones are counted together."""
    return re.sub(r" at x = \S+| candidate \d+|^at a distance of \S+ |^seed \d+: ", "", reason)


def credit(candidates: Sequence[Candidate], front: Iterable[int]) -> pd.DataFrame:
    """Return what each operator brought.

    Args:
        candidates: of a run.
        front: ids of those on its front.

    Returns:
        A row an operator, by name: ``operator``, ``trained`` (to a rung or to the end), ``ended`` (of those to the
        end), ``front`` (of those on the front).
    """
    known = set(front)
    trained = pd.DataFrame(
        [(c.origin, 1, c.status == "ok", c.id in known) for c in candidates if c.status in TRAINED],
        columns=["operator", "trained", "ended", "front"],
    )
    return trained.groupby("operator").sum().astype(int).reset_index()
