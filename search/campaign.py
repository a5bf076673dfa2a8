"""The campaign: ask, judge, train, record, tell, until the budget is spent.

Everything that decides the next step follows from the configuration and the run file, so a
campaign can stop anywhere. Each training slot seeds Python's ``random`` from (seed, slot), and
the strategy, the identity index and the prior's weight are rebuilt by replaying the run file in
the order in which trainings finished. In serial mode a resumed campaign is the uninterrupted one.
"""

from __future__ import annotations

import random
import time
from bisect import insort
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from evaluators import Cohort, Evaluation, Executor, Halving, Job, assess
from evaluators.cohort.halving import points_of
from evaluators.evaluation import Answers, Point
from primitives import BASELINES, ActsearchError, Expression, library, parse, resolve
from runs import Candidate, Store
from runs.candidate import CandidateStatus
from search.config import CampaignConfig
from search.funnel import Funnel
from search.grammar import Grammar
from search.nsga2 import NSGA2
from search.prior_weight import Correlation, PriorWeight, features
from search.random_search import RandomSearch
from search.strategy import Strategy, Told

_FAILURES: tuple[CandidateStatus, ...] = ("diverged", "timeout", "oom", "crashed")

_REMEMBERED = 1000
"""Candidates of earlier cohorts that halving compares with, the latest: ranking costs their square."""


@dataclass(frozen=True)
class Best:
    """A line of the progress display."""

    id: int
    label: str
    error: float
    cost: float
    baseline: bool


@dataclass
class Progress:
    """What an observer sees after every event.

    Attributes:
        counts: candidates by status.
        trained: candidates (not baselines) whose training is over, whatever its outcome.
        budget: of trainings.
        best: successfully trained candidates and baselines, lowest error first.
        correlations: of each of the theory's features with error so far; see :class:`PriorWeight`.
        steps_spent: optimiser steps of all trainings that did not fail, earlier processes included.
        steps_saved: what stopping losers early saved of them.
        training_seconds: summed over workers.
        driver_seconds: spent proposing, judging, storing and telling.
        wall_seconds: since this process started the campaign.
        workers: cohorts that run at once, now.
    """

    budget: int
    workers: int = 1
    counts: dict[CandidateStatus, int] = field(default_factory=dict)
    trained: int = 0
    best: list[Best] = field(default_factory=list)
    correlations: Mapping[str, Correlation] = field(default_factory=dict)
    steps_spent: int = 0
    steps_saved: int = 0
    training_seconds: float = 0.0
    driver_seconds: float = 0.0
    wall_seconds: float = 0.0
    proposed: int = 0


Observer = Callable[[Progress], None]


class Campaign:
    """One search over one run file."""

    def __init__(self, config: CampaignConfig, store: Store) -> None:
        self.config, self._store = config, store
        self._grammar = Grammar(config.grammar)
        self._weight = PriorWeight(config.prior)
        self._funnel = Funnel(self._grammar, self._weight, config.strategy.novelty)
        self._strategy = make_strategy(config, self._grammar)
        self._candidates: dict[int, Candidate] = {}
        self._counts: Counter[CandidateStatus] = Counter()
        self._trained = self._asked = self._chosen = 0
        self._in_flight: set[int] = set()
        self._cohorts = 0
        self._points: dict[int, list[Point]] = defaultdict(list)
        self._closed = store.meta("state") in ("searched", "finished")
        self._earlier = float(store.meta("search_seconds", "0"))
        self._started = time.monotonic()
        self.progress = Progress(budget=config.budget.trainings)
        self._replay()
        self.progress.training_seconds = 0.0  # what earlier processes spent

    @property
    def seeds(self) -> tuple[int, ...]:
        """The training seeds of the search; confirmation uses others."""
        return tuple(range(self.config.fidelity.seeds))

    def run(self, executor: Executor, observer: Observer = lambda _: None) -> None:
        """Search until the budget is spent. Safe to stop anywhere and to run again."""
        self._started = time.monotonic()
        self._add_starters()
        waiting = deque(c for c in self._candidates.values() if c.status == "pending")
        while True:
            with self._driving():
                while self._cohorts < executor.capacity and (chosen := self._gather(waiting, self._size(executor))):
                    executor.submit(self._cohort(chosen))
                    self._cohorts += 1
            self.progress.workers = executor.capacity  # they come and go
            observer(self._snapshot())
            finished = executor.collect()
            if not finished:
                break
            with self._driving():
                self._record(finished)
            self._check_alive()
        self._check_alive()  # a resumed campaign may have had nothing left to train
        self._store.set_meta("state", "searched")
        observer(self._snapshot())

    # --- one step ---------------------------------------------------------------------------

    def _next(self) -> Candidate | None:
        """Return a new candidate to train, or ``None`` when the budget is spent."""
        if self._closed or self._chosen >= self.config.budget.trainings or self._late():
            return None
        with seeded(self.config.seed, self._asked + 1):
            slot = self._funnel.fill(self._strategy, self._asked + 1, len(self._candidates) + 1)
        self._add(slot.candidates)
        # Nothing new was found; with trainings in flight the next result may change that.
        self._closed = slot.chosen is None and not self._in_flight
        return slot.chosen

    def _size(self, executor: Executor) -> int:
        """Return how many candidates to train together: no more in flight than the strategy keeps.

        A larger cohort trains faster, but what is proposed for it has not learned from it. What fits in memory is
        asked once and kept in the run file, so that the search goes on as it began, wherever that is.
        """
        fitting = self._store.number("members")
        if fitting is None:
            fitting = executor.members(self.config.task, len(self.seeds))
            self._store.set_meta("members", str(fitting))
        if self.config.execution.cohort is not None:
            return fitting
        return max(1, min(self.config.strategy.population // executor.capacity, fitting))

    def _gather(self, waiting: deque[Candidate], size: int) -> list[Candidate]:
        """Return candidates for a cohort, those of an earlier process first; fewer when there are no more."""
        chosen: list[Candidate] = []
        while len(chosen) < size:
            candidate = waiting.popleft() if waiting else self._next()
            if candidate is None:
                break
            self._in_flight.add(candidate.id)
            chosen.append(candidate)
        return chosen

    def _cohort(self, candidates: Sequence[Candidate]) -> Cohort:
        fidelity = self.config.fidelity
        rungs = fidelity.rung_steps
        history = tuple(tuple(self._points[rung][-_REMEMBERED:]) for rung in rungs)
        halving = Halving(rungs, fidelity.keep, history) if rungs else None
        return Cohort(tuple(self._job(candidate) for candidate in candidates), halving)

    def _late(self) -> bool:
        minutes = self.config.budget.minutes
        return minutes is not None and self._seconds() > 60 * minutes

    def _seconds(self) -> float:
        """Return the wall time of the search, earlier processes included."""
        return self._earlier + time.monotonic() - self._started

    def _job(self, candidate: Candidate) -> Job:
        fidelity = self.config.fidelity
        assert candidate.gain is not None
        return Job(
            candidate.id,
            candidate.expression,
            candidate.gain,
            self.config.task,
            fidelity.whole,
            self.seeds,
            timeout=fidelity.timeout,
            objectives=_objectives(candidate),
            reference=candidate.name is not None,
        )

    def _record(self, finished: list[tuple[Cohort, Answers]]) -> None:
        """Store the answers of all cohorts that are done in one transaction, and learn from them in that order."""
        self._cohorts -= len(finished)
        jobs = [job for cohort, _ in finished for job in cohort.jobs]
        answers = [found for _, per_job in finished for found in per_job]
        verdicts = [(job.candidate, *verdict(found, job.steps)) for job, found in zip(jobs, answers, strict=True)]
        evaluations = [evaluation for found in answers for evaluation in found]
        self._store.record("search", evaluations, verdicts, {"search_seconds": f"{self._seconds():.3f}"})
        for (identifier, status, reason), found in zip(verdicts, answers, strict=True):
            self._in_flight.discard(identifier)
            self._keep(self._candidates[identifier].stopped(status, reason))
            self._tell(self._candidates[identifier], found)

    def _check_alive(self) -> None:
        """End a campaign in which nothing can be trained.

        Raises:
            ActsearchError: every baseline failed, and so did everything else.
        """
        if self.progress.best or self._counts["stopped"]:
            return
        tried = [c for c in self._candidates.values() if c.status in _FAILURES]
        waits = any(c.name is not None and c.status == "pending" for c in self._candidates.values())
        if tried and not waits:
            (reason, count), *_ = Counter(c.reason for c in tried).most_common(1)
            raise ActsearchError(
                f"every training failed so far, those of the baselines too; {count} of {len(tried)} because: {reason}; "
                "mend the task and launch again"
            )

    def _tell(self, candidate: Candidate, evaluations: list[Evaluation]) -> None:
        """Pass one finished candidate to everything that learns from it."""
        self.progress.training_seconds += sum(e.seconds for e in evaluations)
        points = points_of(evaluations, len(self.seeds), _objectives(candidate))
        for steps, point in points.items():
            self._points[steps].append(point)
        if candidate.status not in ("ok", "stopped"):
            return
        reached = max(points)
        self._count_steps(reached)
        if candidate.status == "ok":
            label = candidate.name or candidate.expression
            cost, _ = _objectives(candidate)
            best = Best(candidate.id, label, points[reached][0], cost, candidate.name is not None)
            insort(self.progress.best, best, key=lambda one: (one.error, one.cost, one.id))
        # The lowest rung is the one that all candidates were measured at.
        self._weight.tell(features(candidate), points[min(points)][0])
        if candidate.genotype is not None:
            tree = self._grammar.loads(candidate.genotype)
            self._strategy.tell(Told(candidate.id, tree, points[reached], self._missed(reached)))

    def _missed(self, reached: int) -> int:
        """Return how many of the rungs and the end a candidate did not come to."""
        fidelity = self.config.fidelity
        return sum(steps > reached for steps in (*fidelity.rung_steps, fidelity.whole))

    def _count_steps(self, reached: int) -> None:
        seeds, steps = len(self.seeds), self.config.fidelity.whole
        self.progress.steps_spent += seeds * reached
        self.progress.steps_saved += seeds * (steps - reached)

    # --- bookkeeping ------------------------------------------------------------------------

    def _add_starters(self) -> None:
        """Add baselines and seeds once, before anything is proposed."""
        if self._candidates:
            return
        wanted: list[tuple[str, str, str | None]] = [("baseline", name, name) for name in BASELINES]
        wanted += [("baseline", text, _label(text)) for text in self.config.baselines if text not in BASELINES]
        wanted += [("seed", text, None) for text in self.config.seeds]
        rows = []
        for number, (origin, text, name) in enumerate(wanted, start=1):
            expression = resolve(text)
            tree = self._grammar.tree(expression)
            genotype = None if tree is None else self._grammar.dumps(tree)
            row = Candidate(number, str(expression), origin, genotype=genotype, name=name)
            rows.append(self._funnel.starter(row, expression))
        self._add(tuple(rows))

    def _add(self, candidates: tuple[Candidate, ...]) -> None:
        self._store.add_candidates(candidates)
        for candidate in candidates:
            self._keep(candidate)

    def _keep(self, candidate: Candidate) -> None:
        """Take a candidate in, or its new state, and count it."""
        if before := self._candidates.get(candidate.id):
            self._counts[before.status] -= 1
            self._trained -= before.was_trained
            self._chosen -= before.was_chosen
        self._candidates[candidate.id] = candidate
        self._counts[candidate.status] += 1
        self._trained += candidate.was_trained
        self._chosen += candidate.was_chosen
        self._asked = max(self._asked, candidate.ask)

    def _replay(self) -> None:
        """Rebuild the state of everything that learns from the run file."""
        for candidate in self._store.candidates():
            self._keep(candidate)
            self._funnel.remember(candidate, _read(candidate))
        by_candidate: dict[int, list[Evaluation]] = {}
        for evaluation in self._store.evaluations("search"):
            by_candidate.setdefault(evaluation.candidate, []).append(evaluation)
        for identifier, evaluations in by_candidate.items():
            self._tell(self._candidates[identifier], evaluations)

    def _snapshot(self) -> Progress:
        progress = self.progress
        progress.counts = {status: count for status, count in self._counts.items() if count}
        progress.trained, progress.proposed = self._trained, len(self._candidates)
        progress.correlations = self._weight.correlations()
        progress.wall_seconds = time.monotonic() - self._started
        return progress

    @contextmanager
    def _driving(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.progress.driver_seconds += time.perf_counter() - started


def make_strategy(config: CampaignConfig, grammar: Grammar) -> Strategy:
    """Return the strategy that a configuration names."""
    return RandomSearch(grammar) if config.strategy.name == "random" else NSGA2(grammar, config.strategy)


def verdict(evaluations: list[Evaluation], steps: int) -> tuple[CandidateStatus, str]:
    """Return a candidate's status from its seeds': the first failure counts, luck does not.

    Args:
        evaluations: of one candidate, at every rung that it reached.
        steps: of a whole training.
    """
    for evaluation in evaluations:
        if evaluation.status != "ok":
            return evaluation.status, f"seed {evaluation.seed}: {evaluation.reason}"
    reached = max(evaluation.steps for evaluation in evaluations)
    return ("ok", "") if reached == steps else ("stopped", f"not among the best after {reached} steps")


def _objectives(candidate: Candidate) -> tuple[float, float]:
    """Return what is known without training: cost and complexity."""
    assert candidate.cost is not None
    assert candidate.complexity is not None
    return candidate.cost, float(candidate.complexity)


@contextmanager
def seeded(seed: int, slot: int) -> Iterator[None]:
    """Seed Python's global generator, which DEAP draws from, and put its state back afterwards."""
    state = random.getstate()
    random.seed(f"actsearch {seed} {slot}")
    try:
        yield
    finally:
        random.setstate(state)


def check_starters(config: CampaignConfig) -> None:
    """Check baselines and seeds before anything is created.

    Raises:
        ActsearchError: one cannot be read, or can never be trained.
    """
    for kind, texts in (("baseline", config.baselines), ("seed", config.seeds)):
        for text in texts:
            reason = assess(resolve(text)).rejection
            if reason:
                raise ActsearchError(f"{kind} '{text}' cannot be trained: {reason}")


def _label(text: str) -> str:
    return text if text in library() else f"baseline {text}"


def _read(candidate: Candidate) -> Expression:
    try:
        return parse(candidate.expression)
    except ActsearchError as error:
        raise ActsearchError(f"candidate {candidate.id} in the run file cannot be read: {error}") from error
