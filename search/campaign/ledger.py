"""What a campaign knows: candidates, counts, points and what is to be told, alike in life and on replay."""

from __future__ import annotations

import dataclasses
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evaluators import Evaluation
from evaluators.judging.objectives import Objective, Point
from evaluators.training.cohort.halving import points_of
from evaluators.training.status import FAILURES, TRAINED, CandidateStatus
from primitives import ActsearchError
from runs import Candidate
from search.campaign.progress import Best
from search.configuration.config import Fidelity


@dataclass(frozen=True)
class Outcome:
    """What a training said of a candidate.

    Attributes:
        candidate: with its final status.
        points: its objectives by steps, at every rung that it reached and at the end.
        missed: how many of the rungs and the end it did not come to.
    """

    candidate: Candidate
    points: dict[int, Point]
    missed: int

    @property
    def reached(self) -> int:
        """The steps at which its training ended."""
        return max(self.points)

    @property
    def lowest(self) -> Point:
        """The point of the lowest rung, which is the one that all candidates have."""
        return self.points[min(self.points)]


class Ledger:
    """The state of a campaign; it follows from its candidates and, in the order of finishing, their evaluations.

    Attributes:
        candidates: by id.
        counts: of them by status.
        trained: how many fill a training slot and are done.
        chosen: how many fill a training slot.
        asked: the last training slot.
        passed_over: how many proposals have no row, by reason.
        points: at each rung and the end, of all that came there.
        best: of those trained to the end, the best first.
        steps_spent, steps_saved: see :class:`search.campaign.progress.Progress`.
    """

    def __init__(self, fidelity: Fidelity, objectives: tuple[Objective, ...]) -> None:
        self._fidelity, self.objectives = fidelity, objectives
        self.candidates: dict[int, Candidate] = {}
        self.counts: Counter[CandidateStatus] = Counter()
        self.trained = self.chosen = self.asked = 0
        self.passed_over: Counter[str] = Counter()
        self.points: dict[int, list[Point]] = defaultdict(list)
        self.best: list[Best] = []
        self.steps_spent = self.steps_saved = 0

    def keep(self, candidate: Candidate) -> None:
        """Take a candidate in, or its new state, and count it."""
        if before := self.candidates.get(candidate.id):
            self._count(before, -1)
        self.candidates[candidate.id] = candidate
        self._count(candidate, 1)
        self.asked = max(self.asked, candidate.ask)

    def _count(self, candidate: Candidate, number: int) -> None:
        self.counts[candidate.status] += number
        self.trained += number * candidate.was_trained
        self.chosen += number * candidate.was_chosen

    @property
    def proposed(self) -> int:
        """How many proposals there were, baselines and seeds included."""
        return len(self.candidates) + self.passed_over.total()

    def pending(self) -> Iterator[Candidate]:
        """Yield those that wait for their training."""
        return (candidate for candidate in self.candidates.values() if candidate.status == "pending")

    def failed(self) -> list[Candidate]:
        """Return those whose training gave no numbers."""
        return [candidate for candidate in self.candidates.values() if candidate.status in FAILURES]

    def judged(self, identifier: int, evaluations: Sequence[Evaluation]) -> Candidate:
        """Return a candidate as its training leaves it: the first failure of a seed counts, luck does not.

        Objectives that only the campaign can compute become facts, so that reading a run needs nobody's code.
        """
        candidate = self.candidates[identifier]
        for evaluation in evaluations:
            if evaluation.status != "ok":
                return candidate.stopped(evaluation.status, f"seed {evaluation.seed}: {evaluation.reason}")
        try:
            points = self._points(candidate, evaluations)
        except ActsearchError as error:
            return candidate.stopped("crashed", str(error))
        reached = max(points)
        values = zip(self.objectives, points[reached], strict=True)
        known = {*candidate.facts, *evaluations[-1].validation}
        facts = {each.name: value for each, value in values if each.name not in known}
        candidate = dataclasses.replace(candidate, facts={**candidate.facts, **facts}) if facts else candidate
        if reached == self._fidelity.whole:
            return candidate.stopped("ok", "")
        return candidate.stopped("stopped", f"not among the best after {reached} steps")

    def finish(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> Outcome | None:
        """Take in what a training said; return what is to be told of it, ``None`` of a failure."""
        self.keep(candidate)
        try:
            points = self._points(candidate, evaluations)
        except ActsearchError:  # its status says so
            return None
        for steps, point in points.items():
            self.points[steps].append(point)
        if candidate.status not in TRAINED:
            return None
        outcome = Outcome(candidate, points, sum(steps > max(points) for steps in self._places()))
        seeds = self._fidelity.seeds
        self.steps_spent += seeds * outcome.reached
        self.steps_saved += seeds * (self._fidelity.whole - outcome.reached)
        if candidate.status == "ok":
            label = candidate.name or candidate.expression
            best = Best(candidate.id, label, points[outcome.reached], candidate.name is not None)
            insort(self.best, best, key=lambda one: (one.point, one.id))
        return outcome

    def _places(self) -> Iterable[int]:
        return (*self._fidelity.rung_steps, self._fidelity.whole)

    def _points(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> dict[int, Point]:
        return points_of(evaluations, self._fidelity.seeds, self.objectives, candidate.facts)
