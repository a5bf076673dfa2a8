"""The campaign: ask, judge, train, record, tell, until the budget is spent.

Everything that decides the next step follows from the configuration and the run file, so a
campaign can stop anywhere. Each training slot seeds Python's ``random`` from (seed, slot), and
the strategy, the identity index and the prior's weight are rebuilt by replaying the run file in
the order in which trainings finished. In serial mode a resumed campaign is the uninterrupted one.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType

from threadpoolctl import ThreadpoolController

from evaluators import Cohort, Evaluation, Executor, Halving, Job, assess
from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.objectives import RELATIVE, chosen_objectives, on_one_task, point
from evaluators.training.executors.executor import Hearing, no_audience
from evaluators.training.job import Answers
from evaluators.training.status import FAILURES, PASSED_OVER
from evaluators.training.task import AnyTask, Task
from primitives import BASELINES, ActsearchError, get, resolve
from primitives.errors import unknown
from primitives.numeric import numeric
from primitives.registries import made
from runs import Candidate, Store
from runs.lessons import lessons_of
from runs.scores import scores_of
from search.campaign.added import label_of
from search.campaign.estimate import in_flight, outlook_of
from search.campaign.funnel import Funnel
from search.campaign.ledger import Ledger
from search.campaign.prior_weight import PriorWeight, features
from search.campaign.progress import Observer, Progress
from search.campaign.queues import Queues, Waiting
from search.campaign.ranking import NoisyPrior
from search.campaign.stages import Stage, stages_of
from search.configuration.config import CampaignConfig
from search.space.grammar import Grammar
from search.strategies.asking import drawing
from search.strategies.catalogue import STRATEGIES
from search.strategies.choice import Result
from search.strategies.strategy import Strategy, Told

_AHEAD = 8
"""Workers from which on the next cohort is proposed before one is free: with fewer it would miss too many results."""
_REMEMBERED = 1000
"""Candidates of earlier cohorts that halving compares with, the latest: ranking costs their square."""


class Search:
    """One search over one run file: a loop over a :class:`Ledger`."""

    def __init__(self, config: CampaignConfig, store: Store) -> None:
        self.config, self._store = config, store
        objectives = chosen_objectives(config.objectives, config.goes_by)
        self._stages = stages_of(config, scores_of(store))
        self._grammar = Grammar(config.drawn)
        self._weight = PriorWeight(config.prior)
        self._strategy = made(STRATEGIES, config.strategy.name, Strategy, self._grammar, config.strategy)
        self._choice = self._strategy.choice or NoisyPrior(self._grammar, self._weight)
        self._choice.aim(objectives)
        self._funnel = Funnel(self._grammar, self._choice, config)
        self._ledger = Ledger(config.fidelity, objectives, self._stages)
        self._in_flight: set[int] = set()
        self._queues = Queues(len(self._stages))
        self._heard: dict[int, list[Evaluation]] = {}
        self._cohorts = 0
        self._closed = store.meta("state") in ("searched", "finished")
        self._earlier = store.seconds("search_seconds")
        self._started = time.monotonic()
        self.progress = Progress(config.budget.trainings, objectives, prior_chooses=self._strategy.choice is None)
        self._lessons = lessons_of(store, len(objectives))
        self._teach()
        self._replay()
        self._steps_before = self._ledger.steps_spent
        self._outlook = outlook_of(config, self._ledger.whole, {})

    @property
    def seeds(self) -> tuple[int, ...]:
        """The training seeds of the search; confirmation uses others."""
        return tuple(range(self.config.fidelity.seeds))

    def run(
        self, executor: Executor, observer: Observer = lambda _: None, enough: Callable[[Progress], bool] | None = None
    ) -> None:
        """Search until the budget is spent. Safe to stop anywhere and to run again.

        Args:
            executor: holding the campaign's tasks.
            observer: sees every progress.
            enough: asked whenever trainings have finished; once it says so, the search ends as if its budget were
                spent.
        """
        self._started = time.monotonic()
        self._add_starters()
        self._know_lessons()
        self._settle()
        for number in range(len(self._stages)):  # the first time, workers must start to tell it: no work of the driver
            self._fitting(executor, number)
        self._outlook = outlook_of(self.config, self._ledger.whole, executor.tasks)
        executor.audience = lambda hearings: observer(self._with(hearings))
        try:
            self._trainings(executor, observer, enough)
        finally:
            executor.audience = no_audience
        self._check_alive()  # a resumed campaign may have had nothing left to train
        self._store.set_meta("state", "searched")
        observer(self._snapshot())

    def _trainings(self, executor: Executor, observer: Observer, enough: Callable[[Progress], bool] | None) -> None:
        """Keep the workers busy until there is nothing left to train."""
        ahead: Waiting | None = None
        while True:
            with self._driving():
                while self._cohorts < executor.capacity and (chosen := ahead or self._gather(executor)):
                    executor.submit(self._cohort(chosen))
                    self._cohorts, ahead = self._cohorts + 1, None
            self.progress.workers = executor.capacity  # they come and go
            observer(self._snapshot())
            self._outlook.look(executor.tasks)  # while workers train
            if not ahead and self._cohorts >= executor.capacity >= _AHEAD:
                with self._driving():
                    ahead = self._gather(executor)
            finished = executor.collect()
            if not finished:
                break
            with self._driving():
                self._record(finished)
            self._check_alive()
            self._close_if(enough)

    # --- one step ---------------------------------------------------------------------------

    def _propose(self, count: int) -> Sequence[Candidate]:
        """Return new candidates to train, so many at most; none when the budget is spent."""
        count = min(count, self.config.budget.trainings - self._ledger.chosen, self._affordable(count))
        if self._closed or count < 1 or self._late():
            return ()
        slot = self._ledger.asked + 1
        with seeded(self.config.seed, slot):
            batch = self._funnel.fill(self._strategy, slot, max(self._ledger.candidates, default=0) + 1, count)
        self._ledger.passed_over.update(batch.passed_over)
        # Nothing new was found; with trainings in flight the next result may change that.
        self._closed = not batch.chosen and not self._in_flight
        self.progress.exhausted = self._closed
        over = {"state": "searched"} if self._closed else {}
        self._add(batch.candidates, {"passed_over": json.dumps(self._ledger.passed_over), **over})
        return batch.chosen

    def _close_if(self, enough: Callable[[Progress], bool] | None) -> None:
        """Propose nothing more, now and in a process that goes on, once somebody has seen enough."""
        if enough is not None and not self._closed and enough(self._snapshot()):
            self._closed = self.progress.ended_by_request = True
            self._store.set_meta("state", "searched")

    def _size(self, executor: Executor, stage: int) -> int:
        """Return how many candidates to train together: no more in flight than the strategy keeps.

        A larger cohort trains faster, but what is proposed for it has not learned from it.
        """
        fitting = self._fitting(executor, stage)
        if self.config.execution.cohort is not None:
            return fitting
        return max(1, min(self.config.strategy.population // executor.capacity, fitting))

    def _fitting(self, executor: Executor, stage: int) -> int:
        """Return how many fit in memory: asked once and kept in the run file, so that a search goes on as it began."""
        key = f"members:{self._stages[stage].task}" if stage else "members"
        fitting = self._store.number(key)
        if fitting is None:
            fitting = executor.members(self._stages[stage].task, len(self.seeds))
            self._store.set_meta(key, str(fitting))
        return fitting

    def _gather(self, executor: Executor) -> Waiting | None:
        """Return candidates for a cohort, fewer when there are no more.

        Whole cohorts of a later task come first, then the first task's, those of an earlier process before what is
        proposed, and at the end what is left for later tasks.
        """
        sizes = [self._size(executor, number) for number in range(len(self._stages))]
        if whole := self._queues.whole(sizes):
            return whole
        chosen = self._queues.first(sizes[0])
        if len(chosen) < sizes[0] and not any(candidate.ask for candidate in chosen):  # a short batch was trained alone
            chosen += self._propose(sizes[0] - len(chosen))
        self._in_flight.update(candidate.id for candidate in chosen)
        return Waiting(0, tuple(chosen)) if chosen else self._queues.rest(sizes)

    def _cohort(self, waiting: Waiting) -> Cohort:
        stage, fidelity = self._stages[waiting.stage], self.config.fidelity
        rungs = fidelity.rung_steps if not waiting.stage else ()
        history = tuple(tuple(self._ledger.rung_points[rung][-_REMEMBERED:]) for rung in rungs)
        names = on_one_task(self.config.objectives, stage.score)
        halving = Halving(rungs, fidelity.keep, history, names, stage.score) if rungs else None
        return Cohort(tuple(self._job(candidate, stage) for candidate in waiting.candidates), halving)

    def _affordable(self, count: int) -> int:
        """Return how many of so many candidates ``budget.steps`` allows, were nobody stopped early.

        The last one may go beyond it. Whoever is in flight is counted as trained to the end.
        """
        limit, whole = self.config.budget.steps, self.config.fidelity.seeds * self._ledger.whole
        if limit is None:
            return count
        return math.ceil((limit - self._ledger.steps_spent - whole * len(self._in_flight)) / whole)

    def _late(self) -> bool:
        minutes = self.config.budget.minutes
        return minutes is not None and self._seconds() > 60 * minutes

    def _seconds(self) -> float:
        """Return the wall time of the search, earlier processes included."""
        return self._earlier + time.monotonic() - self._started

    def _job(self, candidate: Candidate, stage: Stage) -> Job:
        if candidate.gain is None:
            raise ActsearchError(
                f"candidate {candidate.id} waits for its training and has no gain; was the run file edited?"
            )
        return Job(
            candidate.id,
            candidate.expression,
            candidate.gain,
            stage.task,
            stage.steps,
            self.seeds,
            timeout=self.config.fidelity.timeout,
            facts=candidate.facts,
            reference=candidate.name is not None,
        )

    def _record(self, finished: list[tuple[Cohort, Answers]]) -> None:
        """Store the answers of all cohorts that are done in one transaction, and learn from them in that order."""
        self._cohorts -= len(finished)
        answers = [
            (job.candidate, found)
            for cohort, per_job in finished
            for job, found in zip(cohort.jobs, per_job, strict=True)
        ]
        ended = [candidate for identifier, found in answers for candidate in self._ended_by(identifier, found)]
        evaluations = [evaluation for _, found in answers for evaluation in found]
        self._store.record("search", evaluations, ended, {"search_seconds": f"{self._seconds():.3f}"})
        self.progress.training_seconds += sum(evaluation.seconds for evaluation in evaluations)
        for candidate in ended:
            self._in_flight.discard(candidate.id)
            self._learn(candidate, self._heard.pop(candidate.id))

    def _ended_by(self, identifier: int, found: Sequence[Evaluation]) -> Iterator[Candidate]:
        """Take in a training; yield who is through by it, those first who waited for it. Who is not waits."""
        self._heard.setdefault(identifier, []).extend(found)
        self._ledger.measure(identifier, self._heard[identifier])
        for each in (*self._queues.held, identifier):
            candidate = self._ledger.judged(each, self._heard[each])
            if candidate.status != "pending":
                self._queues.held.pop(each, None)
                yield candidate
            elif each == identifier:
                self._queues.add(candidate, self._ledger.next_stage(self._heard[each]))

    def _settle(self) -> None:
        """Put those of an earlier process where they wait."""
        for candidate in self._ledger.pending():
            self._queues.add(candidate, self._ledger.next_stage(self._heard.get(candidate.id, ())))
            if candidate.id in self._heard:
                self._in_flight.add(candidate.id)

    def _check_alive(self) -> None:
        """End a campaign in which nothing can be trained.

        Raises:
            ActsearchError: every baseline failed, and so did everything else.
        """
        if self._ledger.best or self._ledger.counts["stopped"]:
            return
        tried = self._ledger.failed()
        waits = any(candidate.name is not None for candidate in self._ledger.pending())
        if tried and not waits:
            (reason, count), *_ = Counter(c.reason for c in tried).most_common(1)
            raise ActsearchError(
                f"every training failed so far, those of the baselines too; {count} of {len(tried)} because: {reason}; "
                "mend the task and launch again"
            )

    def _learn(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> None:
        """Pass one finished candidate to everything that learns from it."""
        outcome = self._ledger.finish(candidate, evaluations)
        if outcome is None:
            self._choice.lose(candidate.id)
            return
        self._weight.tell(features(candidate.facts), outcome.lowest[0])
        whole, is_baseline = self._ledger.whole, candidate.name is not None
        self._choice.tell(Result(candidate.id, outcome.points, whole, is_baseline))
        if candidate.genotype is not None:
            tree, point = self._grammar.loads(candidate.genotype), outcome.points[outcome.reached]
            self._strategy.tell(Told(candidate.id, tree, point, outcome.missed, candidate.origin))

    # --- bookkeeping ------------------------------------------------------------------------

    def _add_starters(self) -> None:
        """Add baselines and seeds once, before anything is proposed."""
        if self._ledger.candidates:
            return
        wanted: list[tuple[str, str, str | None]] = [("baseline", name, name) for name in BASELINES]
        wanted += [("baseline", text, label_of(text)) for text in self.config.baselines if text not in BASELINES]
        wanted += [("seed", text, None) for text in self.config.seeds]
        rows = []
        for number, (origin, text, name) in enumerate(wanted, start=1):
            expression = resolve(text)
            tree = self._grammar.tree(expression)
            genotype = None if tree is None else self._grammar.dumps(tree)
            row = Candidate(number, str(expression), origin, genotype=genotype, name=name)
            rows.append(self._funnel.starter(row, expression))
        self._add(tuple(rows))

    def _teach(self) -> None:
        """Tell the choice what earlier runs measured, under negative ids, before anything of this one."""
        for number, lesson in enumerate(self._lessons, start=1):
            if lesson.points:
                self._choice.chose(-number, lesson.genotype, lesson.expression)
                self._choice.tell(Result(-number, lesson.points, lesson.whole))

    def _know_lessons(self) -> None:
        """Count what earlier runs trained as seen; baselines and seeds are trained anew all the same."""
        anew = {c.mark.key for c in self._ledger.candidates.values() if c.mark and not c.ask}
        known = [
            Candidate(-number, each.expression, "lesson", (), 0, each.genotype, facts={"gain": 1.0}, mark=each.mark)
            for number, each in enumerate(self._lessons, start=1)
            if each.mark is None or each.mark.key not in anew
        ]
        self._funnel.recall(known)

    def _add(self, candidates: tuple[Candidate, ...], meta: Mapping[str, str] = MappingProxyType({})) -> None:
        self._store.add_candidates(candidates, meta)
        for candidate in candidates:
            self._keep(candidate)

    def _keep(self, candidate: Candidate) -> None:
        self._ledger.keep(candidate)
        if candidate.gain is not None and candidate.status not in PASSED_OVER:
            self._choice.chose(candidate.id, candidate.genotype, candidate.expression)

    def _replay(self) -> None:
        """Rebuild the state of everything that learns from the run file."""
        candidates = self._store.candidates()
        for candidate in candidates:
            self._keep(candidate)
        self._funnel.recall(candidates)
        self._ledger.passed_over.update(self._store.counts("passed_over"))
        for candidate, evaluations in self._in_the_order_of_learning():
            self._learn(candidate, evaluations)

    def _in_the_order_of_learning(self) -> Iterator[tuple[Candidate, list[Evaluation]]]:
        """Yield who is through, as :meth:`_ended_by` did; who is not is what has been heard of."""
        evaluations = self._store.evaluations("search", lean=True)
        left = Counter(evaluation.candidate for evaluation in evaluations)
        waiting: dict[int, None] = {}
        for evaluation in evaluations:
            identifier = evaluation.candidate
            heard = self._heard.setdefault(identifier, [])
            heard.append(evaluation)
            self._ledger.measure(identifier, heard)
            left[identifier] -= 1
            if left[identifier]:
                continue
            waiting[identifier] = None
            for each in [*waiting]:
                candidate = self._ledger.candidates[each]
                failed = candidate.status in FAILURES
                if candidate.status != "pending" and (failed or self._ledger.is_measurable(self._heard[each])):
                    del waiting[each]
                    yield candidate, self._heard.pop(each)

    def _snapshot(self) -> Progress:
        progress, ledger = self.progress, self._ledger
        progress.counts = {status: count for status, count in ledger.counts.items() if count}
        progress.trained, progress.proposed, progress.best = ledger.trained, ledger.proposed, ledger.best
        progress.passed_over = dict(ledger.passed_over)
        progress.steps_spent, progress.steps_saved = ledger.steps_spent, ledger.steps_saved
        progress.correlations = self._weight.correlations()
        progress.strategy_lines = self._strategy.lines()
        progress.curve = ledger.curve
        return self._with(())

    def _with(self, hearings: Sequence[Hearing]) -> Progress:
        """Return the progress with what is heard of the cohorts in training."""
        progress, ledger, outlook = self.progress, self._ledger, self._outlook
        running = in_flight(hearings)
        progress.hearings = hearings
        progress.wall_seconds = time.monotonic() - self._started
        outlook.heard(progress.wall_seconds, ledger.steps_spent - self._steps_before + running)
        waiting = sum(not candidate.ask for candidate in ledger.pending())
        candidates = 0 if self._closed else max(0, progress.budget - ledger.trained)
        left = outlook.search(candidates, ledger.trained, ledger.steps_of_candidates, running)
        minutes = self.config.budget.minutes
        limit = None if minutes is None else 60 * minutes - self._seconds()
        progress.seconds_left = outlook.seconds_left(left + waiting * outlook.whole, progress.workers, limit)
        return progress

    @contextmanager
    def _driving(self) -> Iterator[None]:
        started = time.perf_counter()
        with _threads().limit(limits=1):  # arrays this small gain nothing by threads, and workers want the cores
            yield
        self.progress.driver_seconds += time.perf_counter() - started


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def seeded(seed: int, slot: int) -> Iterator[None]:
    """Draw as one training slot of a campaign does, see :func:`search.strategies.asking.drawing`."""
    with drawing(f"actsearch {seed} {slot}"):
        yield


def check_starters(config: CampaignConfig) -> None:
    """Check primitives, baselines and seeds before anything is created.

    Raises:
        ActsearchError: a primitive's numpy kernel cannot be used, or a baseline or seed cannot be read or can never
            be trained.
    """
    for name in config.grammar.primitives:
        numeric(get(name))
    own_features = any(not FEATURES.is_ours(name) for name in FEATURES)
    built_in = BASELINES if own_features else ()  # they pass the screen, but do they pass somebody's own feature?
    for kind, texts in (("baseline", (*built_in, *config.baselines)), ("seed", config.seeds)):
        for text in texts:
            reason = assess(resolve(text)).rejection
            if reason:
                raise ActsearchError(f"{kind} '{text}' cannot be trained: {reason}")


def check_objectives(config: CampaignConfig, task: AnyTask, metrics: Sequence[str]) -> None:
    """Try the objectives on made-up scores of ReLU before anything is created.

    A loop of the task's own may report metrics that nobody knows before.

    Args:
        config: with the score settled.
        task: that the search trains on.
        metrics: that it reports beside error and loss.

    Raises:
        ActsearchError: one cannot be computed; the message says what there is.
    """
    objectives = chosen_objectives(config.objectives, config.goes_by)
    if isinstance(task, Task):
        measured = dict.fromkeys(RELATIVE, 1.0) if config.tasks else {}
        measured |= dict.fromkeys(("error", "loss", *metrics), 0.5)
        if config.goes_by not in measured:
            raise ActsearchError(unknown("score", config.goes_by, measured) + f", of the task '{task.name}'")
        point(objectives, {**assess(resolve("relu")).facts, **measured})
