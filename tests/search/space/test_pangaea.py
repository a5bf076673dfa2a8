from __future__ import annotations

import json
from collections import Counter

import pytest

from search.campaign.loop import seeded
from search.space.grammar import Grammar
from search.space.leaves import is_learnable, is_x
from search.space.options import Grammar as GrammarConfig
from search.space.pangaea import Pangaea, size

NAMES = ("add", "mul", "max", "scale", "power", "relu", "tanh", "sin", "exp")
GRAMMARS = {
    "default": Grammar(GrammarConfig()),
    "three parameters": Grammar(GrammarConfig(primitives=NAMES, max_parameters=3, max_depth=9)),
    "one parameter, by mul": Grammar(GrammarConfig(primitives=("mul", "max", "sin", "tanh"), max_parameters=1)),
    "no parameters": Grammar(GrammarConfig(primitives=NAMES, max_parameters=0)),
}


@pytest.fixture(params=GRAMMARS)
def pangaea(request):
    return Pangaea(GRAMMARS[request.param])


def arities(tree):
    """Return the shape of a plain tree, an operator's arity being its real places."""
    return [len([type_ for type_ in node.args if type_.__name__ == "Real"]) if node.arity else 0 for node in ops(tree)]


def ops(tree):
    return [node for node in tree if node.arity or is_x(node)]


def names(tree):
    return [node.name if node.arity else "x" for node in ops(tree)]


def plain_trees(pangaea, count):
    """Yield plain trees that some mutations lead to."""
    tree = pangaea.initial()
    for _ in range(count):
        yield pangaea.plain(tree)
        _, tree = pangaea.mutated(tree)


def test_initial_trees_are_chains_of_two_or_a_pair_joined_and_each_comes_as_often(pangaea):
    with seeded(0, 0):
        trees = [pangaea.initial() for _ in range(400)]
    shapes = Counter(tuple(arities(pangaea.plain(tree))) for tree in trees)
    assert shapes.keys() == {(1, 1, 0), (2, 1, 0, 1, 0)}
    assert 160 < shapes[1, 1, 0] < 240


def test_multipliers_are_of_every_number_that_is_allowed_equally_often_stand_anywhere_and_start_at_one(pangaea):
    grammar = pangaea._grammar
    with seeded(0, 0):
        plain = pangaea.plain(pangaea.initial())
        trees = [pangaea.parameterised(plain) for _ in range(400)]
    most = grammar.config.max_parameters
    counts = Counter(grammar.learnable(tree) for tree in trees)
    assert counts.keys() == set(range(min(3, most) + 1))
    assert min(counts.values()) > 0.7 * 400 / len(counts)
    assert {node.value.value for tree in trees for node in tree if is_learnable(node)} <= {1.0}
    assert {grammar.dumps(pangaea.plain(tree)) for tree in trees} == {grammar.dumps(plain)}
    single = {grammar.dumps(tree) for tree in trees if grammar.learnable(tree) == 1}
    assert len(single) == (size(plain) if most else 0)


def test_a_mutated_tree_is_within_the_limits_and_never_bare_nor_above_seven_nodes(pangaea):
    with seeded(1, 0):
        sizes = Counter(size(tree) for tree in plain_trees(pangaea, 500))
    assert min(sizes) >= 2
    assert max(sizes) == 7
    with seeded(1, 0):
        tree = pangaea.initial()
        for _ in range(200):
            _, tree = pangaea.mutated(tree)
            assert pangaea._grammar.fits(tree)
            assert not pangaea._grammar.learnable(pangaea.plain(tree))


def test_insert_keeps_all_and_adds_an_operator_on_any_edge_unary_and_binary_by_their_number(pangaea):
    kinds = Counter()
    with seeded(2, 0):
        for tree in plain_trees(pangaea, 300):
            child = pangaea.insert(tree)
            added = Counter(names(child)) - Counter(names(tree))
            assert not Counter(names(tree)) - Counter(names(child))
            kinds[sum(added.values())] += 1
    wanted = 300 * len(pangaea.unary) / len(pangaea.unary + pangaea.binary)
    assert kinds.keys() == {1, 2}
    assert abs(kinds[1] - wanted) < 40
    with seeded(2, 1):
        chain = pangaea._grammar.loads('["sin", "tanh", "x"]')
        children = [names(pangaea.insert(chain)) for _ in range(600)]
    places = {child.index("max") for child in children if child.count("max") == 1}
    sides = {tuple(child) for child in children if child[:1] == ["max"]}
    assert places == {0, 1, 2}
    assert sides == {("max", "x", "sin", "tanh", "x"), ("max", "sin", "tanh", "x", "x")}


def test_remove_takes_one_operator_and_of_a_binary_one_of_its_sides(pangaea):
    unary, binary = {node.name for node in pangaea.unary}, {node.name for node in pangaea.binary}
    with seeded(3, 0):
        for tree in plain_trees(pangaea, 300):
            child = pangaea.remove(tree)
            gone = Counter(names(tree)) - Counter(names(child))
            assert not Counter(names(child)) - Counter(names(tree))
            if sum(gone.values()) == 1:
                assert gone.keys() <= unary
            else:
                assert gone["x"]
                assert gone.keys() & binary
        joined = pangaea._grammar.loads('["max", "sin", "x", "tanh", "x"]')
        children = {tuple(names(pangaea.remove(joined))) for _ in range(60)}
    assert children == {("sin", "x"), ("tanh", "x"), ("max", "x", "tanh", "x"), ("max", "sin", "x", "x")}


def test_change_puts_one_other_operator_of_the_same_arity(pangaea):
    with seeded(4, 0):
        for tree in plain_trees(pangaea, 300):
            child = pangaea.change(tree)
            assert arities(child) == arities(tree)
            assert sum(a != b for a, b in zip(names(child), names(tree), strict=True)) == 1


def test_regenerate_keeps_the_shape_and_draws_every_operator(pangaea):
    with seeded(5, 0):
        for tree in plain_trees(pangaea, 60):
            children = [pangaea.regenerate(tree) for _ in range(40)]
            assert all(arities(child) == arities(tree) for child in children)
            for place, arity in enumerate(arities(tree)):
                drawn = {names(child)[place] for child in children}
                options = {1: pangaea.unary, 2: pangaea.binary}.get(arity, [0])
                assert len(drawn) > 1 or len(options) == 1


def test_all_four_mutations_are_made(pangaea):
    with seeded(6, 0):
        made = Counter(pangaea.mutated(pangaea.initial())[0] for _ in range(400))
    assert made.keys() == {"insert", "remove", "change", "regenerate"}
    assert min(made.values()) > 50


def test_trees_of_others_are_taken_as_they_are_but_for_their_multipliers():
    grammar = GRAMMARS["default"]
    tree = grammar.loads('["mul", "add", "scale", {"learnable": 0.25}, "x", {"constant": 2.0}, {"learnable": 0.5}]')
    assert grammar.dumps(Pangaea(grammar).plain(tree)) == '["add", "x", {"constant": 2.0}]'


def test_where_nothing_fits_there_is_no_tree():
    assert Pangaea(Grammar(GrammarConfig(max_depth=1))).initial() is None
    assert Pangaea(Grammar(GrammarConfig(primitives=("add", "scale")))).initial() is None
    grammar = GRAMMARS["default"]
    long = grammar.loads(json.dumps(["sin", "tanh"] * 4 + ["x"]))
    assert Pangaea(grammar).mutated(long) is None
