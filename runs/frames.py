"""Every row of a run as pandas frames; what their columns mean stands at :class:`runs.run.Run`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluators import Evaluation
from evaluators.judging.features.catalogue import kept
from runs.candidate import Candidate
from runs.front import scored, with_names
from runs.store import Purpose, Store

_OF_A_CANDIDATE = ("id", "name", "expression", "origin", "parents", "slot", "status", "reason", "baseline")
_OF_A_TRAINING = (
    *("candidate", "purpose", "task", "steps", "seed", "status", "reason"),
    *("error", "loss", "test_error", "test_loss", "seconds", "curve", "validation_curve", "places", "unstacked"),
)
_PURPOSES: tuple[Purpose, ...] = ("search", "confirm")


def candidates_frame(store: Store) -> pd.DataFrame:
    """Return a row for every candidate in the order of ids, with its facts and what the search measured."""
    candidates = store.candidates()
    facts = dict.fromkeys([*kept(), *(name for candidate in candidates for name in candidate.facts)])
    rows = [{**candidate.facts, **_plain(candidate)} for candidate in candidates]
    frame = with_names(pd.DataFrame(rows, columns=[*_OF_A_CANDIDATE, *facts]))
    measured = scored(store)
    new = [name for name in measured.columns if name not in frame.columns]
    whole = frame.merge(measured[["id", *new]], on="id", how="left", validate="one_to_one")
    whole["on_front"] = whole["on_front"].eq(True)  # of what was not trained to the end, too
    kinds: dict[str, type] = dict.fromkeys([*facts, *(name for name in new if name != "on_front")], float)
    return with_names(whole.astype({**kinds, "id": int, "slot": int, "baseline": bool, "on_front": bool}))


def _plain(candidate: Candidate) -> dict[str, Any]:
    own = {name: getattr(candidate, name, None) for name in _OF_A_CANDIDATE}
    return {**own, "slot": candidate.ask, "baseline": candidate.name is not None}


def evaluations_frame(store: Store) -> pd.DataFrame:
    """Return a row for every training and rung, those of the search first, in the order in which they finished."""
    found = [(purpose, each) for purpose in _PURPOSES for each in store.evaluations(purpose)]
    metrics = dict.fromkeys(name for _, each in found for name in (*each.metrics, *each.test_metrics))
    columns = [*_OF_A_TRAINING, *(name for metric in metrics for name in _metric_columns(metric))]
    frame = pd.DataFrame([_training(purpose, each) for purpose, each in found], columns=columns)
    numbers = ["error", "loss", "test_error", "test_loss", "seconds", *columns[len(_OF_A_TRAINING) :]]
    return frame.astype({**dict.fromkeys(numbers, float), **dict.fromkeys(("candidate", "steps", "seed"), int)})


def _metric_columns(metric: str) -> tuple[str, str]:
    """Return the columns of a task's metric, of the validation and of the test part."""
    name = f"metric_{metric}" if metric in _OF_A_TRAINING or f"test_{metric}" in _OF_A_TRAINING else metric
    return name, f"test_{name}"


def _training(purpose: Purpose, evaluation: Evaluation) -> dict[str, Any]:
    own: Mapping[str, Any] = {name: getattr(evaluation, name, ()) for name in _OF_A_TRAINING}
    validation = {_metric_columns(name)[0]: value for name, value in evaluation.metrics.items()}
    test = {_metric_columns(name)[1]: value for name, value in evaluation.test_metrics.items()}
    return {**validation, **test, **own, "purpose": purpose}
