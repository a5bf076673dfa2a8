"""Where an exported candidate comes from: run, lineage, seeds, and what was measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from evaluators.judging.objectives import spoken
from evaluators.training.cohort.halving import measured
from primitives import parse
from primitives.export.exported import Provenance
from runs.candidate import Candidate
from runs.front import search_scores
from runs.readable import Readable
from runs.scores import FORMER, scores_of
from runs.statistics import confirmed
from runs.trained import trained_constants
from runs.user_code import task_records


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
    lines += _after_training(store, candidate)
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


def _after_training(store: Readable, candidate: Candidate) -> list[str]:
    """Return what learnable constants became, and under which conditions all this was measured."""
    mine = [e for e in store.evaluations("confirm", [candidate.id]) if e.status == "ok"]
    found = trained_constants(parse(candidate.expression), mine)
    lines = [f"After training on {task}: {', '.join(map(str, constants))}." for task, constants in found.items()]
    return [*lines, *conditions(store, {e.task for e in mine})]


def conditions(store: Readable, tasks: Collection[str]) -> list[str]:
    """Return a sentence on the recipes under which a run's evidence was measured; nothing where there is none."""
    said = recipes_of(store, tasks)
    if not said:
        return []
    return [
        "What was measured holds for weights after an activation that start with the scale GAIN below gives them, and "
        f"for these recipes: {'; '.join(said)}. With torch's default initialisation or without clipping the order "
        "of functions can be another."
    ]


def recipes_of(store: Readable, tasks: Collection[str]) -> list[str]:
    """Return in words the recipe of each of some tasks that a run keeps one of."""
    found = {label: record.made_of.recipe for label, record in task_records(store).items() if label in tasks}
    return [_recipe(label, recipe) for label, recipe in found.items()]


def _recipe(label: str, recipe: Mapping[str, str]) -> str:
    known = {
        "optimiser": "{}",
        "learning_rate": "rate {}",
        "batch_size": "batches of {}",
        "clip": "gradients clipped at norm {}",
    }
    return f"{label}: " + ", ".join(text.format(recipe[key]) for key, text in known.items() if key in recipe)
