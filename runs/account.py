"""What became of a run's proposals: counted by status and reason, and by the operator that made them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from evaluators.training.status import TRAINED


def kind_of(reason: str) -> str:
    """Return a reason without its particulars, so that alike ones are counted together."""
    return re.sub(r" at x = \S+| candidate \d+|^at a distance of \S+ |^seed \d+: ", "", reason)


def credit(counted: Iterable[tuple[str, str, str, int]], front: Iterable[str]) -> pd.DataFrame:
    """Return what each operator brought.

    Args:
        counted: candidates by status, reason and origin, see :meth:`runs.store.Store.counted`.
        front: the origins of those on the front.

    Returns:
        A row an operator, by name: ``operator``, ``trained`` (to a rung or to the end), ``ended`` (of those to the
        end), ``front`` (of those on the front).
    """
    leading = Counter(front)
    trained, ended = Counter[str](), Counter[str]()
    for status, _, origin, count in counted:
        if status in TRAINED:
            trained[origin] += count
            ended[origin] += count * (status == "ok")
    rows = [(origin, trained[origin], ended[origin], leading[origin]) for origin in sorted(trained)]
    return pd.DataFrame(rows, columns=["operator", "trained", "ended", "front"])
