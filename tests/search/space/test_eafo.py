from __future__ import annotations

import numpy as np
import pytest

from primitives import Expression, fingerprint, library, parse
from search.campaign.loop import seeded
from search.space.eafo import EafoSteps
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig


@pytest.mark.parametrize(
    "settings",
    [{}, {"primitives": ("add", "mul", "exp", "neg", "square", "relu", "scale")}, {"max_depth": 5}],
    ids=["default", "textbook", "shallow"],
)
def test_crrelu_is_one_eafo_step_from_relu(settings):
    grammar = Grammar(GrammarConfig(**settings))
    relu, crrelu = library()["relu"].expression, library()["crrelu"].expression
    starts = set()
    with seeded(0, 0):
        for _ in range(40):
            name, tree = EafoSteps(grammar).step(grammar.tree(relu))
            assert name == "eafo"
            child = grammar.expression(tree)
            (start,) = child.parameters.values()
            assert child.key == Expression(crrelu.body, (("epsilon", start),)).key
            starts.add(start)
    exact = {sign * value for sign in (-1, 1) for value in GrammarConfig().learnable}
    assert len(starts & exact) > 3
    assert len(starts) > 12


def test_an_eafo_step_adds_the_correction_or_where_that_is_too_long_that_of_a_straight_line():
    grammar = Grammar(GrammarConfig())
    for name, term in (("tanh", "(x - 2*tanh(x))*gaussian(x)"), ("gelu", "x*gaussian(x)"), ("mish", "x*gaussian(x)")):
        parent = library()[name].expression
        with seeded(1, 1):
            step, tree = EafoSteps(grammar).step(grammar.tree(parent))
        child = grammar.expression(tree)
        assert step == ("eafo" if name == "tanh" else "bump")
        ((parameter, size),) = child.initial
        wanted = parse(f"{parent} + {parameter}*{term}; {parameter}={size}")
        np.testing.assert_allclose(fingerprint(child), fingerprint(wanted), rtol=1e-9, atol=1e-9)


def test_there_is_no_eafo_step_where_the_grammar_has_no_learnable_number_left():
    for limits in ({"max_parameters": 0}, {"learnable": ()}, {"primitives": ("add", "relu", "sin")}):
        grammar = Grammar(GrammarConfig(**limits))
        with seeded(0, 0):
            assert EafoSteps(grammar).step(grammar.tree(library()["relu"].expression)) is None


def test_of_one_short_parent_the_correction_is_derived_and_the_next_ask_may_take_another():
    grammar = Grammar(GrammarConfig())
    steps, names = EafoSteps(grammar), ("relu", "tanh", "sigmoid")
    with seeded(2, 2):
        made = [steps.step(grammar.tree(library()[name].expression))[0] for name in (*names, "relu")]
        steps.begin()
        again = steps.step(grammar.tree(library()["sigmoid"].expression))[0]
    assert (made, again) == (["eafo", "bump", "bump", "eafo"], "eafo")
