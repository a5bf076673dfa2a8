from __future__ import annotations

import pytest

from primitives import ActsearchError
from search.configuration.config import CampaignConfig
from search.configuration.reading import from_toml
from search.configuration.writing import to_toml

REFUSED = {
    "[wishes]\nforbidden = ['silu']\nrequired = ['silu']": "wishes.required and wishes.forbidden both name 'silu'",
    "[wishes]\nrequired = ['exp']": "wishes.required names 'exp', which grammar.primitives lacks",
    "[grammar]\nmax_nesting = {sin = 0}\n[wishes]\nrequired = ['sin']": "grammar.max_nesting.sin = 0 forbids it",
    "[grammar]\nmax_parameters = 0\n[wishes]\nrequired = ['scale']": "'scale', which takes a learnable multiplier",
    "[wishes]\nforbidden = ['add', 'sub', 'mul', 'aq', 'max', 'min']": "and one that joins two; forbid fewer",
    "[grammar]\nprimitives = ['add', 'sin']\n[wishes]\nforbidden = ['add', 'sin']": "wishes.forbidden leaves nothing",
    "[grammar]\nmax_complexity = 4\n[wishes]\nrequired = ['sin', 'cos', 'erf', 'abs']": "which make 5 nodes with x",
    "[wishes]\nrequired = ['erf']\nmax_cost = 5.0": "'erf', which alone costs",
    "[wishes]\nforbidden = ['silou']": "unknown primitive 'silou'; did you mean 'silu'?",
    "[wishes]\nrequired = ['sinn']": "unknown primitive 'sinn'; did you mean 'sin'?",
    "[wishes]\nproperties = ['smoth']": "unknown property 'smoth'; did you mean 'smooth'?",
    "[wishes]\nproperties = ['odd', 'even']": "no function is both 'odd' and 'even', since only 0 is both",
    "[wishes]\nproperties = ['positive', 'odd']": "an odd function is negative on one side",
    "[wishes]\nproperties = ['positive', 'zero_at_zero']": "what is positive is not 0 at 0",
    "[wishes]\nproperties = ['even', 'monotone']": "an even function that never turns is constant",
    "[wishes]\nmax_cost = 0": "key 'wishes.max_cost' cannot be 0",
    "[wishes]\nmax_cost = true": "true and false are no value for this key",
    "[wishes]\nforbid = ['relu']": "unknown key 'wishes.forbid'; did you mean 'forbidden'",
    "[budget]\nsteps = 0": "key 'budget.steps' cannot be 0",
    "[budget]\nsteps = 100\n[fidelity]\nsteps = 100": "the 8 baselines alone take 1,600 (2 seeds of 100 steps each)",
}

IDLE = {
    "[wishes]\nforbidden = ['i0e']": "no tree of this grammar has 'i0e' and no formula shows it",
    "[wishes]\nproperties = ['odd', 'zero_at_zero']": "what is 'odd' is 'zero_at_zero' as well",
    "[wishes]\nforbidden = ['relu', 'relu']": "it names 'relu' twice",
    "[wishes]\nrequired = ['sin', 'sin']": "it names 'sin' twice",
    "[wishes]\nproperties = ['odd', 'odd']": "it names 'odd' twice",
    "[budget]\nsteps = 21600\n[fidelity]\nsteps = 100": "take 21,600 steps at most",
}


@pytest.mark.parametrize("text", [*REFUSED, *IDLE])
def test_wishes_that_contradict_each_other_or_have_no_effect_are_refused_with_the_reason(text):
    with pytest.raises(ActsearchError) as caught:
        from_toml(text, "c.toml")
    assert str(caught.value).startswith("'c.toml'")
    assert {**REFUSED, **IDLE}[text] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ("has no effect" in str(caught.value)) == (text in IDLE)


def test_a_run_file_without_the_section_is_read_and_one_with_contradictions_too():
    old = to_toml(CampaignConfig()).partition("[wishes]")[0]
    assert from_toml(old, "run", stored=True).wishes == CampaignConfig().wishes
    text = "[wishes]\nforbidden = ['silu']\nrequired = ['silu']"
    assert from_toml(text, "run", stored=True).wishes.required == ("silu",)


def test_a_spelling_that_the_grammar_can_show_may_be_forbidden_though_it_lacks_the_name():
    for name in ("silu", "square"):
        text = f"[grammar]\nprimitives = ['mul', 'sigmoid', 'tanh']\n[wishes]\nforbidden = ['{name}']"
        assert from_toml(text, "c.toml").wishes.forbidden == (name,)


def test_what_is_forbidden_is_not_drawn():
    config = from_toml("[wishes]\nforbidden = ['relu', 'add']", "c.toml")
    assert set(config.grammar.primitives) - set(config.drawn.primitives) == {"relu", "add"}
    assert CampaignConfig().drawn is CampaignConfig().grammar or CampaignConfig().drawn == CampaignConfig().grammar
