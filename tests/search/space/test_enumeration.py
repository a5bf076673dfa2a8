from __future__ import annotations

import pytest

from search.campaign.loop import seeded
from search.space.enumeration import how_many, trees
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig

WITHOUT_SYMMETRY = {"primitives": ("sub", "relu", "sin", "scale"), "constants": (0.5,), "learnable": (0.25,)}
MIXED = {
    "primitives": ("add", "mul", "power", "scale", "exp", "tanh"),
    "constants": (0.5, 2.0),
    "exponents": (2.0, 3.0),
    "learnable": (0.25,),
    "max_parameters": 1,
    "max_depth": 3,
}


def grammar(**changes):
    return Grammar(GrammarConfig(max_complexity=7, **changes))


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 6])
def test_there_are_as_many_trees_as_are_counted_and_no_two_alike(most):
    small = grammar(**WITHOUT_SYMMETRY, max_parameters=1)
    found = [small.algebra.key(tree) for tree in trees(small, most)]
    assert len(found) == len(set(found)) == how_many(small, most)


def test_every_tree_that_is_drawn_at_random_is_among_them_and_every_one_fits():
    some = grammar(**MIXED)
    found = list(trees(some, 5))
    keys = [some.algebra.key(tree) for tree in found]
    assert len(keys) == len(set(keys))
    assert all(some.fits(tree) and some.is_tree(tree) and not some.algebra.undone(tree) for tree in found)
    with seeded(0, 0):
        drawn = {some.algebra.key(some.random_tree(1, 5)) for _ in range(500)}
    assert drawn <= set(keys)


def test_numbers_are_taken_with_every_value_and_small_trees_come_first():
    some = grammar(**MIXED)
    sizes = [len(tree) for tree in trees(some, 5)]
    assert sizes == sorted(sizes)
    powers = {tree[2].value.value for tree in trees(some, 3) if tree[0].name == "power"}
    assert powers == {2.0, 3.0}
