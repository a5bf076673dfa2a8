from __future__ import annotations

import random

import pytest

from primitives import parse, resolve
from search.campaign.loop import seeded
from search.configuration.config import CampaignConfig
from search.space.grammar import Grammar
from search.space.options import Grammar as Options
from search.space.planting import planted, varying_names
from search.space.wished import Wished, shown_names
from search.space.wishes import Wishes

GRAMMAR = Grammar(CampaignConfig().grammar)
POWERS = Grammar(Options(primitives=("add", "mul", "sin", "power", "scale", "exp")))


@pytest.mark.parametrize(
    ("grammar", "required"),
    [
        (GRAMMAR, ("sin",)),
        (GRAMMAR, ("aq", "gaussian", "cos")),
        (GRAMMAR, ("scale", "max")),
        (POWERS, ("power", "exp")),
    ],
    ids=["one", "three", "a multiplier", "a power"],
)
def test_nearly_every_tree_drawn_has_what_is_required_and_stays_within_the_limits(grammar, required):
    with seeded(0, 1):
        grown = [planted(grammar, grammar.random_tree(), required) for _ in range(300)]
    assert all(grammar.is_tree(tree) and grammar.fits(tree) for tree in grown)
    assert sum(varying_names(tree) >= set(required) for tree in grown) > 260


def test_a_tree_that_lacks_nothing_stays_as_it_is_and_draws_nothing():
    tree = GRAMMAR.tree(resolve("sin(x)*tanh(x)"))
    state = random.getstate()
    assert planted(GRAMMAR, tree, ("sin",)) is tree
    assert planted(GRAMMAR, tree, ()) is tree
    assert random.getstate() == state


def test_where_there_is_no_room_a_tree_stays_as_it_is():
    tight = Grammar(Options(primitives=("add", "sin", "tanh", "cos"), max_depth=1))
    tree = tight.tree(resolve("tanh"))
    with seeded(0, 1):
        assert planted(tight, tree, ("sin", "cos")) == tree


def test_a_primitive_of_numbers_alone_does_not_count():
    assert varying_names(GRAMMAR.tree(parse("tanh(x)*2"))) == {"tanh", "mul"}
    nodes = [GRAMMAR.primitives.mapping["sin"], GRAMMAR.number("constant")]
    assert varying_names(nodes) == frozenset()
    assert varying_names([nodes[0], GRAMMAR.number("learnable")]) == {"sin"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x*sigmoid(x)", {"silu"}),
        ("x*x + 1/x", {"square", "inverse"}),
        ("x**3 - sqrt(abs(x))", {"cube", "sqrt", "abs"}),
        ("x/sqrt(1 + x**2)", {"square"}),
        ("abs(x)**1.5", {"abs", "power"}),
        ("exp(-x**2/2)", {"gaussian"}),
        ("2**x", {"pow"}),
        ("alpha*x + 0.5; alpha=1", set()),
    ],
)
def test_a_formula_shows_its_named_functions_and_powers(text, names):
    assert shown_names(parse(text).body) == names


def test_what_speaks_against_a_formula_is_told_in_its_order():
    wishes = Wishes(forbidden=("square",), required=("tanh",), properties=("odd",), max_cost=60.0)
    wished = Wished(wishes, GRAMMAR)

    def said(text, cost=10.0):
        return wished.refusal(parse(text), None, cost)

    assert said("x*x") == "it has square, which wishes.forbidden names"
    assert said("sin(x)") == "it lacks tanh, which wishes.required names"
    assert said("tanh(x)", 61.0) == "its cost of 61 is above wishes.max_cost = 60"
    assert said("abs(tanh(x))") == "it is not odd"
    assert said("tanh(x)") is None
