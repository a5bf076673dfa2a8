"""The front: candidates that no other beats on all objectives at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import moocore
import numpy as np
import pandas as pd

from evaluators import Evaluation
from evaluators.judging.features.catalogue import kept
from evaluators.judging.objectives import RELATIVE
from runs.axes import Axis, axes, known, value
from runs.candidate import Candidate
from runs.snapshot import Readable


def scored(store: Readable) -> pd.DataFrame:
    """Return every candidate trained to the end with its objectives, in the order of ids.

    Columns: ``id``, ``name`` (of a baseline), ``expression``, ``error`` (mean validation error
    over the search seeds), ``error_se`` (its standard error; missing with one seed), the same two for every
    other objective that trainings measure, such as ``calibrated_loss``, one column for each other objective and
    feature, such as ``cost`` (float32 multiplications), ``complexity`` (nodes), ``prior`` (nats),
    ``correction`` and ``gain``, then ``baseline``, ``origin``, and ``on_front`` (not dominated by any row,
    baselines included, and not worse than all baselines by everything that trainings measure: such a function is
    worth nothing however cheap it is).

    Raises:
        ActsearchError: a candidate lacks an objective.
    """
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
    kinds: dict[str, type] = dict.fromkeys(numbers, float)
    kinds |= {name: feature.kind for name, feature in kept().items()}
    kinds |= {"id": int, "baseline": bool, "expression": object, "origin": object}
    frame = frame.astype({name: kind for name, kind in kinds.items() if kind is not int or frame[name].notna().all()})
    points = frame[names].to_numpy(dtype=float)
    frame["on_front"] = moocore.is_nondominated(points, keep_weakly=True) if len(points) else np.zeros(0, dtype=bool)
    frame["on_front"] &= ~_worse_than_all_baselines(
        frame, [name for name in names if name in trained or name in RELATIVE]
    )
    return frame


def _worse_than_all_baselines(frame: pd.DataFrame, scores: Sequence[str]) -> pd.Series[bool]:
    """Tell of each row whether every baseline has less of every score; of none where there is no baseline or score."""
    baselines = frame.loc[frame["baseline"], list(scores)]
    if baselines.empty:
        return pd.Series(False, index=frame.index)
    return (frame[list(scores)] > baselines.max()).all(axis=1)


def with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with ``None``, not NaN, where a row has no name."""
    frame["name"] = pd.Series([n if isinstance(n, str) else None for n in frame["name"]], dtype=object)
    return frame


def _measured(whole: Sequence[tuple[Candidate, Sequence[Evaluation]]]) -> set[str]:
    """Return the names of all numbers that trainings measured."""
    return {name for _, evaluations in whole for evaluation in evaluations for name in evaluation.validation}


def _row(candidate: Candidate, evaluations: Sequence[Evaluation], objectives: Sequence[Axis]) -> dict[str, Any]:
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


def _spread(name: str, evaluations: Sequence[Evaluation]) -> float | None:
    return standard_error([evaluation.validation[name] for evaluation in evaluations if name in evaluation.validation])


def standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of a mean; ``None`` of fewer than two values."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def pareto(store: Readable) -> pd.DataFrame:
    """Return the front and all baselines, the best by the first objective first, ties by the others."""
    return members(scored(store), axes(store))


def members(frame: pd.DataFrame, objectives: Sequence[Axis]) -> pd.DataFrame:
    """Return the same of a frame of :func:`scored` and the objectives of its run."""
    shown = frame[frame["on_front"] | frame["baseline"]]
    return shown.sort_values([*(axis.name for axis in objectives), "id"]).reset_index(drop=True)


def nothing_yet(store: Readable) -> str:
    """Return one clause that says why there is no front: what the search has, none of it trained to the end."""
    counts = Counter(candidate.status for candidate in store.candidates())
    had = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return f"no candidate has been trained to the end yet ({had or 'there is none at all'})"


def finalists(store: Readable, top: int) -> list[int]:
    """Return ids of the candidates to confirm: the best by the first objective, baselines excluded.

    Front members come first; if the front has fewer than ``top``, the next best fill up, and then
    those that halving stopped, the ones that came farthest first.
    """
    frame = scored(store)
    found = frame[~frame["baseline"]]
    names = [axis.name for axis in axes(store)]
    order = found.sort_values(["on_front", *names, "id"], ascending=[False, *([True] * len(names)), True])
    whole = [int(i) for i in order["id"].head(top)]
    return [*whole, *_stopped(store)[: top - len(whole)]]


def _stopped(store: Readable) -> list[int]:
    """Return ids of the candidates that halving stopped: those of the highest rung first, by the first objective."""
    found, first = search_scores(store), axes(store)[0]
    stopped = {c.id: c for c in store.candidates() if c.status == "stopped" and c.id in found}

    def place(identifier: int) -> tuple[float, ...]:
        evaluations, candidate = found[identifier], stopped[identifier]
        return -evaluations[0].steps, value(first, known(candidate, evaluations), candidate), identifier

    return sorted(stopped, key=place)


def search_scores(store: Readable, of: Collection[int] | None = None) -> dict[int, list[Evaluation]]:
    """Return each candidate's successful evaluations in the search, at the highest rung that it reached.

    Of several tasks they are those of the first; what compares all of them is among the candidate's facts.

    Args:
        store: of the run.
        of: ids that are asked for, all when ``None``.
    """
    found: dict[int, list[Evaluation]] = defaultdict(list)
    for evaluation in store.evaluations("search"):
        if of is not None and evaluation.candidate not in of:
            continue
        there = found[evaluation.candidate]
        if evaluation.error is not None and (not there or evaluation.task == there[0].task):
            there.append(evaluation)
    found = {candidate: evaluations for candidate, evaluations in found.items() if evaluations}
    return {c: [e for e in scores if e.steps == max(s.steps for s in scores)] for c, scores in found.items()}
