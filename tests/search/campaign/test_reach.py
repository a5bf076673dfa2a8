from __future__ import annotations

import pytest

from primitives import ActsearchError
from search.campaign.reach import check_wishes
from search.configuration.reading import from_toml

CANNOT = {
    "seeds = ['tanh', 'relu']\n[wishes]\nproperties = ['smooth']": "seed 'relu' contradicts [wishes]: it is not smooth",
    "seeds = ['x*sigmoid(x)']\n[wishes]\nforbidden = ['silu']": "it has silu, which wishes.forbidden names",
    "seeds = ['x*tanh(x)']\n[wishes]\nforbidden = ['mul']": "it has mul, which wishes.forbidden names",
    "seeds = ['tanh']\n[wishes]\nrequired = ['sin']": "it lacks sin, which wishes.required names",
    "seeds = ['gelu']\n[wishes]\nmax_cost = 20.0": "is above wishes.max_cost = 20",
    "[wishes]\nmax_cost = 1.5": "wishes.max_cost is 1.5, and the cheapest function of this grammar",
    "[grammar]\nprimitives = ['add', 'relu', 'abs', 'max']\n[wishes]\nproperties = ['smooth', 'bounded']": (
        "none of 4,096 random trees of this grammar is what [wishes] ask for"
    ),
}


@pytest.mark.parametrize("text", CANNOT)
def test_wishes_that_cannot_be_fulfilled_are_refused_in_one_sentence(text):
    with pytest.raises(ActsearchError) as caught:
        check_wishes(from_toml(text, "c.toml"))
    assert CANNOT[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_each_wish_takes_away_is_told():
    text = "[grammar]\nprimitives = ['add', 'relu', 'abs', 'max']\n[wishes]\nproperties = ['smooth', 'monotone']"
    with pytest.raises(ActsearchError, match=r"it is not smooth: 100%, it is not monotone: \d+%; drop a wish"):
        check_wishes(from_toml(text, "c.toml"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[wishes]\nproperties = ['odd', 'bounded', 'smooth']",
        "[wishes]\nproperties = ['even', 'positive']\nrequired = ['gaussian']",
        "[wishes]\nmax_cost = 2.0",
        "[wishes]\nrequired = ['sin', 'cos', 'erf', 'aq']",
        "seeds = ['tanh']\n[wishes]\nproperties = ['odd']\nforbidden = ['relu']",
    ],
)
def test_what_can_be_found_is_let_through(text):
    check_wishes(from_toml(text, "c.toml"))
