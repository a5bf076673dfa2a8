"""One moment of a campaign in plain values: what is shown, written as an event, and read again from elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Literal

import moocore
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.training.executors.executor import Hearing
from evaluators.training.status import FAILURES, PASSED_OVER
from search.campaign.pool import ALIKE, FULL, KNOWN, OUTRANKED, REPEATED
from search.campaign.progress import Best, Confirming, Progress

_SHOWN = 8
_SILENT = 15.0
"""Seconds without a step after which a worker is called silent."""

Text = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=0)]


_PLAIN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
"""A frozen value that JSON holds: nothing unknown, nothing that is not finite."""


class WorkerNow(BaseModel):
    """What a worker does.

    Attributes:
        worker: its name.
        state: ``preparing`` before the first step, ``training``, or ``silent`` where no step was heard of for 15 s.
        task: that it trains on.
        step, steps: where its trainings stand, of the whole.
        rung: steps at which losers stop next.
        trainings, started: trainings left of those that began, a candidate and a seed each.
        steps_a_second: optimiser steps of all of them together.
        best, best_id: the lowest score at the last rung, and whose it is.
        silent_seconds: since its last word.
        limit_seconds: after which the cohort is given up, counted from its start.
    """

    model_config = _PLAIN

    worker: Text
    state: Literal["preparing", "training", "silent"]
    task: Text
    step: Count = 0
    steps: Count = 0
    rung: Count = 0
    trainings: Count = 0
    started: Count = 0
    steps_a_second: Seconds = 0.0
    best: float | None = None
    best_id: Count | None = None
    silent_seconds: Seconds = 0.0
    limit_seconds: Seconds = 0.0


class Line(BaseModel):
    """A function with its objectives, in their order."""

    model_config = _PLAIN

    id: Count
    formula: Text
    baseline: bool
    front: bool
    objectives: Annotated[tuple[float, ...], Field(max_length=20)]


class Frame(BaseModel):
    """One moment of a campaign.

    Attributes:
        phase: ``search``, ``confirm``, ``measure`` (costs), ``done``, or ``stopped``.
        at: seconds since 1970.
        seconds: since this process began to search or to confirm; of later phases when that ended.
        seconds_left: an estimate until everything is done; ``None`` before there is one, and while costs are measured.
        trained, budget: candidates, of a search.
        stopped, failed: of those trained, early by halving or without numbers.
        proposed, rejected, outranked, known: children looked at, and what became of those not trained.
        trainings_a_minute: of the search, in this process.
        objectives: their labels.
        best: the best functions and baselines, by the first objective.
        on_front: how many functions are on the front.
        curve: (trained, lowest first objective) whenever that fell.
        workers: what they do.
        confirmed, confirming: trainings of the confirmation, done and in all.
        confirm_failed: of those done.
        notes: what the theory and the strategy say.
    """

    model_config = _PLAIN

    phase: Literal["search", "confirm", "measure", "done", "stopped"]
    at: float = 0.0
    seconds: Seconds = 0.0
    seconds_left: Seconds | None = None
    trained: Count = 0
    budget: Count = 0
    stopped: Count = 0
    failed: Count = 0
    proposed: Count = 0
    rejected: Count = 0
    outranked: Count = 0
    known: Count = 0
    trainings_a_minute: Seconds = 0.0
    objectives: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    best: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    on_front: Count = 0
    curve: Annotated[tuple[tuple[Count, float], ...], Field(max_length=10_000)] = ()
    workers: Annotated[tuple[WorkerNow, ...], Field(max_length=10_000)] = ()
    confirmed: Count = 0
    confirming: Count = 0
    confirm_failed: Count = 0
    notes: Annotated[tuple[Text, ...], Field(max_length=20)] = ()


def workers_of(hearings: Sequence[Hearing]) -> tuple[WorkerNow, ...]:
    """Return what workers do, those with the lowest number first."""
    found = [_worker(hearing) for hearing in hearings]
    return tuple(sorted(found, key=lambda each: (len(each.worker), each.worker)))


def _worker(hearing: Hearing) -> WorkerNow:
    trainings = sum(len(job.seeds) for job in hearing.cohort.jobs)
    silent = hearing.silent >= _SILENT
    at, pulse = {"silent_seconds": hearing.silent, "limit_seconds": hearing.limit}, hearing.pulse
    if pulse is None or not pulse.step:
        state: Literal["preparing", "training", "silent"] = "silent" if silent else "preparing"
        steps = hearing.cohort.jobs[0].steps
        return WorkerNow(
            worker=hearing.worker,
            state=state,
            task=hearing.cohort.task,
            steps=steps,
            trainings=trainings,
            started=trainings,
            **at,
        )
    return WorkerNow(
        worker=hearing.worker,
        state="silent" if silent else "training",
        task=pulse.task,
        step=pulse.step,
        steps=pulse.steps,
        rung=pulse.rung,
        trainings=pulse.members,
        started=pulse.started,
        steps_a_second=pulse.rate,
        best=pulse.best,
        best_id=pulse.best_candidate,
        **at,
    )


class Framer:
    """Makes frames of what a campaign tells; it looks for the front anew only when there is something new."""

    def __init__(self) -> None:
        self._front: tuple[int, frozenset[int]] = (0, frozenset())
        self._first: tuple[float, int] | None = None
        self._search = self._last = Frame(phase="search")

    def search(self, progress: Progress, notes: Sequence[str] = ()) -> Frame:
        """Return a frame of the search."""
        counts, passed = progress.counts, progress.passed_over
        outranked = sum(passed.get(reason, 0) for reason in (OUTRANKED, ALIKE, FULL)) + counts.get("outranked", 0)
        known = passed.get(KNOWN, 0) + passed.get(REPEATED, 0) + counts.get("cached", 0)
        away = sum(passed.values()) + sum(counts.get(status, 0) for status in PASSED_OVER)
        front = self._on_front(progress.best)
        self._search = Frame(
            phase="search",
            at=time.time(),
            seconds=progress.wall_seconds,
            seconds_left=progress.seconds_left,
            trained=progress.trained,
            budget=progress.budget,
            stopped=counts.get("stopped", 0),
            failed=sum(counts.get(status, 0) for status in FAILURES),
            proposed=progress.proposed,
            rejected=max(0, away - outranked - known),
            outranked=outranked,
            known=known,
            trainings_a_minute=self._rate(progress),
            objectives=tuple(objective.label for objective in progress.objectives),
            best=tuple(_line(best, front) for best in _shown(progress.best, front)),
            on_front=len(front),
            curve=tuple(progress.curve),
            workers=workers_of(progress.hearings),
            notes=tuple(notes),
        )
        self._last = self._search
        return self._search

    def confirm(self, confirming: Confirming) -> Frame:
        """Return a frame of the confirmation; it says of the search what was said last."""
        self._last = self._search.model_copy(
            update={
                "phase": "confirm",
                "at": time.time(),
                "seconds": confirming.seconds,
                "seconds_left": confirming.seconds_left,
                "workers": workers_of(confirming.hearings),
                "confirmed": confirming.done,
                "confirming": confirming.total,
                "confirm_failed": confirming.failed,
            }
        )
        return self._last

    def end(self, phase: Literal["measure", "done", "stopped"]) -> Frame:
        """Return the frame of a last phase; it says of search and confirmation what was said last."""
        return self._last.model_copy(update={"phase": phase, "at": time.time(), "workers": (), "seconds_left": None})

    def _rate(self, progress: Progress) -> float:
        """Return trainings a minute since the first time that any was seen."""
        if self._first is None:
            self._first = progress.wall_seconds, progress.trained
        seconds, trained = progress.wall_seconds - self._first[0], progress.trained - self._first[1]
        return 60 * trained / seconds if seconds > 0 and trained > 0 else 0.0

    def _on_front(self, best: Sequence[Best]) -> frozenset[int]:
        """Return the ids of those that nobody dominates and that are not worse than all baselines."""
        if len(best) != self._front[0]:
            points = np.array([each.point for each in best], dtype=float)
            leads = moocore.is_nondominated(points, keep_weakly=True)
            baselines = points[[each.baseline for each in best]]
            worst = baselines[:, 0].max() if len(baselines) else np.inf
            ids = (b.id for b, lead in zip(best, leads, strict=True) if lead and b.point[0] <= worst)
            self._front = len(best), frozenset(ids)
        return self._front[1]


def _shown(best: Sequence[Best], front: frozenset[int]) -> list[Best]:
    """Return the front, and then the best others, of which there is place for a few."""
    leading = [each for each in best if each.id in front][: _SHOWN - 2]
    others = [each for each in best[: 2 * _SHOWN] if each.id not in front][: _SHOWN - len(leading)]
    return sorted([*leading, *others], key=lambda each: (each.point, each.id))


def _line(best: Best, front: frozenset[int]) -> Line:
    return Line(
        id=best.id, formula=best.label[:2000], baseline=best.baseline, front=best.id in front, objectives=best.point
    )
