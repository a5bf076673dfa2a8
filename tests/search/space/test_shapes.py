"""Children of two sides and gates: what they are, and that a grammar without the words makes none."""

from __future__ import annotations

import random

import numpy as np
import pytest

from search.space.forest import values
from search.space.grammar import Grammar
from search.space.options import DEFAULT_PRIMITIVES
from search.space.options import Grammar as GrammarConfig
from search.space.shapes import can_have_gates, can_have_sides, gated, sided

X = np.array([-3.0, -1.1, -0.2, 0.0, 0.4, 1.7, 5.0])


def unit(values):
    largest = np.abs(values).max()
    return values / largest if largest > 1e-12 else 0 * values


WORDS = {
    "all": DEFAULT_PRIMITIVES,
    "no relu": tuple(name for name in DEFAULT_PRIMITIVES if name != "relu"),
    "no min": tuple(name for name in DEFAULT_PRIMITIVES if name != "min"),
}


def at(grammar, tree, x):
    return values([tree], x)[0]


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("parameters", [0, 2])
def test_two_sides_are_one_function_above_zero_and_another_below_but_for_a_constant_and_a_factor(words, parameters):
    grammar = Grammar(GrammarConfig(primitives=WORDS[words], max_parameters=parameters))
    random.seed(1)
    made = 0
    for _ in range(60):
        right, left = grammar.random_tree(2, 4), grammar.random_tree(2, 4)
        child = sided(grammar, right, left)
        if child is None:
            continue
        made += 1
        assert grammar.fits(child)
        above, below = at(grammar, child, X[X >= 0]), at(grammar, child, X[X <= 0])
        ends = [side - side[place] for side, place in ((above, 0), (below, -1))]
        wanted = [at(grammar, right, X[X >= 0]), X[X >= 0]]
        assert any(np.allclose(ends[0], each - each[0]) for each in wanted)
        other = at(grammar, left, X[X <= 0])
        other = other - other[-1]
        assert np.linalg.matrix_rank(np.stack([unit(ends[1]), unit(other)]), tol=1e-6) <= 1
    assert made > 8


def test_a_gate_multiplies_the_input_by_a_tree_or_by_one_that_is_shifted_and_takes_a_multiple_of_it():
    grammar = Grammar(GrammarConfig())
    random.seed(2)
    plain = shifted = 0
    for _ in range(80):
        gate = grammar.random_tree(2, 4)
        child = gated(grammar, gate)
        if child is None:
            continue
        assert grammar.fits(child)
        factor = at(grammar, child, X[X != 0]) / X[X != 0]
        is_plain = np.allclose(factor, at(grammar, gate, X[X != 0]))
        plain, shifted = plain + is_plain, shifted + (not is_plain)
    assert plain > 8
    assert shifted > 8


def test_a_grammar_without_the_words_makes_none():
    odd = Grammar(GrammarConfig(primitives=("add", "sin", "tanh")))
    assert not can_have_sides(odd)
    assert not can_have_gates(odd)
    whole = Grammar(GrammarConfig(primitives=("add", "mul", "max", "neg", "tanh")))
    assert can_have_sides(whole)
    assert can_have_gates(whole)
