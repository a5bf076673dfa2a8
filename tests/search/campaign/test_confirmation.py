"""Confirmation: who is trained again, on what, and for how long."""

from __future__ import annotations

from evaluators import load_task
from runs import folder
from search.campaign.confirmation import Plan, confirm, missing_jobs
from search.session.recorded import plan_of
from tests.search.campaign.test_campaign import Imagined, config, run

CONFIRMED = {"budget": {"trainings": 2}, "fidelity": {"rungs": []}, "strategy": {"population": 8}}

RECIPES = {"digits-vit": load_task("digits-vit").recipe.steps}


def test_confirmation_trains_a_task_once_however_often_it_is_named(tmp_path):
    run(tmp_path / "run", config(**CONFIRMED))
    plan = Plan(1, 2, ("digits-vit", "digits-vit"), 2)
    with folder.writing(tmp_path / "run") as store:
        once = missing_jobs(store, Plan(1, 2, ("digits-vit",), 2), RECIPES)
        executor = Imagined()
        executor.tasks = {"digits-vit": load_task("digits-vit")}
        confirm(store, plan, executor)
        assert sorted(executor.jobs, key=repr) == sorted(once, key=repr)


def test_a_baseline_that_is_another_ones_function_is_not_confirmed_again(tmp_path):
    rows, *_ = run(tmp_path / "run", config(baselines=["celu", "x*sigmoid(x)", "sin(x)"], **CONFIRMED))
    same = {c.id for c in rows if c.name and c.status == "cached"}
    assert len(same) == 2
    with folder.reading(tmp_path / "run") as store:
        panel = {job.candidate for job in missing_jobs(store, Plan(1, 2, ("digits-vit",)), RECIPES)}
    assert not panel & same
    assert {c.id for c in rows if c.name} - same < panel


def test_confirmation_has_a_time_limit_of_its_own(tmp_path):
    settings = config(confirm={"automatic": True, "timeout": 77.0}, fidelity={"timeout": 5.0})
    assert plan_of(settings).timeout == 77.0
    run(tmp_path / "run", config(**CONFIRMED))
    with folder.reading(tmp_path / "run") as store:
        jobs = missing_jobs(store, plan_of(settings), RECIPES)
    assert {job.timeout for job in jobs} == {77.0}
