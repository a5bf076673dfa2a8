"""An earlier run of the same task teaches a campaign; one of another gives its formulas only."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from evaluators import load_task
from evaluators.tasks.fingerprint import print_of
from primitives import BASELINES
from runs import folder
from runs.lessons import as_meta
from runs.user_code import TaskRecord
from runs.user_code import as_meta as records_as_meta
from search.campaign.loop import Search
from search.configuration.writing import to_toml
from search.loading.lessons import Taught, taught_by
from search.strategies.choice import Result
from search.strategies.surrogate import Surrogate
from tests.search.campaign.test_campaign import STEPS, Halved, Imagined, config

TASK = "digits-vit"
GUIDED = {"strategy": {"name": "guided", "population": 8}, "fidelity": {"steps": STEPS, "seeds": 2}}


@pytest.fixture(scope="module")
def record():
    return TaskRecord(TASK, TASK, print_of(load_task(TASK)))


def run(path, settings, record, lessons=(), executor=None):
    """Run a campaign in a folder that remembers its task and what it was taught; return rows and front."""
    text = to_toml(settings)
    if not path.exists():
        meta = {"config": text, "seed": str(settings.seed), **records_as_meta([record]), **as_meta(lessons)}
        folder.create(path, text, meta)
    with folder.writing(path) as store:
        campaign = Search(settings, store)
        with executor or Halved(members=4) as engine:
            campaign.run(engine)
        return store.candidates(), campaign


@pytest.fixture(scope="module")
def earlier(tmp_path_factory, record):
    """A run of a strategy that keeps no model: it teaches all the same."""
    path = tmp_path_factory.mktemp("earlier") / "run"
    run(
        path, config(**{**GUIDED, "strategy": {"name": "random", "population": 8}, "budget": {"trainings": 30}}), record
    )
    return path


def settings(**changes):
    return config(**{**GUIDED, "budget": {"trainings": 12}, "seed": 7, **changes})


def test_what_was_trained_is_told_to_the_surrogate_under_negative_ids_before_anything_else(
    tmp_path, earlier, record, monkeypatch
):
    told: list[Result] = []
    real = Surrogate.tell
    monkeypatch.setattr(Surrogate, "tell", lambda self, result: told.append(result) or real(self, result))
    taught = taught_by(earlier, settings(), record)
    rows, _ = run(tmp_path / "new", settings(), record, taught.lessons)
    with folder.reading(earlier) as store:
        before = {c.id: c for c in store.candidates()}
        trained = [c for c in before.values() if c.status in ("ok", "stopped") and c.name not in BASELINES]
    first, rest = told[: len(trained)], told[len(trained) :]
    assert [result.id for result in first] == sorted((r.id for r in first), reverse=True)
    assert all(result.id < 0 for result in first)
    assert all(result.id > 0 for result in rest)
    assert {lesson.expression for lesson in taught.lessons if lesson.points} == {c.expression for c in trained}
    assert any(max(result.points) < STEPS for result in first), "those that were stopped at a rung teach, too"
    assert rows


def test_the_model_is_there_for_the_first_proposal(tmp_path, earlier, record, monkeypatch):
    """Without lessons the first batch is drawn by lot, since eight baselines are no more than enough."""
    sizes = []
    real = Surrogate._view
    monkeypatch.setattr(Surrogate, "_view", lambda self, pool: sizes.append(len(self._results)) or real(self, pool))
    lessons = taught_by(earlier, settings(), record).lessons
    run(tmp_path / "plain", settings(), record)
    without = sizes[0]
    sizes.clear()
    run(tmp_path / "taught", settings(), record, lessons)
    assert sizes[0] == without + sum(bool(lesson.points) for lesson in lessons)


def test_what_the_earlier_run_trained_is_not_trained_again(tmp_path, earlier, record):
    lessons = taught_by(earlier, settings(), record).lessons
    keys = {lesson.mark.key for lesson in lessons}
    rows, _ = run(tmp_path / "new", settings(budget={"trainings": 30}), record, lessons)
    assert len(keys) > 20
    assert not keys & {c.mark.key for c in rows if c.mark}
    formulas = {lesson.expression for lesson in lessons}
    assert not formulas & {c.expression for c in rows if c.was_trained}


def test_a_seed_is_trained_again_though_the_earlier_run_trained_it(tmp_path, earlier, record):
    lessons = taught_by(earlier, settings(), record).lessons
    seed = next(lesson.expression for lesson in lessons if lesson.points)
    rows, _ = run(tmp_path / "new", settings(seeds=[seed]), record, lessons)
    (row,) = [c for c in rows if c.origin == "seed"]
    assert row.status in ("ok", "stopped", "diverged")


def test_a_taught_campaign_goes_on_as_if_it_had_not_stopped_and_needs_the_earlier_run_no_more(
    tmp_path, earlier, record
):
    class Stops(Halved):
        def collect(self):
            if len(self.cohorts) > 4:
                raise KeyboardInterrupt
            return super().collect()

    copy = tmp_path / "copy"
    shutil.copytree(earlier, copy)
    seed = next(lesson.expression for lesson in taught_by(copy, settings(), record).lessons)
    own = settings(budget={"trainings": 24}, seeds=[seed])
    lessons = taught_by(copy, own, record).lessons
    shutil.rmtree(copy)
    whole, _ = run(tmp_path / "whole", own, record, lessons)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", own, record, lessons, Stops(members=4))
    resumed, _ = run(tmp_path / "parts", own, record)
    assert resumed == whole
    plain, _ = run(tmp_path / "plain", own, record)
    assert [c.expression for c in plain] != [c.expression for c in whole]


def test_a_run_that_was_taught_hands_on_what_it_was_taught(tmp_path, earlier, record):
    lessons = taught_by(earlier, settings(), record).lessons
    run(tmp_path / "second", settings(), record, lessons)
    third = taught_by(tmp_path / "second", settings(seed=8), record).lessons
    assert third[: len(lessons)] == lessons
    assert len(third) > len(lessons)


def test_a_tree_that_the_new_grammar_lacks_is_left_to_the_formula(tmp_path, earlier, record):
    narrow = settings(grammar={"primitives": ["add", "mul", "sin", "tanh"]})
    lessons = taught_by(earlier, narrow, record).lessons
    assert any(lesson.genotype is None for lesson in lessons)
    rows, _ = run(tmp_path / "new", narrow, record, lessons, Imagined(members=4))
    assert rows


OTHER = {
    "task": ({"task": "mnist1d-mlp"}, "it trained on digits-vit, and this campaign trains on mnist1d-mlp"),
    "score": ({"score": "loss"}, "its score was error, and that of this campaign is loss"),
    "objectives": ({"objectives": ["score", "cost"]}, "its objectives was"),
    "steps": ({"fidelity": {"steps": 16}}, "its fidelity.steps was 8, and that of this campaign is 16"),
    "seeds": ({"fidelity": {"seeds": 3}}, "its fidelity.seeds was 2, and that of this campaign is 3"),
    "rungs": ({"fidelity": {"rungs": []}}, "its fidelity.rung_steps was (2, 4), and that of this campaign is ()"),
    "strategy": ({"strategy": {"name": "random"}}, "strategy 'random' has no model that trainings could teach"),
}


@pytest.mark.parametrize("key", OTHER)
def test_where_the_campaign_differs_only_formulas_are_taken_over_and_it_says_why(earlier, record, key):
    changes, why = OTHER[key]
    base = {"strategy": {"name": "guided"}, "fidelity": {"steps": STEPS, "seeds": 2}}
    merged = {
        name: {**base.get(name, {}), **value} if isinstance(value, dict) else value for name, value in changes.items()
    }
    taught = taught_by(earlier, settings(**{**base, **merged}), record)
    assert taught.lessons == ()
    assert why in taught.why_not


def test_another_version_of_the_task_or_one_that_is_not_remembered_teaches_nothing(tmp_path, earlier, record):
    recipe = {**record.made_of.recipe, "batch_size": "7"}
    other = dataclasses.replace(record, made_of=dataclasses.replace(record.made_of, recipe=recipe))
    assert "its recipe changed: batch_size" in taught_by(earlier, settings(), other).why_not
    copy = tmp_path / "copy"
    shutil.copytree(earlier, copy)
    with folder.writing(copy) as store:
        store.set_meta("tasks", json.dumps([]))
    assert taught_by(copy, settings(), record) == Taught(why_not="it does not say what its task digits-vit was made of")


def test_a_run_whose_configuration_cannot_be_read_here_teaches_nothing(tmp_path, earlier, record):
    copy = tmp_path / "copy"
    shutil.copytree(earlier, copy)
    with folder.writing(copy) as store:
        store.set_meta("config", store.meta("config").replace('"random"', '"somebodys"'))
    assert "its configuration cannot be read here" in taught_by(copy, settings(), record).why_not
