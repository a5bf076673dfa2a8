from __future__ import annotations

import dataclasses
import math
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from statistics import fmean

import pytest
import torch

from evaluators import Cohort, Evaluation, Executor, load_task
from evaluators.training.executors.serial import SerialExecutor
from primitives import BASELINES, ActsearchError
from runs import Candidate, Store, folder, pareto
from search.campaign.funnel import Batch, Funnel
from search.campaign.loop import Search
from search.campaign.pool import KNOWN, OUTRANKED
from search.campaign.prior_weight import PriorWeight
from search.configuration.reading import from_dict, merge
from search.configuration.writing import to_toml
from tests.runs.old import as_version_8, back_to_version_3

BASE = {
    "name": "t",
    "task": "digits-vit",
    "score": "error",
    "fidelity": {"steps": 3, "seeds": 2},
    "budget": {"trainings": 12},
    "strategy": {"name": "nsga2", "population": 8},
    "prior": {"pool": 2},
    "confirm": {"automatic": False},
    "execution": {"executor": "serial", "device": "cpu"},
}

NO_EAFO = {"strategy": {"eafo": 0.0}}
"""That step takes as long as all others together."""


def config(**changes):
    name = changes.get("strategy", {}).get("name", "nsga2")
    base = merge(BASE, NO_EAFO) if name == "nsga2" else BASE | {"strategy": {"population": 8}}
    base = {key: value for key, value in base.items() if key != "prior"} if name == "guided" else base
    return from_dict(merge(base, changes), "test")


class Imagined(Executor):
    """Answers at once with an error that depends on the formula alone: a search without training."""

    def __init__(self, capacity=1, shuffle=False, members=1):
        self._capacity, self._queue, self._shuffle = capacity, [], random.Random(0) if shuffle else None
        self._members, self.jobs, self.cohorts = members, [], []

    @property
    def capacity(self):
        return self._capacity

    def members(self, task, seeds):
        return self._members

    def submit(self, cohort: Cohort):
        self._queue.append(cohort)
        self.cohorts.append(cohort)
        self.jobs += cohort.jobs

    def collect(self):
        if not self._queue:
            return []
        at = self._shuffle.randrange(len(self._queue)) if self._shuffle else 0
        cohort = self._queue.pop(at)
        return [(cohort, [self.answers(job) for job in cohort.jobs])]

    def answers(self, job):
        error = random.Random(job.expression).random()
        if error < 0.05:
            return [Evaluation(job.candidate, job.task, job.steps, s, "diverged", "why") for s in job.seeds]
        return [self.answer(job, s, error) for s in job.seeds]

    def answer(self, job, seed, error):
        return Evaluation(job.candidate, job.task, job.steps, seed, "ok", error=error + 0.01 * seed, loss=1.0)

    def close(self):
        self._queue.clear()


RUNGS, STEPS = (2, 4), 8


class Halved(Imagined):
    """Stops at the rungs what a bar that falls leaves above it; errors fall with the steps."""

    def answers(self, job):
        error = random.Random(job.expression).random()
        bars = zip((*RUNGS, STEPS), (1.0, 0.8, 0.5), strict=True)
        reached = [steps for steps, bar in bars if job.reference or error < bar]
        return [
            each for steps in reached for each in super(Halved, self).answers(dataclasses.replace(job, steps=steps))
        ]

    def answer(self, job, seed, error):
        return super().answer(job, seed, error + 1 / job.steps)


def run(path, settings, executor=None, observer=lambda _: None):
    text = to_toml(settings)
    if not path.exists():
        folder.create(path, text, {"config": text, "seed": str(settings.seed)})
    with folder.writing(path) as store:
        campaign = Search(settings, store)
        with executor or Imagined() as engine:
            campaign.run(engine, observer)
        return store.candidates(), pareto(store).to_csv(), campaign.progress


def test_a_serial_campaign_of_real_cohorts_stopped_twice_is_the_uninterrupted_one_to_the_byte(tmp_path):
    class Stops(SerialExecutor):
        def __init__(self, cohorts):
            super().__init__({"digits-vit": load_task("digits-vit")}, "cpu", cohort=4)
            self._left = cohorts

        def collect(self):
            if not self._left:
                raise KeyboardInterrupt
            self._left -= 1
            return super().collect()

    def trained(name, cohorts=100):
        rows, front, progress = run(tmp_path / name, settings, Stops(cohorts))
        with folder.reading(tmp_path / name) as store:
            evaluations = [dataclasses.replace(e, seconds=0.0) for e in store.evaluations("search")]
        return rows, evaluations, front, progress.steps_spent, progress.steps_saved, progress.best

    settings = config(fidelity={"steps": 4, "keep": 0.3}, budget={"trainings": 8})
    for cohorts in (1, 2):  # among the baselines, then among what was proposed
        with pytest.raises(KeyboardInterrupt):
            trained("parts", cohorts)
    whole = trained("whole")
    assert trained("parts") == whole
    assert {c.status for c in whole[0] if c.name} == {"ok"}
    assert "stopped" in {c.status for c in whole[0]}


def test_another_seed_is_another_search(tmp_path):
    one, *_ = run(tmp_path / "one", config(seed=1))
    two, *_ = run(tmp_path / "two", config(seed=2))
    assert [c.expression for c in one] != [c.expression for c in two]


def test_baselines_are_trained_first_and_under_the_same_conditions(tmp_path):
    executor = Imagined()
    run(tmp_path / "run", config(), executor)
    assert len(executor.jobs) == len(BASELINES) + 12
    assert len({(job.steps, job.seeds, job.task) for job in executor.jobs}) == 1
    assert [job.candidate for job in executor.jobs[: len(BASELINES)]] == list(range(1, len(BASELINES) + 1))


def test_what_comes_to_the_authority_has_a_row_that_says_why_it_stopped_and_the_rest_is_counted(tmp_path):
    rows, _, progress = run(tmp_path / "run", config(budget={"trainings": 40}))
    assert [c.id for c in rows] == list(range(1, len(rows) + 1))
    assert not [c for c in rows if c.status == "pending"]
    assert all(c.reason for c in rows if c.status not in ("ok", "pending"))
    assert {"ok", "diverged"} <= {c.status for c in rows} <= {"ok", "diverged", "rejected", "cached"}
    assert progress.trained == 40
    assert progress.proposed == len(rows) + sum(progress.passed_over.values())
    assert progress.passed_over[OUTRANKED] >= 40
    assert progress.passed_over[KNOWN] > 0
    assert sum(c.ask > 0 and c.status in ("ok", "diverged") for c in rows) == 40
    by_id = {c.id: c for c in rows}
    assert all(parent in by_id and parent < c.id for c in rows for parent in c.parents)


def test_no_function_is_trained_twice(tmp_path):
    from primitives import IdentityIndex, fingerprint, parse

    executor, index = Imagined(), IdentityIndex()
    run(tmp_path / "run", config(budget={"trainings": 50}), executor)
    for job in executor.jobs:
        expression = parse(job.expression)
        print_ = fingerprint(expression, absorbed=True)
        assert index.find_values(print_) is None, job.expression
        index.add(job.candidate, expression.key, print_)


@pytest.mark.parametrize(("stops", "members", "kind"), [((9, 25), 1, Imagined), ((19,), 5, Halved)])
def test_a_stopped_and_resumed_campaign_is_the_uninterrupted_one(tmp_path, stops, members, kind):
    class Stops(kind):
        after = 0

        def collect(self):
            if len(self.jobs) >= self.after:
                raise KeyboardInterrupt
            return super().collect()

    settings = config(budget={"trainings": 28}, prior={"evidence": 12}, fidelity={"steps": STEPS})
    whole, front, _ = run(tmp_path / "whole", settings, kind(members=members))
    for after in stops:
        executor = Stops(members=members)
        executor.after = after
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / f"parts{after}", settings, executor)
        resumed, again, _ = run(tmp_path / f"parts{after}", settings, kind(members=members))
        assert again == front
        assert resumed == whole


def test_a_campaign_stopped_under_an_older_schema_goes_on_as_if_it_never_stopped(tmp_path):
    def stop(progress):
        if progress.trained >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "old", config(), observer=stop)
    old = as_version_8(tmp_path / "old" / folder.DATABASE, tmp_path / "version 8")
    with sqlite3.connect(old) as db:
        back_to_version_3(db)
    db.close()
    old.replace(tmp_path / "old" / folder.DATABASE)
    rows, front, _ = run(tmp_path / "old", config())
    whole, wanted, _ = run(tmp_path / "whole", config())
    assert [dataclasses.replace(row, mark=None) for row in rows] == [
        dataclasses.replace(row, mark=None) for row in whole
    ]
    assert front == wanted


def test_trainings_done_equal_the_budget_though_slots_come_back_empty(tmp_path, monkeypatch):
    """While others are in flight an empty slot may be followed by a full one."""
    fill, asked = Funnel.fill, []

    def sometimes_empty(self, strategy, ask, next_id, count):
        asked.append(ask)
        if ask % 3:
            return fill(self, strategy, ask, next_id, count)
        refused = Candidate(next_id, "0*x", "random", ask=ask, status="rejected", reason="it is constant")
        return Batch((refused,), Counter())

    monkeypatch.setattr(Funnel, "fill", sometimes_empty)
    executor = Imagined(6)
    rows, _, progress = run(tmp_path / "run", config(), executor)
    assert progress.trained == len(executor.jobs) - len(BASELINES) == 12
    assert asked == list(range(1, 18))
    assert {c.ask for c in rows if c.was_trained} == {ask for ask in asked if ask % 3}
    assert run(tmp_path / "run", config(), executor)[0] == rows


def test_a_run_goes_on_elsewhere_with_the_cohorts_it_began_with(tmp_path):
    def stop(progress):
        if progress.trained >= 8:
            raise KeyboardInterrupt

    settings = config(budget={"trainings": 24}, strategy={"population": 16})
    whole = run(tmp_path / "whole", settings, Imagined(members=6))[:2]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", settings, Imagined(members=6), stop)
    elsewhere = Imagined(members=2)
    assert run(tmp_path / "run", settings, elsewhere)[:2] == whole
    assert max(len(cohort.jobs) for cohort in elsewhere.cohorts) == 6
    with folder.writing(tmp_path / "run") as store:
        store.set_meta("members", "many")
    with folder.reading(tmp_path / "run") as store, pytest.raises(ActsearchError, match="members that are not ours"):
        store.number("members")


@pytest.mark.parametrize("unit", [1e-7, 1e7])
def test_the_unit_of_the_error_changes_nothing(tmp_path, unit):
    class InUnits(Halved):
        def answer(self, job, seed, error):
            found = super().answer(job, seed, error)
            return dataclasses.replace(found, error=self.factor * found.error)

    settings, expressions = config(budget={"trainings": 20}, fidelity={"steps": STEPS}), []
    for factor in (1.0, unit):
        executor = InUnits(members=4)
        executor.factor = factor
        rows, *_ = run(tmp_path / f"in{factor}", settings, executor)
        expressions.append([(c.expression, c.status) for c in rows])
    assert expressions[0] == expressions[1]


def test_the_points_that_a_campaign_remembers_are_those_its_trainer_compared(tmp_path, monkeypatch):
    """One seed of some candidates fails between the rungs: they have a point at the first and none at the second."""
    from evaluators.training.cohort import trainer
    from evaluators.training.cohort.halving import Promotion

    class Fragile(type(load_task("digits-vit"))):
        def network(self, activation, gain):
            network = super().network(activation, gain)
            if torch.initial_seed() == 1:
                network.register_buffer("passes", torch.zeros(()))
                network.register_forward_pre_hook(self.count)
            return network

        @staticmethod
        def count(network, inputs):
            network.passes.add_(float(network.training))
            return (inputs[0] / (network.passes < 3).to(inputs[0]) if float(inputs[0].shape[0]) else inputs[0],)

    compared = {rung: [] for rung in (1, 3)}

    class Watched(Promotion):
        def going_on(self, rung, points):
            compared[rung] += points.values()
            return super().going_on(rung, points)

    monkeypatch.setattr(trainer, "Promotion", Watched)
    task = Fragile()
    task.name = "digits-vit"
    settings = config(fidelity={"steps": 6, "rungs": [1 / 6, 1 / 2], "keep": 0.9}, budget={"trainings": 4})
    text = to_toml(settings)
    folder.create(tmp_path / "run", text, {"config": text, "seed": "0"})
    with folder.writing(tmp_path / "run") as store:
        campaign = Search(settings, store)
        with SerialExecutor({"digits-vit": task}, "cpu", cohort=4) as executor, pytest.raises(ActsearchError):
            campaign.run(executor)
        assert {rung: campaign._ledger.rung_points[rung] for rung in compared} == compared
        assert {rung: Search(settings, store)._ledger.rung_points[rung] for rung in compared} == compared
    assert compared[1]
    assert not compared[3]


def test_results_in_any_order_from_many_workers_finish_the_budget(tmp_path):
    rows, _, progress = run(tmp_path / "run", config(budget={"trainings": 30}), Imagined(7, shuffle=True))
    assert progress.trained == 30
    assert not [c for c in rows if c.status == "pending"]


def test_losers_are_stopped_and_later_cohorts_compared_with_the_latest_at_each_rung(tmp_path, monkeypatch):
    monkeypatch.setattr("search.campaign.loop._REMEMBERED", 10)
    executor, seen = Halved(members=4), {rung: [] for rung in RUNGS}
    run(tmp_path / "run", config(fidelity={"steps": STEPS}, budget={"trainings": 40}), executor)
    for cohort in executor.cohorts:
        assert cohort.halving.rungs == RUNGS
        assert cohort.halving.history == tuple(tuple(seen[rung][-10:]) for rung in RUNGS)
        for job in cohort.jobs:
            for rung in RUNGS:
                if errors := [e.error for e in executor.answers(job) if e.steps == rung and e.error is not None]:
                    seen[rung].append((fmean(errors), job.facts["cost"], job.facts["complexity"]))
    assert len(seen[RUNGS[0]]) > len(seen[RUNGS[1]]) > 10


def test_stopped_candidates_are_told_apart_and_counted_and_never_on_the_front(tmp_path):
    settings = config(fidelity={"steps": STEPS}, budget={"trainings": 40})
    rows, _, progress = run(tmp_path / "run", settings, Halved(members=4))
    reached, last = {}, {}
    with folder.reading(tmp_path / "run") as store:
        front = pareto(store)
        for e in store.evaluations("search"):
            reached[e.candidate] = e.steps
            last.setdefault((e.candidate, e.steps), []).append(e.error)
    through = [c for c in rows if c.status in ("ok", "stopped")]
    stopped = {c.id for c in through if c.status == "stopped"}
    whole = {c.id for c in through} - stopped
    assert {reached[i] for i in stopped} == set(RUNGS)
    assert all(c.reason == f"not among the best after {reached[c.id]} steps" for c in rows if c.id in stopped)
    assert {reached[i] for i in whole} == {STEPS}
    assert not stopped & {c.id for c in rows if c.name}
    assert progress.counts["stopped"] == len(stopped)
    assert progress.steps_spent == 2 * sum(reached[c.id] for c in through)
    assert progress.steps_spent + progress.steps_saved == 2 * STEPS * len(through)
    assert {best.id for best in progress.best} == whole >= set(front["id"])
    assert progress.best == sorted(progress.best, key=lambda best: (best.point, best.id))
    assert list(front["error"]) == [pytest.approx(fmean(last[i, STEPS])) for i in front["id"]]


def test_cohorts_that_come_back_together_are_stored_in_one_transaction(tmp_path, monkeypatch):
    class Together(Imagined):
        def collect(self):
            found = [answered for _ in self._queue[:] for answered in super(Together, self).collect()]
            returned.append([job.candidate for cohort, _ in found for job in cohort.jobs])
            return found

    def recorded(store, purpose, evaluations, verdicts, meta):
        stored.append([candidate.id for candidate in verdicts])
        assert meta.keys() == {"search_seconds"}
        record(store, purpose, evaluations, verdicts, meta)

    returned, stored, record = [], [], Store.record
    monkeypatch.setattr(Store, "record", recorded)
    run(tmp_path / "run", config(), Together(3, members=2))
    assert stored == returned[:-1]
    assert not returned[-1]
    assert max(map(len, stored)) == 6


def test_workers_that_come_and_go_are_used_and_shown(tmp_path):
    class Changing(Imagined):
        @property
        def capacity(self):
            return 5 if 10 < len(self.jobs) < 30 else 2

    executor, shown = Changing(), []
    run(
        tmp_path / "run",
        config(budget={"trainings": 40}),
        executor,
        lambda progress: shown.append((progress.workers, executor.capacity, len(executor._queue))),
    )
    assert all(workers == capacity for workers, capacity, _ in shown)
    assert {in_flight for _, _, in_flight in shown} >= {2, 5}


def test_the_searchs_own_use_of_random_does_not_leak(tmp_path):
    random.seed(5)
    state = random.getstate()
    run(tmp_path / "run", config())
    assert random.getstate() == state


def test_seeds_are_trained_and_become_parents(tmp_path):
    settings = config(seeds=["x*tanh(x)", "sin(x) + x"], budget={"trainings": 30})
    rows, *_ = run(tmp_path / "run", settings)
    seeds = [c.id for c in rows if c.origin == "seed"]
    assert len(seeds) == 2
    assert any(set(c.parents) & set(seeds) for c in rows)


def test_a_time_limit_ends_the_search_for_good(tmp_path):
    settings = config(budget={"minutes": 1e-6, "trainings": 1000})
    rows, *_ = run(tmp_path / "run", settings)
    assert len(rows) == len(BASELINES)
    again, *_ = run(tmp_path / "run", settings)
    assert again == rows


def test_a_finished_search_is_not_taken_up_again(tmp_path):
    """A grammar of a few functions is exhausted long before the budget; resuming adds nothing."""
    tiny = {"primitives": ["add", "relu"], "constants": [], "learnable": [], "max_depth": 1}
    settings = config(grammar=tiny, strategy={"name": "random"})
    rows, *_ = run(tmp_path / "run", settings)
    assert run(tmp_path / "run", settings)[0] == rows


def test_seeds_that_equal_a_baseline_or_each_other_are_trained_once(tmp_path):
    executor = Imagined()
    rows, *_ = run(tmp_path / "run", config(seeds=["max(0, x)", "x*tanh(x)", "x*tanh(x)"]), executor)
    assert [c.status for c in rows if c.origin == "seed"] == ["cached", "ok", "cached"]


def test_a_formula_that_fails_in_our_hands_costs_one_row_and_resumes(tmp_path, monkeypatch):
    import search.campaign.funnel as funnel

    real = funnel.assess

    def fragile(expression):
        if "sin" in expression.formula:
            raise ZeroDivisionError("pretend")
        return real(expression)

    settings = config(budget={"trainings": 30})
    monkeypatch.setattr(funnel, "assess", fragile)
    rows, *_ = run(tmp_path / "run", settings)
    failed = [c for c in rows if c.status == "crashed"]
    assert failed
    assert all("pretend" in c.reason for c in failed)
    assert run(tmp_path / "run", settings)[0] == rows


def test_a_pool_of_one_switches_the_prior_off_and_a_larger_one_prefers_low_entropy(tmp_path):
    from primitives import parse

    def mean_prior(pool):
        settings = config(
            budget={"trainings": 20},
            prior={"pool": pool} | ({} if pool == 1 else {"initial_weight": 1.0, "evidence": 10_000}),
            strategy={"name": "random"},
        )
        rows, _, progress = run(tmp_path / f"pool{pool}", settings)
        trained = [c.facts["prior"] for c in rows if c.ask and c.status == "ok"]
        assert all(parse(c.expression) for c in rows)
        return sum(trained) / len(trained), progress.passed_over.get(OUTRANKED, 0)

    (alone, none), (chosen, some) = mean_prior(1), mean_prior(4)
    assert none == 0
    assert some > 30
    assert chosen < alone - 0.1


@pytest.mark.parametrize(("sign", "wanted"), [(1, 1), (-1, -1), (0, 0)])
def test_the_priors_weight_follows_what_was_measured_and_is_zero_without_evidence(sign, wanted):
    for feature, other in (("prior", "correction"), ("correction", "prior")):
        weight = PriorWeight(config().prior)
        assert weight.best() == ("prior", config().prior.initial_weight)
        generator = random.Random(0)
        for _ in range(200):
            value = generator.random()
            error = sign * value + (0.5 if sign else 1.0) * generator.random()
            weight.tell({feature: value, other: generator.random()}, error)
        found = weight.correlations()[feature]
        assert found.low < found.rho < found.high
        best, mine = weight.best()
        assert (mine > 0) - (mine < 0) == wanted
        assert wanted == 0 or (best == feature and abs(mine) < abs(found.rho))


def test_only_the_surer_of_two_features_counts_and_missing_ones_are_no_evidence():
    weight = PriorWeight(config().prior)
    generator = random.Random(1)
    for value in range(60):
        noisy = value + 30 * generator.random()
        known = {"prior": noisy, "correction": -float(value)} if value % 2 else {"prior": noisy}
        weight.tell(known, float(value))
    found = weight.correlations()
    assert (found["prior"].count, found["correction"].count) == (60, 30)
    assert weight.best() == ("correction", found["correction"].certain)
    assert weight.best()[1] < 0


def test_the_weight_lags_by_a_hundredth_at_most_and_is_the_same_whenever_it_is_asked():
    asked, silent, generator = PriorWeight(config().prior), PriorWeight(config().prior), random.Random(2)
    for told in range(1, 401):
        pair = {"prior": generator.random(), "correction": generator.random()}, generator.random()
        asked.tell(*pair)
        silent.tell(*pair)
        if told >= config().prior.evidence:
            (count,) = {found.count for found in asked.correlations().values()}
            assert count == told if told <= 100 else count <= told < 1.01 * count
    assert silent.correlations() == asked.correlations()
    assert silent.best() == asked.best()


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_nothing_finished_is_lost(tmp_path):
    small = {"fidelity": {"steps": 2, "seeds": 1}, "execution": {"cohort": 4}, "budget": {"trainings": 16}}
    small["confirm"] = {"measure": False}
    settings = config(**small)
    (tmp_path / "c.toml").write_text(to_toml(settings))
    executor = SerialExecutor({"digits-vit": load_task("digits-vit")}, "cpu", cohort=4)
    whole, front, _ = run(tmp_path / "whole", settings, executor)
    actsearch, parts, generator = [sys.executable, "-m", "search.cli.main"], tmp_path / "parts", random.Random(3)
    kills, finished = [0, generator.randint(1, 5), generator.randint(1, 5)], {}  # after so many more trainings
    while True:
        command = ["resume", str(parts)] if parts.exists() else ["launch", tmp_path / "c.toml", "--run", str(parts)]
        process = subprocess.Popen([*actsearch, *command, "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        after = len(finished) + kills.pop(0) if kills else math.inf
        while process.poll() is None and (not parts.exists() or len(_errors(parts)) < after):
            time.sleep(0.05)
        time.sleep(0.2 * generator.random())
        process.kill()
        _, complaint = process.communicate()
        now = _errors(parts)
        assert finished.items() <= now.items()
        finished = now
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, complaint
    assert len(kills) < 2, "it ended before it was killed twice"
    with folder.reading(parts) as store:
        assert store.candidates() == whole
        assert pareto(store).to_csv() == front


def test_a_campaign_in_which_nothing_can_be_trained_ends_after_the_baselines_with_the_reason(tmp_path):
    class Broken(Imagined):
        def answers(self, job):
            return [Evaluation(job.candidate, job.task, job.steps, s, "crashed", "the disk is gone") for s in job.seeds]

    executor = Broken()
    with pytest.raises(ActsearchError, match=r"every training failed so far.*8 of 8 because: seed 0: the disk is gone"):
        run(tmp_path / "run", config(), executor)
    assert len(executor.jobs) == len(BASELINES)


def test_a_run_whose_trainings_all_failed_has_nothing_to_show_when_it_is_resumed_either(tmp_path):
    class Broken(Imagined):
        def answers(self, job):
            return [Evaluation(job.candidate, job.task, job.steps, s, "crashed", "the disk is gone") for s in job.seeds]

    settings = config(budget={"trainings": 4}, execution={"cohort": 50})
    for _ in range(3):
        with pytest.raises(ActsearchError, match=r"every training failed so far.*the disk is gone"):
            run(tmp_path / "run", settings, Broken(members=50))
        with folder.reading(tmp_path / "run") as store:
            assert store.meta("state") not in ("searched", "finished")


def _errors(path):
    """Return what a run holds so far by candidate and seed; nothing before its file is there."""
    if not (path / folder.DATABASE).exists():
        return {}
    with folder.reading(path) as store:
        return {(e.candidate, e.seed): e.error for e in store.evaluations("search")}
