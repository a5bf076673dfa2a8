"""Each wish, by what it does to a campaign."""

from __future__ import annotations

import pytest

from evaluators import assess
from evaluators.judging.cost import cost
from evaluators.judging.properties.catalogue import PROPERTIES
from evaluators.judging.properties.curve import Curve
from evaluators.judging.properties.property import Property
from primitives import parse
from runs import folder
from search.campaign.loop import Search
from search.campaign.pool import _NEW
from search.configuration.writing import to_toml
from search.space.grammar import Grammar
from search.space.planting import varying_names
from search.space.wished import shown_names, stretched
from tests.search.campaign.test_campaign import Imagined, config, run

GUIDED = {"name": "guided", "population": 8}


def campaign(tmp_path, **changes):
    settings = config(**{"budget": {"trainings": 20}, **changes})
    rows, _, progress = run(tmp_path / "run", settings, Imagined(members=4))
    grammar = Grammar(settings.drawn)
    found = [c for c in rows if c.was_trained]
    assert progress.trained == 20 == len(found)
    trees = [grammar.loads(c.genotype) for c in found]
    return [parse(c.expression) for c in found], trees, progress, rows


@pytest.mark.parametrize("strategy", [{"name": "nsga2"}, GUIDED], ids=["nsga2", "guided"])
def test_a_forbidden_primitive_is_in_no_tree_and_no_formula_though_others_spell_it(tmp_path, strategy):
    grammar = {"primitives": ["mul", "add", "sigmoid", "silu", "tanh", "sin", "abs"]}
    wishes = {"forbidden": ["silu", "sin"]}
    found, trees, _, rows = campaign(tmp_path, strategy=strategy, grammar=grammar, wishes=wishes)
    for expression, tree in zip(found, trees, strict=True):
        assert not {"silu", "sin"} & (shown_names(expression.body) | varying_names(tree)), str(expression)
    assert {c.status for c in rows if c.name == "silu"} == {"ok"}, "a baseline is trained all the same"


def test_what_others_spell_is_refused_by_the_authority_with_the_reason(tmp_path):
    grammar = {"primitives": ["mul", "sigmoid", "abs"], "constants": [], "max_parameters": 0, "max_complexity": 6}
    strategy = {"name": "exhaustive"}
    settings = {"grammar": grammar, "strategy": strategy, "budget": {"trainings": 60}}

    def rows_with(name, **changes):
        rows, *_ = run(tmp_path / name, config(**settings, **changes), Imagined(members=4))
        return [c for c in rows if c.origin == "exhaustive"]

    free, bound = rows_with("free"), rows_with("bound", wishes={"forbidden": ["silu"]})
    assert any("silu(" in c.expression for c in free if c.was_trained)
    assert not any("silu(" in c.expression for c in bound if c.was_trained)
    assert {c.reason for c in bound if "silu(" in c.expression} == {"it has silu, which wishes.forbidden names"}


@pytest.mark.parametrize("required", [["sin"], ["aq", "gaussian", "cos"]], ids=len)
@pytest.mark.parametrize("strategy", [{"name": "nsga2"}, {"name": "random"}, GUIDED], ids=lambda s: s["name"])
def test_a_required_primitive_is_in_every_formula_and_the_budget_is_filled(tmp_path, required, strategy):
    found, trees, progress, _ = campaign(tmp_path, strategy=strategy, wishes={"required": required})
    for expression, tree in zip(found, trees, strict=True):
        assert set(required) <= shown_names(expression.body) | varying_names(tree), str(expression)
    assert not progress.exhausted


def test_without_planting_three_required_primitives_starve_the_search(tmp_path, monkeypatch):
    """So filtering alone would not do."""
    import search.campaign.pool as pool

    assert pool._NEW == _NEW
    monkeypatch.setattr(pool, "_NEW", ())
    settings = config(budget={"trainings": 20}, wishes={"required": ["aq", "gaussian", "cos"]})
    *_, progress = run(tmp_path / "run", settings, Imagined(members=4))
    assert progress.exhausted
    assert progress.trained < 5


def test_no_formula_costs_more_than_is_wished(tmp_path):
    found, _, progress, rows = campaign(tmp_path, wishes={"max_cost": 30.0})
    assert max(map(cost, found)) <= 30
    assert progress.passed_over["it costs more than wishes.max_cost"] > 0
    assert all(c.status == "ok" for c in rows if c.name == "gelu"), "a baseline is trained all the same"


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_function_has_the_property_and_those_without_are_counted(tmp_path, name):
    found, _, progress, rows = campaign(tmp_path, strategy={"name": "random"}, wishes={"properties": [name]})
    assert all(PROPERTIES[name].holds(Curve(expression)) for expression in found)
    refused = [c for c in rows if c.reason == PROPERTIES[name].lacking]
    assert progress.passed_over[PROPERTIES[name].lacking] + len(refused) > 0
    with folder.reading(tmp_path / "run") as store:
        assert store.counts("passed_over") == dict(progress.passed_over)


def test_the_negative_of_something_positive_is_not_trained_in_its_place(tmp_path):
    """-logsigmoid(x) is positive, and its form without a factor is not."""
    grammar = {"primitives": ["neg", "add", "logsigmoid", "mul"], "max_complexity": 8}
    found, *_ = campaign(tmp_path, grammar=grammar, wishes={"properties": ["positive"]})
    assert all((Curve(expression).values >= 0).all() for expression in found)


def test_a_property_of_ones_own_counts_like_ours(tmp_path):
    small = Property("small", "", "it is not small", lambda curve: bool(abs(curve.at(curve.values[:1] * 0 + 2)) < 1))
    PROPERTIES.register("small", small)
    try:
        found, _, _, rows = campaign(tmp_path, wishes={"properties": ["small"]})
        assert all(abs(Curve(e).at(Curve(e).values[:1] * 0 + 2)) < 1 for e in found)
        assert any(c.reason == "it is not small" for c in rows)
    finally:
        PROPERTIES.unregister("small")


def test_a_campaign_with_wishes_goes_on_as_if_it_had_not_stopped(tmp_path):
    class Stops(Imagined):
        def collect(self):
            if len(self.cohorts) > 3:
                raise KeyboardInterrupt
            return super().collect()

    wishes = {"required": ["sin"], "forbidden": ["silu"], "properties": ["zero_at_zero"], "max_cost": 90.0}
    settings = config(budget={"trainings": 24}, wishes=wishes)
    whole, front, progress = run(tmp_path / "whole", settings, Imagined(members=4))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, Stops(members=4))
    resumed, again, other = run(tmp_path / "parts", settings, Imagined(members=4))
    assert (resumed, again, other.passed_over) == (whole, front, progress.passed_over)


def test_without_wishes_nothing_is_drawn_otherwise(tmp_path):
    plain, *_ = run(tmp_path / "plain", config())
    empty, *_ = run(tmp_path / "empty", config(wishes={"forbidden": [], "required": [], "properties": []}))
    assert plain == empty


# --- the budget of steps ----------------------------------------------------------------------------


@pytest.mark.parametrize("members", [1, 5])
def test_the_search_ends_when_its_optimiser_steps_are_spent_and_not_a_candidate_later(tmp_path, members):
    settings = config(budget={"trainings": 60, "steps": 90})  # 6 a candidate, baselines 48
    _, _, progress = run(tmp_path / "run", settings, Imagined(members=members))
    assert 90 <= progress.steps_spent < 90 + 6
    assert progress.trained < 60
    assert not progress.exhausted


def test_whichever_limit_is_reached_first_ends_the_search(tmp_path):
    settings = config(budget={"trainings": 3, "steps": 60})
    *_, progress = run(tmp_path / "one", settings, Imagined())
    assert progress.trained in (2, 3)
    assert progress.steps_spent >= 60
    *_, progress = run(tmp_path / "other", config(budget={"trainings": 2, "steps": 59}), Imagined())
    assert progress.trained == 2


def test_a_budget_of_steps_survives_a_stop(tmp_path):
    class Stops(Imagined):
        def collect(self):
            if len(self.jobs) > 12:
                raise KeyboardInterrupt
            return super().collect()

    settings = config(budget={"trainings": 60, "steps": 100})
    whole, front, progress = run(tmp_path / "whole", settings, Imagined(members=3))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, Stops(members=3))
    resumed, again, other = run(tmp_path / "parts", settings, Imagined(members=3))
    assert (resumed, again, other.steps_spent) == (whole, front, progress.steps_spent)
    with folder.writing(tmp_path / "parts") as store:
        assert store.meta("config") == to_toml(settings)
        assert Search(settings, store).progress.budget == 60


def test_functions_are_alive_where_the_first_layer_feeds_them_too(tmp_path):
    """Almost all inputs of 1000 are where tanh(x) is flat, but not where x + tanh(x) is."""
    grammar = {"primitives": ["tanh", "gaussian", "add", "mul"], "max_complexity": 8}
    near, *_ = campaign(tmp_path / "near", grammar=grammar)
    far, _, _, rows = campaign(tmp_path / "far", grammar=grammar, wishes={"input_scale": 1000.0})
    assert any(assess(stretched(each, 1000.0)).rejection for each in near)
    assert not any(assess(stretched(each, 1000.0)).rejection for each in far)
    assert any(c.reason.endswith("at inputs of standard deviation 1000") for c in rows)
