"""What a user asks for on the command line is what a run does; what cannot be is refused before there is a run."""

from __future__ import annotations

import json

import pytest

from evaluators.judging.cost import cost
from evaluators.judging.properties.catalogue import PROPERTIES
from evaluators.judging.properties.curve import Curve
from primitives import parse
from runs import folder
from runs.lessons import lessons_of
from search.loading.run import stored_config
from search.space.wished import shown_names
from tests.search.cli.test_cli import invoke

PLAIN = "[confirm]\nautomatic = false\n"
GUIDED = PLAIN + "[strategy]\nname = 'guided'\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.toml").write_text(PLAIN)
    (tmp_path / "guided.toml").write_text(GUIDED)
    return tmp_path


def launch(run, *options, file="plain.toml"):
    return invoke("launch", file, "--preset", "smoke", "--run", run, *options)


def rows_of(run):
    with folder.reading(run) as store:
        return store.candidates(), stored_config(store, run)


def test_every_option_of_launch_steers_a_real_campaign(here):
    options = ("--forbid", "erf", "--forbid", "relu", "--require", "sin", "--property", "odd", "--property", "smooth")
    code, _, error = launch(
        "run", *options, "--max-cost", 150, "--trainings", 6, "--steps-budget", 130, "--minutes", 10
    )
    assert code == 0, error
    rows, config = rows_of(here / "run")
    wishes, budget = config.wishes, config.budget
    assert (wishes.forbidden, wishes.required) == (("erf", "relu"), ("sin",))
    assert (wishes.properties, wishes.max_cost) == (("odd", "smooth"), 150)
    assert (budget.trainings, budget.steps, budget.minutes) == (6, 130, 10)
    assert "6 trainings, 130 optimiser steps at most, 10 minutes at most" in error
    found = [parse(c.expression) for c in rows if c.was_trained]
    assert found
    for expression in found:
        names = shown_names(expression.body)
        assert "sin" in names
        assert not names & {"erf", "relu"}
        assert cost(expression) <= 150
        assert all(PROPERTIES[name].holds(Curve(expression)) for name in wishes.properties)
    code, out, _ = invoke("show", "run")
    assert code == 0
    assert "it is not odd" in out


REFUSED = {
    ("--forbid", "sin", "--require", "sin"): "wishes.required and wishes.forbidden both name 'sin'",
    ("--require", "exp"): "wishes.required names 'exp', which grammar.primitives lacks",
    ("--property", "odd", "--property", "even"): "no function is both 'odd' and 'even'",
    ("--property", "monoton"): "did you mean 'monotone'?",
    ("--max-cost", 1): "wishes.max_cost is 1, and the cheapest function of this grammar",
    ("--steps-budget", 80): "budget.steps is 80, and the 8 baselines alone take 80",
    ("--steps-budget", 120): "key 'budget.steps' has no effect: baselines, seeds and budget.trainings = 4 take 120",
    ("--from", "list.txt", "--property", "smooth"): "seed 'relu' contradicts [wishes]: it is not smooth",
    ("--from", "hall.csv", "--property", "odd"): "nothing in 'hall.csv' is what [wishes] ask for",
}


@pytest.mark.parametrize("options", REFUSED, ids=str)
def test_a_contradiction_is_refused_in_one_sentence_before_there_is_a_run(here, options):
    (here / "list.txt").write_text("tanh\nrelu\n")
    (here / "hall.csv").write_text('Complexity,Loss,Equation\n4,0.3,"exp(x0 * 0.1)"\n')
    code, _, error = launch("run", *options)
    assert code == 2
    assert REFUSED[options] in error
    assert "\n" not in error.strip()
    assert not (here / "run").exists()


def test_of_a_hall_of_fame_what_the_wishes_refuse_is_named_and_left_out(here):
    (here / "hall.csv").write_text('Complexity,Loss,Equation\n3,0.3,"abs(x0)"\n4,0.3,"tanh(x0 * 0.9)"\n')
    code, _, error = launch("run", "--from", "hall.csv", "--property", "odd", "--trainings", 1)
    assert code == 0, error
    assert "note: not a seed, abs(x): it is not odd" in error
    rows, _ = rows_of(here / "run")
    assert [c.origin for c in rows].count("seed") == 1


def test_an_earlier_run_of_the_same_task_teaches_and_another_gives_its_formulas_and_says_why(here):
    code, _, error = launch("first", "--trainings", 3, file="guided.toml")
    assert code == 0, error
    code, _, error = launch("second", "--trainings", 2, "--from", "first", file="guided.toml")
    assert code == 0, error
    assert "3 trainings of 'first' teach this campaign" in error
    with folder.reading(here / "second") as store:
        lessons = lessons_of(store, 3)
        second = {c.expression for c in store.candidates() if c.was_trained}
    assert len(lessons) == 3
    assert not second & {lesson.expression for lesson in lessons}
    for options, why in (
        (("--steps", 12), "its fidelity.steps was 10, and that of this campaign is 12"),
        (("--task", "tabular", "--steps", 10), "it trained on ood-regression, and this campaign trains on tabular"),
    ):
        run = f"other{len(why)}"
        code, _, error = launch(run, "--trainings", 1, "--from", "first", *options, file="guided.toml")
        assert code == 0, error
        assert f"note: of 'first' only formulas are taken over: {why}" in error
        with folder.reading(here / run) as store:
            assert json.loads(store.meta("lessons", "[]")) == []
    (here / "nsga2.toml").write_text(PLAIN + '[strategy]\nname = "nsga2"\n')
    code, _, error = launch("plain", "--trainings", 1, "--from", "first", file="nsga2.toml")
    assert "only formulas are taken over: strategy 'nsga2' has no model that trainings could teach" in error
