"""The campaign: ask, judge, train, record, tell, until the budget is spent.

Everything that decides the next step follows from the configuration and the run file, so a
campaign can stop anywhere. Each training slot seeds Python's ``random`` from (seed, slot), and
the strategy, the identity index and the prior's weight are rebuilt by replaying the run file in
the order in which trainings finished. In serial mode a resumed campaign is the uninterrupted one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from evaluators import Evaluation, Executor, Job, assess
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
        correlations: of each of the theory's features with error so far.
        training_seconds: summed over workers.
        driver_seconds: spent proposing, judging, storing and telling.
        wall_seconds: since this process started the campaign.
        workers: jobs that run at once.
    """

    budget: int
    workers: int = 1
    counts: dict[str, int] = field(default_factory=dict)
    trained: int = 0
    best: list[Best] = field(default_factory=list)
    correlations: dict[str, Correlation] = field(default_factory=dict)
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
        self._in_flight: set[int] = set()
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
        self.progress.workers = executor.capacity
        self._started = time.monotonic()
        self._add_starters()
        waiting = [c for c in self._candidates.values() if c.status == "pending"]
        while True:
            with self._driving():
                while len(self._in_flight) < executor.capacity:
                    candidate = waiting.pop(0) if waiting else self._next()
                    if candidate is None:
                        break
                    self._in_flight.add(candidate.id)
                    executor.submit(self._job(candidate))
            observer(self._snapshot())
            finished = executor.collect()
            if not finished:
                break
            with self._driving():
                for job, evaluations in finished:
                    self._record(job, evaluations)
                self._store.set_meta("search_seconds", f"{self._seconds():.3f}")
        self._store.set_meta("state", "searched")
        observer(self._snapshot())

    # --- one step ---------------------------------------------------------------------------

    def _next(self) -> Candidate | None:
        """Return a new candidate to train, or ``None`` when the budget is spent."""
        asked = max((c.ask for c in self._candidates.values()), default=0)
        if self._closed or asked >= self.config.budget.trainings or self._late():
            return None
        with seeded(self.config.seed, asked + 1):
            slot = self._funnel.fill(self._strategy, asked + 1, len(self._candidates) + 1)
        self._add(slot.candidates)
        # Nothing new was found; with trainings in flight the next result may change that.
        self._closed = slot.chosen is None and not self._in_flight
        return slot.chosen

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
            fidelity.steps,
            self.seeds,
            timeout=fidelity.timeout,
        )

    def _record(self, job: Job, evaluations: list[Evaluation]) -> None:
        self._in_flight.discard(job.candidate)
        status, reason = verdict(evaluations)
        self._store.record("search", evaluations, (job.candidate, status, reason))
        self._candidates[job.candidate] = self._candidates[job.candidate].stopped(status, reason)
        self._tell(self._candidates[job.candidate], evaluations)

    def _tell(self, candidate: Candidate, evaluations: list[Evaluation]) -> None:
        """Pass one finished candidate to everything that learns from it."""
        self.progress.training_seconds += sum(e.seconds for e in evaluations)
        if candidate.status != "ok":
            return
        errors = [e.error for e in evaluations if e.error is not None]
        error = sum(errors) / len(errors)
        assert candidate.cost is not None
        assert candidate.complexity is not None
        label = candidate.name or candidate.expression
        self.progress.best.append(Best(candidate.id, label, error, candidate.cost, candidate.name is not None))
        self._weight.tell(features(candidate), error)
        if candidate.genotype is not None:
            tree = self._grammar.loads(candidate.genotype)
            self._strategy.tell(Told(candidate.id, tree, (error, candidate.cost, float(candidate.complexity))))

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
        self._candidates |= {candidate.id: candidate for candidate in candidates}

    def _replay(self) -> None:
        """Rebuild the state of everything that learns from the run file."""
        for candidate in self._store.candidates():
            self._candidates[candidate.id] = candidate
            self._funnel.remember(candidate, _read(candidate))
        by_candidate: dict[int, list[Evaluation]] = {}
        for evaluation in self._store.evaluations("search"):
            by_candidate.setdefault(evaluation.candidate, []).append(evaluation)
        for identifier, evaluations in by_candidate.items():
            self._tell(self._candidates[identifier], evaluations)

    def _snapshot(self) -> Progress:
        counts: dict[str, int] = {}
        for candidate in self._candidates.values():
            counts[candidate.status] = counts.get(candidate.status, 0) + 1
        progress = self.progress
        progress.counts = counts
        chosen = [c for c in self._candidates.values() if c.ask and _was_trained(c)]
        progress.trained, progress.proposed = len(chosen), len(self._candidates)
        progress.best.sort(key=lambda best: (best.error, best.cost, best.id))
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


def verdict(evaluations: list[Evaluation]) -> tuple[CandidateStatus, str]:
    """Return a candidate's status from its seeds': the first failure counts, luck does not."""
    for evaluation in evaluations:
        if evaluation.status != "ok":
            return evaluation.status, f"seed {evaluation.seed}: {evaluation.reason}"
    return "ok", ""


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


def _was_trained(candidate: Candidate) -> bool:
    return candidate.prior is not None and candidate.status not in ("pending", "rejected", "cached")
