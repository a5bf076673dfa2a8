"""The front: candidates that no other beats on error, cost and complexity at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluators import Evaluation
from runs.candidate import Candidate
from runs.store import Store

OBJECTIVES = ("error", "cost", "complexity")

_KINDS = {
    "id": int,
    "name": object,
    "expression": object,
    "error": float,
    "error_se": float,
    "cost": float,
    "complexity": int,
    "prior": float,
    "correction": float,
    "baseline": bool,
    "origin": object,
}


def scored(store: Store) -> pd.DataFrame:
    """Return every candidate trained to the end with its objectives, in the order of ids.

    Columns: ``id``, ``name`` (of a baseline), ``expression``, ``error`` (mean validation error
    over the search seeds), ``error_se`` (its standard error; missing with one seed), ``cost``
    (float32 multiplications), ``complexity`` (nodes), ``prior`` (nats), ``correction``, ``baseline``,
    ``origin``, and ``on_front`` (not dominated by any row, baselines included).
    """
    found = search_scores(store)
    whole = [(c, found.get(c.id, ())) for c in store.candidates() if c.status == "ok"]
    rows = [_row(c, [e.error for e in scores if e.error is not None]) for c, scores in whole if scores]
    # The kinds are said, because a column without rows has none of its own.
    frame = with_names(pd.DataFrame(rows, columns=list(_KINDS)).astype(_KINDS))
    frame["on_front"] = non_dominated(frame[list(OBJECTIVES)].to_numpy(dtype=float))
    return frame


def with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with ``None``, not NaN, where a row has no name."""
    frame["name"] = pd.Series([n if isinstance(n, str) else None for n in frame["name"]], dtype=object)
    return frame


def _row(candidate: Candidate, errors: Sequence[float]) -> dict[str, Any]:
    spread = float(np.std(errors, ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else None
    return {
        "id": candidate.id,
        "name": candidate.name,
        "expression": candidate.expression,
        "error": float(np.mean(errors)),
        "error_se": spread,
        "cost": candidate.cost,
        "complexity": candidate.complexity,
        "prior": candidate.prior,
        "correction": candidate.correction,
        "baseline": candidate.name is not None,
        "origin": candidate.origin,
    }


def non_dominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows no other row dominates (all columns minimised, values finite).

    Raises:
        ValueError: a value is not finite: it would win every comparison.
    """
    if not np.isfinite(points).all():
        raise ValueError("objectives must be finite")
    keep = np.ones(len(points), dtype=bool)
    for index, point in enumerate(points):
        no_worse = (points <= point).all(axis=1)
        keep[index] = not (no_worse & (points < point).any(axis=1)).any()
    return keep


def pareto(store: Store) -> pd.DataFrame:
    """Return the front and all baselines, best error first."""
    frame = scored(store)
    shown = frame[frame["on_front"] | frame["baseline"]]
    return shown.sort_values(["error", "cost", "complexity", "id"]).reset_index(drop=True)


def nothing_yet(store: Store) -> str:
    """Return one clause that says why there is no front: what the search has, none of it trained to the end."""
    counts = Counter(candidate.status for candidate in store.candidates())
    had = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return f"no candidate has been trained to the end yet ({had or 'there is none at all'})"


def finalists(store: Store, top: int) -> list[int]:
    """Return ids of the candidates to confirm: those of lowest validation error, baselines excluded.

    Front members come first; if the front has fewer than ``top``, the next best fill up, and then
    those that halving stopped, the ones that came farthest first.
    """
    frame = scored(store)
    found = frame[~frame["baseline"]]
    order = found.sort_values(["on_front", "error", "cost", "id"], ascending=[False, True, True, True])
    whole = [int(i) for i in order["id"].head(top)]
    return [*whole, *_stopped(store)[: top - len(whole)]]


def _stopped(store: Store) -> list[int]:
    """Return ids of the candidates that halving stopped: those of the highest rung first, by error."""
    found = search_scores(store)
    stopped = [c.id for c in store.candidates() if c.status == "stopped" and c.id in found]
    return sorted(stopped, key=lambda i: (-found[i][0].steps, fmean(e.error or 0.0 for e in found[i]), i))


def search_scores(store: Store) -> dict[int, list[Evaluation]]:
    """Return each candidate's successful evaluations in the search, at the highest rung that it reached."""
    found: dict[int, list[Evaluation]] = defaultdict(list)
    for evaluation in store.evaluations("search"):
        if evaluation.error is not None:
            found[evaluation.candidate].append(evaluation)
    return {c: [e for e in scores if e.steps == max(s.steps for s in scores)] for c, scores in found.items()}
