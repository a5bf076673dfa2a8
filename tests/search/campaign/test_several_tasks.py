"""Several tasks: scores relative to the baselines', one after the other, and resumed as if never stopped."""

from __future__ import annotations

import dataclasses
import random
from statistics import fmean

import pytest

from evaluators import Evaluation
from primitives import BASELINES, ActsearchError
from runs import folder
from runs.scores import as_meta
from search.campaign.loop import Search
from search.configuration.contradictions import contradiction
from search.configuration.reading import from_dict, merge
from search.configuration.writing import to_toml
from tests.search.campaign.test_campaign import BASE, Imagined

TASKS = ("digits-vit", "tabular", "text-gpt")


UNITS = {"digits-vit": 0.1, "tabular": 5.0, "text-gpt": 2.0}


class Several(Imagined):
    """Answers with an error that depends on formula and task, each task in a unit of its own; stops half at a rung."""

    def answers(self, job):
        spread = 1.0 if job.reference else 1.5
        error = UNITS[job.task] * (0.2 + spread * random.Random(f"{job.expression} {job.task}").random())
        if not job.reference and random.Random(f"fails {job.expression} {job.task}").random() < 0.05:
            return [Evaluation(job.candidate, job.task, job.steps, s, "diverged", "why") for s in job.seeds]
        stops = job.task == TASKS[0] and not job.reference and random.Random(job.expression).random() < 0.3
        reached = [1] if stops else [1, job.steps] if job.task == TASKS[0] else [job.steps]
        return [self.answer(dataclasses.replace(job, steps=steps), s, error) for steps in reached for s in job.seeds]


def config(**changes):
    base = {key: value for key, value in BASE.items() if key not in ("task", "prior")}
    return from_dict(merge(base | {"strategy": {"population": 8}}, changes), "test")


def settings(**changes):
    fidelity = {"steps": 4, "further": [6, 8], "rungs": [0.25]}
    return config(**{"tasks": list(TASKS), "fidelity": fidelity, "budget": {"trainings": 24}, **changes})


def run(path, chosen, executor, third="loss"):
    text = to_toml(chosen)
    if not path.exists():
        meta = as_meta({"digits-vit": "error", "tabular": "error", "text-gpt": third})
        folder.create(path, text, {"config": text, "seed": "0", **meta})
    with folder.writing(path) as store, executor as engine:
        campaign = Search(chosen, store)
        campaign.run(engine)
        return store.candidates(), list(store.evaluations("search")), campaign.progress


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs") / "run", settings(), Several(members=5))


def test_the_objectives_are_the_mean_and_the_worst_of_scores_over_the_baselines_on_the_same_seeds(found):
    candidates, evaluations, progress = found
    assert [each.name for each in progress.objectives] == ["mean_score", "worst_score", "cost", "complexity"]
    names = {c.id: c.name for c in candidates}
    scores, last = {}, {"digits-vit": 4, "tabular": 6, "text-gpt": 8}
    for e in evaluations:
        if e.status == "ok" and e.steps == last[e.task]:
            scores[e.candidate, e.task, e.seed] = e.loss if e.task == "text-gpt" else e.error
    theirs = {
        (task, seed): fmean(v for (c, t, s), v in scores.items() if names[c] and (t, s) == (task, seed))
        for task in TASKS
        for seed in (0, 1)
    }
    ended = [c for c in candidates if c.status == "ok"]
    assert len(ended) > len(BASELINES)
    for candidate in ended:
        relative = [fmean(scores[candidate.id, t, s] / theirs[t, s] for s in (0, 1)) for t in TASKS]
        assert candidate.facts["mean_score"] == pytest.approx(fmean(relative))
        assert candidate.facts["worst_score"] == pytest.approx(max(relative))


def test_who_is_worse_than_every_baseline_on_a_task_is_not_trained_on_the_next(found):
    candidates, evaluations, _ = found
    stopped = [c for c in candidates if c.status == "stopped" and "worse than every baseline on" in c.reason]
    assert stopped
    for candidate in stopped:
        task = candidate.reason.split(" on ")[1].split(",")[0]
        trained = [e.task for e in evaluations if e.candidate == candidate.id]
        assert set(trained) == set(TASKS[: TASKS.index(task) + 1])
        mine = [e.error for e in evaluations if (e.candidate, e.task) == (candidate.id, task)]
        ids = {c.id for c in candidates if c.name}
        assert max(mine) > max(e.error for e in evaluations if e.candidate in ids and e.task == task) - 0.05
    rung = [c for c in candidates if c.status == "stopped" and "not among the best" in c.reason]
    assert rung
    assert all({e.task for e in evaluations if e.candidate == c.id} == {TASKS[0]} for c in rung)


@pytest.mark.parametrize("strategy", ["nsga2", "guided"])
def test_a_stopped_campaign_over_several_tasks_is_the_uninterrupted_one(tmp_path, strategy):
    class Stops(Several):
        left = 0

        def collect(self):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            return super().collect()

    chosen = settings(strategy={"name": strategy, "population": 8})
    whole = run(tmp_path / "whole", chosen, Several(members=3))
    for left in (1, 2, 1, 3):  # while baselines are in training, and then between tasks
        stopping = Stops(members=3)
        stopping.left = left
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parts", chosen, stopping)
    parts = run(tmp_path / "parts", chosen, Several(members=3))
    assert parts[:2] == whole[:2]
    assert (parts[2].steps_spent, parts[2].best) == (whole[2].steps_spent, whole[2].best)


def test_with_many_workers_everybody_is_trained_once_on_each_task(tmp_path):
    _, evaluations, progress = run(tmp_path / "run", settings(), Several(capacity=3, shuffle=True, members=3))
    assert progress.trained == 24
    places = [(e.candidate, e.task, e.steps, e.seed) for e in evaluations]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objectives": ["mean_score"]}, "there is one; give tasks"),
        ({"tasks": list(TASKS), "objectives": ["score"]}, "only 'digits-vit' would count"),
        ({"tasks": list(TASKS), "fidelity": {"further": [3]}}, "3 names"),
        ({"tasks": ["tabular"]}, "two tasks at least"),
        ({"tasks": ["tabular", "tabular"]}, "each once"),
    ],
)
def test_tasks_that_contradict_the_rest_are_refused_with_the_reason(changes, said):
    try:
        reason = contradiction(config(**changes))
    except ActsearchError as error:
        reason = str(error)
    assert reason is not None
    assert said in reason


@pytest.mark.parametrize(
    ("third", "said"), [("loss", "loss on text-gpt is -12.9"), ("brier", "brier on .* is missing")]
)
def test_scores_that_cannot_be_divided_end_the_campaign_with_the_reason(tmp_path, third, said):
    class Unfit(Several):
        def answer(self, job, seed, error):
            found = super().answer(job, seed, error)
            return dataclasses.replace(found, loss=-12.9) if job.task == TASKS[2] else found

    with pytest.raises(ActsearchError, match=f"{said}.*such as error"):
        run(tmp_path / "run", settings(), Unfit(members=5), third)


def test_a_baseline_that_fails_on_a_task_keeps_nobody_waiting_and_has_no_part_in_it(tmp_path):
    class Fails(Several):
        def answers(self, job):
            if job.task == TASKS[1] and job.expression == "relu(x)":
                first, *_ = super().answers(job)
                return [first, Evaluation(job.candidate, job.task, job.steps, 1, "diverged", "why")]
            return super().answers(job)

    candidates, evaluations, progress = run(tmp_path / "run", settings(), Fails(members=5))
    assert progress.trained == 24
    assert "pending" not in {c.status for c in candidates}
    names = {c.id: c.name for c in candidates}
    assert next(c for c in candidates if c.name == "relu").status == "diverged"
    ended = [c for c in candidates if c.status == "ok" and not c.name]
    assert ended
    for candidate in ended:
        relative = []
        for task, steps in zip(TASKS, (4, 6, 8), strict=True):
            of = {
                (e.candidate, e.seed): e.loss if task == TASKS[2] else e.error
                for e in evaluations
                if (e.task, e.steps, e.status) == (task, steps, "ok")
            }
            left = ("relu", None) if task != TASKS[0] else (None,)
            theirs = [fmean(v for (c, s), v in of.items() if s == seed and names[c] not in left) for seed in (0, 1)]
            relative.append(fmean(of[candidate.id, seed] / theirs[seed] for seed in (0, 1)))
        assert candidate.facts["mean_score"] == pytest.approx(fmean(relative))
