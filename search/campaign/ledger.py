"""What a campaign knows: candidates, counts, points and what is to be told, alike in life and on replay."""

from __future__ import annotations

import dataclasses
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from evaluators import Evaluation
from evaluators.judging.objectives import Objective, Point, chosen_objectives, on_one_task, point
from evaluators.training.cohort.halving import measured, points_of
from evaluators.training.status import FAILURES, PASSED_OVER, TRAINED, CandidateStatus
from primitives import ActsearchError
from runs import Candidate
from search.campaign.progress import Best
from search.campaign.stages import Stage, Yardstick, failed, of_stage, whole_stages
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
        rung_points: at each rung, by what can be told there: of several tasks the score of the first.
        best: of those trained to the end, the best first.
        curve, steps_spent, steps_saved: see :class:`search.campaign.progress.Progress`.
        steps_of_candidates: those of them that fill a training slot, of ``steps_spent``.
    """

    def __init__(self, fidelity: Fidelity, objectives: tuple[Objective, ...], stages: Sequence[Stage]) -> None:
        self._fidelity, self.objectives, self._stages = fidelity, objectives, tuple(stages)
        self._yardstick = Yardstick(stages, fidelity.seeds)
        names = on_one_task((each.name for each in objectives), stages[0].score)
        self._rung_objectives = chosen_objectives(names, stages[0].score)
        self.candidates: dict[int, Candidate] = {}
        self.counts: Counter[CandidateStatus] = Counter()
        self.trained = self.chosen = self.asked = 0
        self.passed_over: Counter[str] = Counter()
        self.rung_points: dict[int, list[Point]] = defaultdict(list)
        self.best: list[Best] = []
        self.curve: list[tuple[int, float]] = []
        self.steps_spent = self.steps_saved = self.steps_of_candidates = 0

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

    # --- several tasks ------------------------------------------------------------------------

    def measure(self, identifier: int, evaluations: Sequence[Evaluation]) -> None:
        """Take in what a baseline scores, of which relative scores are made; others are passed over.

        Raises:
            ActsearchError: its scores cannot be compared.
        """
        candidate = self.candidates[identifier]
        if candidate.name is not None and len(self._stages) > 1:
            self._yardstick.add(identifier, evaluations)
            if candidate.status in FAILURES:
                self._yardstick.end(identifier)

    def is_measurable(self, evaluations: Sequence[Evaluation]) -> bool:
        """Tell whether scores can be told: of several tasks only once all baselines are through with the same."""
        if len(self._stages) == 1:
            return True
        baselines = (c for c in self.candidates.values() if c.name is not None and c.gain is not None)
        several = max(1, whole_stages(self._stages, evaluations))
        return self._yardstick.knows((c.id for c in baselines if c.status not in PASSED_OVER), several)

    def next_stage(self, evaluations: Sequence[Evaluation]) -> int | None:
        """Return the number of the task that comes next for a candidate; ``None`` where there is none.

        Args:
            evaluations: all that there are of it.
        """
        if not evaluations:
            return 0
        whole = whole_stages(self._stages, evaluations)
        return whole if 0 < whole < len(self._stages) and not failed(evaluations) else None

    def _hopeless(self, evaluations: Sequence[Evaluation]) -> Stage | None:
        """Return the first task on which a candidate is worse than every baseline, ``None`` where there is none."""
        for stage in self._stages[: whole_stages(self._stages, evaluations)]:
            found = of_stage(stage, evaluations, self._fidelity.seeds).get(stage.steps)
            if found and self._yardstick.relative(stage, found) > self._yardstick.worst(stage):
                return stage
        return None

    # --- what a training said -----------------------------------------------------------------

    def judged(self, identifier: int, evaluations: Sequence[Evaluation]) -> Candidate:
        """Return a candidate as its training leaves it: the first failure of a seed counts, luck does not.

        It stays ``pending`` while another task waits for it, or while nobody can tell its scores yet. Objectives
        that only the campaign can compute become facts, so that reading a run needs nobody's code.

        Args:
            identifier: of the candidate.
            evaluations: all that there are of it.
        """
        candidate = self.candidates[identifier]
        for evaluation in evaluations:
            if evaluation.status != "ok":
                return candidate.stopped(evaluation.status, f"seed {evaluation.seed}: {evaluation.reason}")
        if not self.is_measurable(evaluations):
            return candidate
        try:
            points = self._points(candidate, evaluations)
            why = self._why_ended(candidate, evaluations, max(points))
        except ActsearchError as error:
            self._yardstick.end(identifier)
            return candidate.stopped("crashed", str(error))
        if why is None:
            return candidate
        values = zip(self.objectives, points[max(points)], strict=True)
        known = {*candidate.facts, *evaluations[-1].validation}
        facts = {each.name: value for each, value in values if each.name not in known}
        candidate = dataclasses.replace(candidate, facts={**candidate.facts, **facts}) if facts else candidate
        return candidate.stopped("stopped" if why else "ok", why)

    def _why_ended(self, candidate: Candidate, evaluations: Sequence[Evaluation], reached: int) -> str | None:
        """Return why a candidate was stopped, nothing where it came to the end, ``None`` where it goes on."""
        if reached == self.whole:
            return ""
        if (following := self.next_stage(evaluations)) is None:
            return f"not among the best after {reached} steps"
        if candidate.name is None and (stage := self._hopeless(evaluations)):
            return f"worse than every baseline on {stage.task}, so not trained on {self._stages[following].task}"
        return None

    def finish(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> Outcome | None:
        """Take in what a training said; return what is to be told of it, ``None`` of a failure."""
        self.keep(candidate)
        try:
            points = self._points(candidate, evaluations)
        except ActsearchError:  # its status says so
            return None
        for steps, there in (points if len(self._stages) == 1 else self._at_rungs(candidate, evaluations)).items():
            self.rung_points[steps].append(there)
        if candidate.status not in TRAINED:
            return None
        outcome = Outcome(candidate, points, sum(steps > max(points) for steps in self._places()))
        seeds = self._fidelity.seeds
        self.steps_spent += seeds * outcome.reached
        self.steps_of_candidates += seeds * outcome.reached * candidate.was_chosen
        self.steps_saved += seeds * (self.whole - outcome.reached)
        if candidate.status == "ok":
            label = candidate.name or candidate.expression
            best = Best(candidate.id, label, points[outcome.reached], candidate.name is not None)
            insort(self.best, best, key=lambda one: (one.point, one.id))
            if candidate.name is None and (not self.curve or best.point[0] < self.curve[-1][1]):
                self.curve.append((self.trained, best.point[0]))
        return outcome

    @property
    def whole(self) -> int:
        """The steps of all tasks together."""
        return sum(stage.steps for stage in self._stages)

    def _places(self) -> Iterable[int]:
        return (*self._fidelity.rung_steps, *accumulate(stage.steps for stage in self._stages))

    def _at_rungs(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> dict[int, Point]:
        """Return the points of the first task that rungs compare."""
        first = [each for each in evaluations if each.task == self._stages[0].task]
        return points_of(first, self._fidelity.seeds, self._rung_objectives, candidate.facts)

    def _points(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> dict[int, Point]:
        """Return the points of a candidate by steps in all.

        Raises:
            ActsearchError: an objective cannot be computed or is not finite.
        """
        if len(self._stages) == 1:
            return points_of(evaluations, self._fidelity.seeds, self.objectives, candidate.facts)
        found: dict[int, Point] = {}
        before, ended, whole = 0, list[float](), self._stages[0].steps
        first = of_stage(self._stages[0], evaluations, self._fidelity.seeds)
        for stage in self._stages:
            scores, relative = of_stage(stage, evaluations, self._fidelity.seeds), ended
            for steps, some in scores.items():
                relative = [*ended, self._yardstick.relative(stage, some)]
                told = {"mean_score": fmean(relative), "worst_score": max(relative)}
                numbers = measured(first[min(before + steps, whole)])
                found[before + steps] = point(self.objectives, {**candidate.facts, **numbers, **told})
            if stage.steps not in scores:
                break
            before, ended = before + stage.steps, relative
        return found
