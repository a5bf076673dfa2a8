from __future__ import annotations

import pytest

from primitives import ActsearchError
from search.config import PRESETS, CampaignConfig, defaults_toml, from_toml, load_preset, to_toml
from search.layers import layers


def test_the_commented_defaults_are_the_defaults_and_explain_every_key():
    text = defaults_toml()
    assert from_toml(text, "defaults") == CampaignConfig()
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if "=" in line:
            assert lines[number - 1].startswith("# "), line


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_resolves_and_survives_the_round_trip(name):
    config = layers(None, name, {}).config()
    assert from_toml(to_toml(config), "again") == config


def test_a_file_lies_over_a_preset_and_options_over_both(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("[budget]\ntrainings = 7\n[fidelity]\nsteps = 3\n")
    config = layers(file, "quick", {"fidelity": {"steps": 9}}).config()
    assert (config.budget.trainings, config.fidelity.steps) == (7, 9)
    assert config.confirm.tasks == tuple(load_preset("quick")["confirm"]["tasks"])


def test_a_key_that_holds_a_table_survives_the_round_trip():
    grammar = {"primitives": ["add", "exp", "power"], "max_nesting": {"power": 2}, "weights": {"exp": 7}}
    config = CampaignConfig.model_validate({"grammar": grammar})
    again = from_toml(to_toml(config), "again")
    assert again == config
    assert (again.grammar.max_nesting, again.grammar.weights) == ({"power": 2}, {"exp": 7})


WRONG = {
    "nonsense = 1": "unknown key 'nonsense'",
    "sede = 1": "unknown key 'sede'; did you mean 'seed'",
    "[budget]\ntraining = 3": "unknown key 'budget.training'; did you mean 'trainings'",
    "[budget]\ntrainings = 0": "key 'budget.trainings' cannot be 0: input should be greater than or equal to 1",
    "[budget]\ntrainings = 'many'": "key 'budget.trainings' cannot be 'many'",
    "seed = -1": "key 'seed' cannot be -1",
    "name = '../escape'": "key 'name' cannot be",
    "[grammar]\nprimitives = ['add', 'rleu']": "unknown primitive 'rleu'; did you mean 'relu'",
    "[grammar]\nprimitives = ['add']": "at least one unary and one binary",
    "[grammar]\nprimitives = ['relu', 'scale']": "at least one unary and one binary",
    "[grammar]\nexponents = [0.5, 1]": "key 'grammar.exponents' cannot be [0.5, 1]: an exponent is neither 0 nor 1",
    "[grammar]\nexponents = [17]": "at most 16 in size",
    "[grammar]\nprimitives = ['add', 'power']\nexponents = []": "'power' needs one at least",
    "[grammar]\nmax_nesting = {sine = 1}": "unknown primitive of this grammar 'sine'; did you mean 'sin'",
    "[grammar]\nmax_nesting = {exponentail = 1}": "did you mean 'exponential'",
    "[grammar]\nmax_nesting = {sin = -1}": "key 'grammar.max_nesting.sin' cannot be -1",
    "[grammar]\nmax_nesting = {sin = true}": "key 'grammar.max_nesting.sin' cannot be True",
    "[grammar]\nprimitives = ['add', 'exp']\nmax_nesting = {exponential = 0}": "without a unary",
    "[grammar]\nweights = {rleu = 2}": "unknown primitive of a formula 'rleu'; did you mean 'relu'",
    "[grammar]\nweights = {aq = 2}": "unknown primitive of a formula 'aq'",
    "[grammar]\nweights = {relu = 0}": "key 'grammar.weights.relu' cannot be 0",
    "[strategy]\nname = 'nsga'": "unknown strategy 'nsga'; did you mean 'nsga2'",
    "[execution]\nexecutor = 'dask'": "key 'execution.executor' cannot be 'dask': input should be 'ray' or 'serial'",
    "[grammar]\nconstants = [nan]": "key 'grammar.constants.0' cannot be nan",
    "[grammar]\nlearnable = [inf]": "key 'grammar.learnable.0' cannot be inf",
    "[grammar]\nconstants = [1e300]": "numbers beyond 1e6",
    "[budget]\nminutes = nan": "key 'budget.minutes' cannot be nan",
    "[fidelity": "not valid TOML",
    "a = [1, ": "not valid TOML",
    "confirm = 3": "key 'confirm' cannot be 3",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_key_or_value_is_named_with_the_reason_and_the_nearest(text):
    with pytest.raises(ActsearchError) as caught:
        from_toml(text, "c.toml")
    assert str(caught.value).startswith("'c.toml'")
    assert WRONG[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_suggests_the_nearest_one(tmp_path):
    (tmp_path / "campaign.toml").write_text("")
    with pytest.raises(ActsearchError, match=r"No such file.*did you mean '.*campaign\.toml'"):
        layers(tmp_path / "campain.toml", None, {})


def test_an_unknown_preset_suggests_the_nearest():
    with pytest.raises(ActsearchError, match="unknown preset 'quik'; did you mean 'quick'"):
        layers(None, "quik", {})
