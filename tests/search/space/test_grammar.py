from __future__ import annotations

import contextlib
import io
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from primitives import ActsearchError, Expression, fingerprint, library, parse
from primitives.table import get
from search.campaign.loop import seeded
from search.space.cuts import cuts
from search.space.grammar import Grammar
from search.space.leaves import Learnable, leaf
from search.space.options import DEFAULT_PRIMITIVES
from search.space.options import Grammar as GrammarConfig
from search.space.variation import OPERATORS, Parent, crossover, join, mutate
from tests.strategies import typed_grammar

LEAVES = {"real": {"x", "constant", "learnable"}, "weight": {"learnable"}, "exponent": {"constant"}}


def grammar(*names, **keys):
    return Grammar(GrammarConfig(primitives=names or DEFAULT_PRIMITIVES, **keys))


def crossed(grammar, first, second):
    return crossover(grammar, Parent(grammar, first), Parent(grammar, second))


def typed(nodes, wanted="real"):
    """Tell whether a tree as JSON starts with a well-typed one, and take it off the list."""
    node = nodes.pop(0)
    if isinstance(node, str) and node != "x":
        return wanted == "real" and all(typed(nodes, place) for place in get(node).types)
    return (node if isinstance(node, str) else next(iter(node))) in LEAVES[wanted]


def deepest(nodes, family):
    """Return how many of a family lie on one path of a tree as JSON, and take the tree off the list."""
    node = nodes.pop(0)
    if not isinstance(node, str) or node == "x":
        return 0
    return (node in family) + max(deepest(nodes, family) for _ in get(node).types)


def holds(grammar, tree):
    """Check what every tree obeys: types, storage, and an expression or none."""
    text = grammar.dumps(tree)
    nodes = json.loads(text)
    assert typed(nodes), text
    assert not nodes, text
    assert grammar.loads(text) == tree, text
    assert isinstance(grammar.expression(tree), Expression | None)


def test_every_operator_keeps_trees_well_typed_storable_and_speakable():
    grammar = typed_grammar()
    made = dict.fromkeys([*OPERATORS, "crossover"], 0)
    with seeded(11, 0):
        population = [grammar.random_tree(2, 12) for _ in range(100)]
        for tree in population:
            holds(grammar, tree)
        for _ in range(2500):
            at = random.randrange(len(population))
            name = random.choice(list(made))
            if name == "crossover":
                child = crossed(grammar, population[at], random.choice(population))
            else:
                child = OPERATORS[name](grammar, population[at], cuts(grammar, population[at]))
            if child is None:
                continue
            if child != population[at]:
                holds(grammar, child)
                made[name] += 1
            if grammar.fits(child):
                population[at] = child
    assert min(made.values()) > 40, made


def test_no_random_tree_and_no_child_nests_deeper_than_allowed():
    grammar = typed_grammar()
    families = (({"exp", "sinh", "pow"}, 1), ({"sin"}, 2))
    with seeded(12, 0):
        trees = [grammar.random_tree(2, 14) for _ in range(300)]
        trees += [child for a in trees[:150] for b in trees[:2] if (child := crossed(grammar, a, b))]
        trees += [made[1] for tree in trees if (made := mutate(grammar, Parent(grammar, tree)))]
    for family, most in families:
        counts = [deepest(json.loads(grammar.dumps(tree)), family) for tree in trees]
        assert max(counts) == most


def test_a_limit_of_zero_forbids_and_no_limit_allows():
    forbids = grammar("add", "exp", "sin", max_nesting={"exponential": 0})
    allows = grammar("add", "exp", "sin", max_nesting={})
    with seeded(13, 0):
        texts = [[g.dumps(g.random_tree(2, 12)) for _ in range(200)] for g in (forbids, allows)]
    assert not any("exp" in text for text in texts[0])
    assert any(deepest(json.loads(text), {"exp"}) > 1 for text in texts[1])


def test_a_seed_may_nest_deeper_than_children_may():
    tight = grammar("add", "exp", "sin")
    tree = tight.tree(parse("exp(sin(exp(x)))"))
    assert tight.expression(tree) == parse("exp(sin(exp(x)))")
    assert not tight.fits(tree)
    with seeded(14, 0):
        assert all(tight.fits(made[1]) for _ in range(100) if (made := mutate(tight, Parent(tight, tree))))


def test_crossover_repeats_in_another_process():
    script = (
        "import random\n"
        "from tests.strategies import typed_grammar\n"
        "from tests.search.space.test_grammar import crossed\n"
        "g = typed_grammar(); random.seed(5); t = [g.random_tree(4, 12) for _ in range(60)]\n"
        "print([g.dumps(c) for a, b in zip(t, t[1:]) if (c := crossed(g, a, b))])\n"
    )
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    state, here = random.getstate(), io.StringIO()
    with contextlib.redirect_stdout(here):
        exec(script, {})
    random.setstate(state)
    assert there == here.getvalue() != "[]\n"


OLD = '["add", "mul", {"learnable": 0.25}, "x", "max", {"constant": -0.5}, "aq", "x", {"learnable": 1.0}]'


def test_a_genotype_from_before_types_loads_and_means_the_same():
    tree = grammar().loads(OLD)
    assert grammar().dumps(tree) == OLD
    assert str(grammar().expression(tree)).endswith("alpha=1.0; beta=0.25")


@pytest.mark.parametrize(
    "text",
    [
        '["scale", {"constant": 2.0}, "x"]',
        '["scale", "x", "x"]',
        '["scale", "relu", "x", "x"]',
        '["power", "x", {"learnable": 2.0}]',
        '["power", "x", "x"]',
        '["x", "relu"]',
        '["relu", "x", "x"]',
        '["scale", {"learnable": 2.0}]',
        '["Constant(value=2.0)"]',
    ],
)
def test_a_leaf_of_the_wrong_kind_or_an_incomplete_tree_is_refused(text):
    with pytest.raises(ActsearchError, match="a stored genotype"):
        grammar("add", "relu", "scale", "power").loads(text)


A, B = {"learnable": 2.0}, {"learnable": 3.0}
EVERYTHING = ("add", "sub", "mul", "div", "pow", "scale", "power", "neg", "inverse", "square", "sqrt", "cube", "tanh")
SPELLINGS = [
    ("alpha*x", EVERYTHING, ["scale", A, "x"]),
    ("alpha*x", ("add", "mul", "tanh"), ["mul", A, "x"]),
    ("-alpha*tanh(x)", EVERYTHING, ["neg", "scale", A, "tanh", "x"]),
    ("alpha*x + alpha*tanh(x)", EVERYTHING, ["scale", A, "add", "x", "tanh", "x"]),
    ("tanh(x) - x - 1", EVERYTHING, ["sub", "tanh", "x", "add", {"constant": 1.0}, "x"]),
    ("x**2", EVERYTHING, ["square", "x"]),
    ("x**2", ("add", "tanh", "power"), ["power", "x", {"constant": 2.0}]),
    ("x**(-2)", EVERYTHING, ["power", "x", {"constant": -2.0}]),
    ("x**(-2)", ("add", "square", "div"), ["div", {"constant": 1.0}, "square", "x"]),
    ("x**2.5", ("add", "tanh", "pow"), ["pow", "x", {"constant": 2.5}]),
    ("1/tanh(x)", EVERYTHING, ["inverse", "tanh", "x"]),
    ("1/tanh(x)", ("tanh", "div"), ["div", {"constant": 1.0}, "tanh", "x"]),
    ("1/tanh(x)", ("add", "tanh", "power"), ["power", "tanh", "x", {"constant": -1.0}]),
    ("x/tanh(x)", EVERYTHING, ["div", "x", "tanh", "x"]),
    ("x/tanh(x)", ("mul", "inverse", "tanh"), ["mul", "x", "inverse", "tanh", "x"]),
    ("tanh(x)**alpha", EVERYTHING, ["pow", "tanh", "x", A]),
    ("tanh(x)**alpha", ("add", "tanh", "power"), None),
    ("x**4", ("add", "square"), None),
    ("tanh(alpha*x)*alpha", EVERYTHING, None),
]


@pytest.mark.parametrize(("formula", "names", "nodes"), SPELLINGS)
def test_an_expression_is_spelled_with_what_the_grammar_has(formula, names, nodes):
    expression = parse(f"{formula}; alpha=2" if "alpha" in formula else formula)
    tree = grammar(*names).tree(expression)
    assert (tree if tree is None else json.loads(grammar(*names).dumps(tree))) == nodes


def test_every_tree_of_a_library_function_is_that_function():
    everything = grammar(
        *DEFAULT_PRIMITIVES, "exp", "expm1", "log1p", "div", "power", max_parameters=8, max_complexity=99
    )
    said = 0
    for entry in library().values():
        tree = everything.tree(entry.expression)
        if tree is None:
            continue
        again, said = everything.expression(tree), said + 1
        assert sorted(again.parameters.values()) == sorted(entry.expression.parameters.values())
        np.testing.assert_allclose(fingerprint(again), fingerprint(entry.expression), atol=1e-9)
    assert said > 60


def test_a_grammar_without_learnable_leaves_has_no_multipliers_and_works():
    fixed = grammar(max_parameters=0)
    assert not fixed.has("scale")
    with seeded(15, 0):
        children = [made[1] for _ in range(200) if (made := mutate(fixed, Parent(fixed, fixed.random_tree())))]
    assert len(children) > 150
    assert not any("learnable" in fixed.dumps(child) for child in children)


@pytest.mark.parametrize("names", [("add", "relu", "scale"), ("add", "relu", "mul")])
def test_a_multiplier_can_be_put_on_and_taken_off_until_the_parameters_are_used_up(names):
    small = grammar(*names, max_parameters=2)
    bare = small.tree(parse("relu(x) + 1"))
    with seeded(16, 0):
        for _ in range(50):
            tree = bare
            for parameters in (1, 2):
                tree = OPERATORS["multiply"](small, tree, cuts(small, tree))
                assert len(small.expression(tree).initial) == parameters
            assert OPERATORS["multiply"](small, tree, cuts(small, tree)) is None
            for _ in range(2):
                tree = OPERATORS["unmultiply"](small, tree, cuts(small, tree))
            assert tree == bare
            assert OPERATORS["unmultiply"](small, tree, cuts(small, tree)) is None


def test_tuning_moves_initial_values_and_leaves_exponents():
    powers = grammar("add", "power", "scale", "tanh")
    before = powers.loads('["scale", {"learnable": 0.25}, "power", "x", {"constant": 3.0}]')
    initial = set()
    with seeded(17, 0):
        for _ in range(50):
            tree = OPERATORS["tune"](powers, before, cuts(powers, before))
            assert tree[4] == before[4]
            initial.add(tree[1].value.value)
    assert len(initial) > 40
    assert min(initial) < 0.2 < 0.3 < max(initial)
    assert all(tree[1] == leaf(Learnable(tree[1].value.value), before[1].ret) for _ in initial)


@pytest.mark.parametrize(
    ("formula", "weights", "more"),
    [
        ("tanh(x) + tanh(tanh(x))", {"tanh": 5}, 12),
        ("x + silu(x)", {"tanh": 5}, 0),
        ("x*tanh(x)/4 - x**2", {"mul": 3, "sub": 2, "square": 4}, 2 * 2 + 1 + 3),
    ],
)
def test_weights_count_once_for_every_use_of_a_primitive(formula, weights, more):
    expression = parse(formula)
    weighing = grammar(weights=weights)
    assert weighing.complexity(expression) == expression.complexity + more
    limit = expression.complexity + more
    tree = weighing.tree(expression)
    assert grammar(weights=weights, max_complexity=limit).expression(tree) == expression
    assert grammar(weights=weights, max_complexity=limit - 1).expression(tree) is None


def test_random_trees_of_the_default_grammar_are_mostly_valid_and_distinct():
    default = grammar()
    with seeded(18, 0):
        made = [default.expression(default.random_tree()) for _ in range(500)]
    valid = [expression for expression in made if expression is not None]
    assert len(valid) > 0.95 * len(made)
    assert len({expression.key for expression in valid}) > 0.7 * len(valid)
    assert sum(bool(expression.initial) for expression in valid) > 0.2 * len(valid)


def test_a_join_is_both_trees_under_a_primitive_that_takes_two():
    space = grammar()
    first, other = (space.tree(parse(text)) for text in ("tanh(sin(x))", "x*gaussian(x)"))

    def names(tree):
        return ",".join(node.name for node in tree)

    with seeded(0, 0):
        children = [join(space, Parent(space, first), other) for _ in range(100)]
    assert all(space.fits(child) and child[0].arity == 2 for child in children)
    assert all(names(first) in names(child) and names(other) in names(child) for child in children)
    tops = {child[0].name for child in children}
    assert {"add", "sub", "max"} <= tops
    learnable = sum(bool(space.learnable(child)) for child in children)
    assert 10 < learnable < 60
    bare = grammar("sin", "gaussian", "tanh", "mul", max_parameters=0)
    with seeded(0, 0):
        assert not any(bare.learnable(join(bare, Parent(bare, first), other)) for _ in range(30))
