"""Where an exported candidate comes from: run, lineage, seeds, and what was measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from evaluators.judging.objectives import spoken
from evaluators.training.cohort.halving import measured
from primitives.export.exported import Provenance
from runs.candidate import Candidate
from runs.front import search_scores
from runs.scores import FORMER, scores_of
from runs.snapshot import Readable
from runs.statistics import confirmed


def provenance(store: Readable, folder: Path, candidate: Candidate) -> Provenance:
    """Return the docstring lines for an exported candidate."""
    lines = [
        f"Found by actsearch in run '{folder.name}' (seed {store.meta('seed')}, {store.meta('created')}), "
        f"candidate {candidate.id}, made by {candidate.origin}"
        + (f" from {', '.join(map(str, candidate.parents))}." if candidate.parents else "."),
    ]
    trained = search_scores(store).get(candidate.id, [])
    if trained:
        score = scores_of(store).get(trained[0].task, FORMER)
        means = measured(trained)
        named = dict.fromkeys([score, "error"])
        said = ", ".join(f"validation {spoken(name)} {means[name]:.4f}" for name in named if name in means)
        seeds = ", ".join(str(e.seed) for e in trained)
        lines.append(
            f"Search score, biased by selection: {said} on {trained[0].task}, {trained[0].steps} steps, seeds {seeds}."
        )
    elif candidate.reason:
        lines.append(f"Not trained: {candidate.status}, {candidate.reason}.")
    lines += _confirmation(store, candidate)
    return Provenance(tuple(lines))


def _confirmation(store: Readable, candidate: Candidate) -> list[str]:
    frame = confirmed(store)
    frame = frame[(frame["id"] == candidate.id) & frame["test_score"].notna()]
    if frame.empty:
        return ["Not confirmed yet: 'actsearch confirm' trains it on fresh seeds."]
    rows = []
    for row in frame.to_dict("records"):
        spread = f" +- {row['test_se']:.4f} (standard error)" if pd.notna(row["test_se"]) else ""
        key = (candidate.id, row["task"], row["steps"], "ok")
        mine = [e for e in store.evaluations("confirm") if (e.candidate, e.task, e.steps, e.status) == key]
        seeds = sorted(e.seed for e in mine)
        rows.append(
            f"Confirmed on {row['task']}, {row['steps']} steps: test {spoken(row['score'])} "
            f"{row['test_score']:.4f}{spread}"
            + (f", test error {row['test_error']:.4f}" if row["score"] != "error" else "")
            + f" over {row['seeds']} fresh seeds ({seeds[0]} to {seeds[-1]})"
            + (f"; {row['failed']} more failed." if row["failed"] else ".")
        )
    return rows
