from __future__ import annotations

import pytest

from evaluators import load_task
from primitives import ActsearchError
from search.configuration.config import CampaignConfig
from search.configuration.layers import layers
from search.configuration.reading import PRESETS, from_dict, from_toml, load_preset
from search.configuration.writing import defaults_toml, to_toml
from search.loading.run import settled


def test_the_commented_defaults_are_the_defaults_and_explain_every_key():
    text = defaults_toml()
    assert from_toml(text, "defaults") == CampaignConfig()
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if "=" in line and "its keys:" not in line:
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
    "[execution]\nexecutor = 'dask'": "key 'execution.executor': unknown executor 'dask'; known: ray, serial",
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


RANDOM = "[strategy]\nname = 'random'\n"
AGING = "[strategy]\nname = 'aging'\n"
NSGA2 = "[strategy]\nname = 'nsga2'\n"
NO_LEAVES = "[grammar]\nmax_parameters = 0\n"
WITHOUT_EFFECT = {
    "score = 'loss'\nobjectives = ['error', 'cost']": ("score", "put 'score' into objectives"),
    "[prior]\npool = 4": ("prior.pool", "choose another strategy"),
    "[strategy]\nnewcomers = 1.0\neafo_step = false": ("strategy.eafo_step", "lower strategy.newcomers"),
    NO_LEAVES + "[strategy]\neafo_step = false": ("strategy.eafo_step", "allow parameters"),
    RANDOM + "population = 8\n[execution]\ncohort = 4": ("strategy.population", "leave out execution.cohort"),
    RANDOM + "[grammar]\nmax_depth = 9": ("grammar.max_depth", "draws trees of 10 nodes at most"),
    AGING + "[grammar]\nconstants = [3.0]": ("grammar.constants", "draws no fixed numbers"),
    AGING + "[grammar]\nlearnable = [0.5, 1.0]": ("grammar.learnable", "starts every multiplier at 1"),
    AGING + "[grammar]\nmax_depth = 8": ("grammar.max_depth", "draws no tree deeper than 8"),
    AGING + NO_LEAVES + "max_nesting = {sin = 6}\nmax_depth = 12": ("grammar.max_depth", "no tree deeper than 6"),
    NSGA2 + "newcomers = 1.0\ncrossover = 0.9": ("strategy.crossover", "every proposal is a random tree"),
    NSGA2 + "newcomers = 1.0\neafo = 0.9": ("strategy.eafo", "every proposal is a random tree"),
    NO_LEAVES + NSGA2 + "eafo = 0.5": ("strategy.eafo", "grammar.max_parameters is 0"),
    "[grammar]\nlearnable = []\n" + NSGA2 + "eafo = 0.5": ("strategy.eafo", "grammar.learnable is empty"),
    NO_LEAVES + "learnable = [0.5]": ("grammar.learnable", "raise grammar.max_parameters"),
    NO_LEAVES + "primitives = ['add', 'sin', 'scale']": ("grammar.primitives", "'scale' takes a learnable multiplier"),
    "[grammar]\nexponents = [2.5]": ("grammar.exponents", "add 'power' to grammar.primitives"),
    "[grammar]\nmax_nesting = {exponential = 3}": ("grammar.max_nesting.exponential", "grows exponentially"),
    NO_LEAVES + "max_nesting = {scale = 1}": ("grammar.max_nesting.scale", "nothing that this grammar can draw"),
    "[grammar]\nmax_nesting = {sin = 6}": ("grammar.max_nesting.sin", "no path of a tree holds more than 6"),
    RANDOM + "[grammar]\nmax_nesting = {sin = 6}": ("grammar.max_nesting.sin", "holds more than 6 primitives"),
    "[grammar]\nweights = {i0e = 5}": ("grammar.weights.i0e", "no formula of this grammar shows 'i0e'"),
    "[grammar]\nweights = {sin = 1}": ("grammar.weights.sin", "1 is the weight of 'sin' already"),
    "[fidelity]\nrungs = []\nkeep = 0.01": ("fidelity.keep", "there is no rung at which anybody stops"),
    "[fidelity]\nsteps = 1\nkeep = 0.3": ("fidelity.keep", "there is no rung"),
    "[fidelity]\nsteps = 10\nrungs = [0.01, 0.5]": ("fidelity.rungs", "the rung 0.01 falls on step 0 of 10"),
    "[fidelity]\nsteps = 10\nrungs = [0.5, 0.99]": ("fidelity.rungs", "the rung 0.99 falls on step 10 of 10"),
    "[fidelity]\nsteps = 10\nrungs = [0.3, 0.31]": ("fidelity.rungs", "0.3 and 0.31 both fall on step 3 of 10"),
    NSGA2 + "[prior]\npool = 1\ninitial_weight = 0.9": (
        "prior.initial_weight",
        "prior.pool = 1 switches the prior off",
    ),
    NSGA2 + "[prior]\npool = 1\nevidence = 50": ("prior.evidence", "raise prior.pool"),
    "baselines = ['selu', 'relu']": ("baselines", "'relu' is a baseline of every campaign"),
    "baselines = ['selu', 'selu']": ("baselines", "it names 'selu' twice"),
    "[confirm]\ntasks = ['digits-vit', 'digits-vit']": ("confirm.tasks", "it names 'digits-vit' twice"),
}


FOREIGN = {
    RANDOM + "crossover = 0.9": "'strategy.crossover' belongs to strategy 'nsga2'; leave it out or set strategy.name",
    AGING + "crossover = 0.9": "'strategy.crossover' belongs to strategy 'nsga2'",
    "[strategy]\nthreshold = 0.8": "'strategy.threshold' belongs to strategy 'aging'",
    RANDOM + "eafo = 1.0": "'strategy.eafo' belongs to strategy 'nsga2'",
    "[execution]\nexecutor = 'serial'\nworkers = 2": "'execution.workers' belongs to executor 'ray'",
}


@pytest.mark.parametrize("text", FOREIGN)
def test_a_key_of_another_strategy_or_executor_is_refused_and_in_a_run_file_passed_over(text):
    with pytest.raises(ActsearchError) as caught:
        from_toml(text, "c.toml")
    assert FOREIGN[text] in str(caught.value)
    config = from_toml(text, "stored", stored=True)
    assert from_toml(to_toml(config), "again") == config


@pytest.mark.parametrize("text", WITHOUT_EFFECT)
def test_a_key_without_effect_is_refused_with_the_reason_and_what_to_do(text):
    key, why = WITHOUT_EFFECT[text]
    with pytest.raises(ActsearchError) as caught:
        from_toml(text, "c.toml")
    assert str(caught.value).startswith(f"'c.toml': key '{key}' has no effect: ")
    assert why in str(caught.value)
    assert "; leave it out or " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", WITHOUT_EFFECT)
def test_what_a_run_file_holds_is_read_although_a_key_has_no_effect(text):
    config = from_toml(text, "stored", stored=True)
    assert from_toml(to_toml(config), "again", stored=True) == config


CHANGES = [
    ("name = 'guided'", "name = 'random'"),
    ("name = 'guided'", "name = 'aging'"),
    ("executor = 'ray'", "executor = 'serial'"),
    ("rungs = [0.25, 0.5]", "rungs = []"),
    ("evidence = 12", "evidence = 20"),
    ("max_parameters = 2", "max_parameters = 0"),
    ("learnable = [0.01, 0.25, 1.0]", "learnable = []"),
    ("newcomers = 0.3", "newcomers = 1.0"),
    ("max_depth = 6", "max_depth = 1"),
    ("# steps =\n# trainings of each", "steps = 1\n# trainings of each"),
    ("# cohort =", "cohort = 4"),
]


@pytest.mark.parametrize(("default", "changed"), CHANGES)
def test_a_file_of_every_default_stays_valid_when_one_key_is_changed(default, changed):
    text = defaults_toml().replace('"', "'")
    assert text.count(f"\n{default}") == 1
    from_toml(text.replace(f"\n{default}", f"\n{changed}"), "defaults")


EFFECTIVE = [
    RANDOM + "novelty = 0.1\npopulation = 8\n[grammar]\nmax_depth = 3",
    AGING + "sample = 4\nthreshold = 0.8\n[grammar]\nlearnable = [1.0]\nmax_depth = 7",
    AGING + "population = 8\n[grammar]\nlearnable = [0.5, 2.0]\nmax_parameters = 3\nmax_depth = 8",
    "[strategy]\nnewcomers = 0.9\neafo_step = false\nhybrids = false\nshapes = false",
    NSGA2 + "newcomers = 0.9\ncrossover = 0.9\neafo = 0.9",
    "[grammar]\nprimitives = ['add', 'power', 'exp', 'scale']\nexponents = [2.5]\n"
    "max_nesting = {exponential = 2, exp = 1}\nweights = {exp = 5, power = 3, gaussian = 4, scale = 2}",
    "[grammar]\nprimitives = ['max', 'sin']\nweights = {relu = 3}",
    "[grammar]\nprimitives = ['gate', 'log_abs']\nweights = {sigmoid = 3, log = 4, abs = 2}",
    "[fidelity]\nsteps = 10\nrungs = [0.1, 0.2, 0.9]\nkeep = 0.3",
    NSGA2 + "[prior]\npool = 2\ninitial_weight = 0.9\nevidence = 50",
    "baselines = ['selu', 'x*tanh(x)']",
    "[confirm]\nautomatic = false\ntop = 7\nseeds = 9\nsteps = 3\nmeasure = false\ntasks = ['digits-vit']",
]


@pytest.mark.parametrize("text", EFFECTIVE)
def test_a_key_with_an_effect_is_accepted(text):
    from_toml(text, "c.toml")


def test_a_key_of_a_preset_gives_way_and_one_of_the_file_over_it_does_not(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(RANDOM + "[execution]\ncohort = 4\n")
    assert layers(file, "quick", {}).config().strategy.population == 8
    file.write_text(RANDOM + "population = 8\n[execution]\ncohort = 4\n")
    with pytest.raises(ActsearchError, match=r"c\.toml': key 'strategy\.population' has no effect"):
        layers(file, "quick", {}).config()


def test_options_and_file_are_judged_together(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("[fidelity]\nsteps = 500\nrungs = [0.002]\n")
    assert layers(file, None, {}).config().fidelity.rungs == (0.002,)
    with pytest.raises(ActsearchError, match=r"c\.toml and options': key 'fidelity\.rungs' has no effect"):
        layers(file, None, {"fidelity": {"steps": 100}}).config()
    file.write_text("[fidelity]\nrungs = [0.001]\n")
    assert layers(file, "standard", {}).config().fidelity.rungs == (0.001,)


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_has_a_key_without_effect(name):
    from_dict(load_preset(name), name)


def test_a_missing_file_suggests_the_nearest_one(tmp_path):
    (tmp_path / "campaign.toml").write_text("")
    with pytest.raises(ActsearchError, match=r"No such file.*did you mean '.*campaign\.toml'"):
        layers(tmp_path / "campain.toml", None, {})


def test_an_unknown_preset_suggests_the_nearest():
    with pytest.raises(ActsearchError, match="unknown preset 'quik'; did you mean 'quick'"):
        layers(None, "quik", {})


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("", "brier"),
        ("score = 'loss'", "loss"),
        ("objectives = ['loss', 'cost']", "loss"),
        ("objectives = ['cost', 'complexity']", "brier"),
    ],
)
def test_what_a_search_goes_by_is_what_confirmation_goes_by(text, score):
    config, task = from_toml(text, "c.toml"), load_task("tabular")
    assert settled(config, {config.task: "tabular"}, (), {"tabular": task}).goes_by == score
