"""The front as it is defined, from an object of each row: what the quick reading of a large run must equal."""

from __future__ import annotations

from collections import defaultdict

import moocore
import numpy as np
import pandas as pd

from evaluators.judging.features.catalogue import kept
from evaluators.judging.objectives import RELATIVE
from runs.axes import axes, known, value
from runs.front import standard_error, with_names


def plain_scored(store):
    found = search_scores(store)
    whole = [(c, found[c.id]) for c in store.candidates() if c.status == "ok" and c.id in found]
    objectives = axes(store)
    rows = [_row(candidate, evaluations, objectives) for candidate, evaluations in whole]
    names = [axis.name for axis in objectives]
    trained = dict.fromkeys(["error", *(name for name in names if name in _measured(whole))])
    spread = [column for name in trained for column in (name, f"{name}_se")]
    facts = dict.fromkeys([*names, *kept(), *(name for c, _ in whole for name in c.facts)])
    numbers = [*spread, *(name for name in facts if name not in trained)]
    columns = ["id", "name", "expression", *numbers, "baseline", "origin"]
    frame = with_names(pd.DataFrame(rows, columns=columns))
    # The kinds are said, because a column without rows has none of its own.
    kinds = dict.fromkeys(numbers, float)
    kinds |= {name: feature.kind for name, feature in kept().items()}
    kinds |= {"id": int, "baseline": bool, "expression": object, "origin": object}
    frame = frame.astype({name: kind for name, kind in kinds.items() if kind is not int or frame[name].notna().all()})
    points = frame[names].to_numpy(dtype=float)
    frame["on_front"] = moocore.is_nondominated(points, keep_weakly=True) if len(points) else np.zeros(0, dtype=bool)
    frame["on_front"] &= ~_worse_than_all_baselines(
        frame, [name for name in names if name in trained or name in RELATIVE]
    )
    return frame


def _worse_than_all_baselines(frame, scores):
    """Tell of each row whether every baseline has less of every score; of none where there is no baseline or score."""
    baselines = frame.loc[frame["baseline"], list(scores)]
    if baselines.empty:
        return pd.Series(False, index=frame.index)
    return (frame[list(scores)] > baselines.max()).all(axis=1)


def _measured(whole):
    """Return the names of all numbers that trainings measured."""
    return {name for _, evaluations in whole for evaluation in evaluations for name in evaluation.validation}


def _row(candidate, evaluations, objectives):
    numbers = known(candidate, evaluations)
    return {
        **candidate.facts,
        **{axis.name: value(axis, numbers, candidate) for axis in objectives},
        "id": candidate.id,
        "name": candidate.name,
        "expression": candidate.expression,
        "error": numbers["error"],
        **{f"{name}_se": _spread(name, evaluations) for name in ("error", *(a.name for a in objectives))},
        "baseline": candidate.name is not None,
        "origin": candidate.origin,
    }


def _spread(name, evaluations):
    return standard_error([evaluation.validation[name] for evaluation in evaluations if name in evaluation.validation])


def search_scores(store):
    """Return each candidate's successful evaluations in the search, at the highest rung that it reached.

    Of several tasks they are those of the first; what compares all of them is among the candidate's facts.
    """
    found = defaultdict(list)
    for evaluation in store.evaluations("search"):
        there = found[evaluation.candidate]
        if evaluation.error is not None and (not there or evaluation.task == there[0].task):
            there.append(evaluation)
    found = {candidate: evaluations for candidate, evaluations in found.items() if evaluations}
    return {c: [e for e in scores if e.steps == max(s.steps for s in scores)] for c, scores in found.items()}
