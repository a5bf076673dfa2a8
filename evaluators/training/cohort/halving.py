"""Who goes on at a rung, and who came farther: the whole rule.

Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter
Tuning", arXiv:1810.05934) with the ranks of NSGA-II (Deb et al. 2002) in place of one metric. Among
all that were ever seen at a rung those go on that

1. lead in an objective: nobody has less of it, ties decided by the other objectives in their order,
   and between equals the earlier one leads; or
2. are of the best share by front, then by the first objective, and, past the last rung, have dominated somebody
   at some rung: who never did is not worth the dearest part of a training.

Only the order of values counts, so that another unit of an objective changes nothing. Between
candidates that were stopped at different rungs the distance comes first, as a constraint does in
Deb et al. 2002: see :class:`search.strategies.strategy.Told`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from evaluators.judging.objectives import Facts, Objective, Point, chosen_objectives, point
from evaluators.training.job import Evaluation, Halving, Job


def points_of(
    evaluations: Sequence[Evaluation], seeds: int, objectives: Sequence[Objective], facts: Facts
) -> dict[int, Point]:
    """Return a candidate's points by steps: at each rung, and at the end, that all of its seeds reached.

    Args:
        evaluations: of one candidate on one task.
        seeds: how many it was trained on.
        objectives: what a point is made of.
        facts: what is known of it without training.

    Raises:
        ActsearchError: an objective cannot be computed or is not finite.
    """
    reached: dict[int, list[Evaluation]] = defaultdict(list)
    for evaluation in evaluations:
        if evaluation.error is not None:
            reached[evaluation.steps].append(evaluation)
    return {
        steps: point(objectives, {**facts, **measured(found)})
        for steps, found in reached.items()
        if len(found) == seeds
    }


def measured(evaluations: Sequence[Evaluation]) -> dict[str, float]:
    """Return what successful evaluations of one candidate and fidelity measured, averaged over the seeds, by name."""
    numbers: dict[str, list[float]] = defaultdict(list)
    for evaluation in evaluations:
        for name, value in evaluation.validation.items():
            numbers[name].append(value)
    return {name: fmean(found) for name, found in numbers.items() if len(found) == len(evaluations)}


class Promotion:
    """Applies the rule to one cohort, rung by rung."""

    def __init__(self, halving: Halving | None, jobs: Sequence[Job]) -> None:
        """Start below the first rung.

        Args:
            halving: the rungs; nobody stops when ``None``.
            jobs: of the cohort; references among them always go on.
        """
        self._halving = halving or Halving((), 0.5)
        self._useful = {job for job in jobs if job.reference}

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What points are made of."""
        return chosen_objectives(self._halving.objectives, self._halving.score)

    @property
    def rungs(self) -> tuple[int, ...]:
        """The steps after which somebody may stop."""
        return self._halving.rungs

    def going_on(self, rung: int, points: Mapping[Job, Point]) -> set[Job]:
        """Return the jobs that go on past a rung.

        Args:
            rung: one of the rungs; they are asked for in their order.
            points: of the jobs that came through to it.
        """
        if not points:
            return set()
        number = self.rungs.index(rung)
        history = self._halving.history[number] if self._halving.history else ()
        jobs, here = list(points), list(points.values())
        self._useful |= {job for job, useful in zip(jobs, dominating(here, history), strict=True) if useful}
        ahead, best = leading(here, history), promoted(here, history, self._halving.keep)
        last = rung == self.rungs[-1]
        return {
            job
            for job, leads, chosen in zip(jobs, ahead, best, strict=True)
            if job.reference or leads or (chosen and (job in self._useful or not last))
        }


def promoted(points: Sequence[Point], history: Sequence[Point], keep: float) -> list[bool]:
    """Tell who is of the best share.

    Args:
        points: of the members at a rung, lower is better.
        history: of candidates seen at this rung before.
        keep: share of all of them that goes on, rounded up.

    Returns:
        For each member whether it is among that share by front, then by the first objective.
    """
    import moocore  # not on a machine that has torch alone, where nobody halves

    everyone = np.array([*points, *history], dtype=float)
    fronts = moocore.pareto_rank(everyone)
    order = np.lexsort((np.arange(len(everyone)), everyone[:, 0], fronts))
    chosen = set(order[: math.ceil(keep * len(everyone))].tolist())
    return [index in chosen for index in range(len(points))]


def leading(points: Sequence[Point], history: Sequence[Point]) -> list[bool]:
    """Tell for each member whether it leads in an objective among the history and the members."""
    everyone = np.array([*history, *points], dtype=float)
    first = np.arange(len(everyone))
    leaders = set()
    for objective in range(everyone.shape[1]):
        others = [everyone[:, other] for other in range(everyone.shape[1]) if other != objective]
        leaders.add(int(np.lexsort((first, *reversed(others), everyone[:, objective]))[0]))
    return [len(history) + index in leaders for index in range(len(points))]


def dominating(points: Sequence[Point], history: Sequence[Point]) -> list[bool]:
    """Tell for each member whether it dominates anything among the members and the history."""
    everyone = np.array([*points, *history], dtype=float)
    return [bool(_dominated_by(everyone[index], everyone).any()) for index in range(len(points))]


def _dominated_by(point: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((point <= others).all(axis=1) & (point < others).any(axis=1))
