from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from scipy import stats

from search.campaign.loop import seeded
from search.space.algebra import algebra
from search.space.counting import Counts, Limits
from search.space.grammar import Grammar
from search.space.leaves import Constant, Exponent, Learnable, Real, Tree, Weight
from search.space.options import DEFAULT_PRIMITIVES
from search.space.options import Grammar as Options
from search.space.variation import Parent, crossover, mutate

FEW = ("add", "max", "scale", "neg", "abs", "square", "tanh", "exp")
SETTINGS = [
    {"primitives": FEW, "max_depth": 3, "max_parameters": 1},
    {"primitives": FEW, "max_depth": 6, "max_parameters": 2, "max_nesting": {"exponential": 1, "tanh": 1}},
    {"primitives": ("mul", "power", "sin", "cosh"), "max_depth": 4, "max_parameters": 0},
    {"primitives": ("sub", "relu", "gelu", "scale"), "constants": (), "max_depth": 4, "max_parameters": 2},
]


def every_tree(grammar, size, type_=Real):
    """Yield the nodes of every tree of a size, each kind of number once, by the plainest recursion."""
    if size == 1:
        yield from ([leaf] for leaf in leaves(grammar, type_))
    elif type_ is Real:
        for node in grammar.primitives.primitives[Real]:
            for sizes in product(range(1, size), repeat=node.arity):
                if sum(sizes) == size - 1:
                    places = zip(node.args, sizes, strict=True)
                    for parts in product(*([*every_tree(grammar, n, wanted)] for wanted, n in places)):
                        yield [node, *(inner for part in parts for inner in part)]


def leaves(grammar, type_):
    kinds = {"constant": type_ is not Weight and grammar.config.constants}
    kinds["learnable"] = type_ is not Exponent and grammar.config.learnable
    return [
        *(grammar.number(kind, type_) for kind, there in kinds.items() if there),
        *([grammar.primitives.mapping["x"]] if type_ is Real else []),
    ]


def kinds(tree):
    """Return a tree as text with the values of its numbers left out."""
    kinds = {Constant: "constant", Learnable: "learnable"}
    return " ".join(node.name if node.arity else kinds.get(type(node.value), "x") for node in tree)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_counts_are_those_of_all_trees_in_which_algebra_undoes_nothing(settings):
    grammar = Grammar(Options(**settings))
    for size in range(1, 6):
        wanted = {
            kinds(t) for t in map(Tree, every_tree(grammar, size)) if grammar.fits(t) and not grammar.algebra.undone(t)
        }
        assert grammar.counts.trees(size) == len(wanted), size


@pytest.mark.parametrize("settings", [*SETTINGS, {}])
def test_every_drawn_tree_is_of_the_size_asked_within_all_limits_and_with_nothing_undone(settings):
    grammar = Grammar(Options(**settings))
    with seeded(1, 0):
        for size in range(1, 15):
            if grammar.counts.trees(size):
                for _ in range(30):
                    tree = grammar.random_tree(size, size)
                    assert (len(tree), grammar.fits(tree), grammar.algebra.undone(tree)) == (size, True, 0)


def test_shapes_and_then_primitives_are_drawn_evenly():
    """Of five nodes with two unary and one binary primitive: of each shape alike, whatever there is of it."""
    grammar = Grammar(Options(primitives=("aq", "sin", "softplus"), constants=(), learnable=(), max_parameters=0))
    with seeded(2, 0):
        drawn = Counter(tuple(node.arity for node in grammar.random_tree(5, 5)) for _ in range(6000))
    assert len(drawn) == 9  # a Motzkin number
    assert stats.chisquare(list(drawn.values())).pvalue > 1e-4


def test_small_sizes_are_drawn_as_rarely_as_they_are_few():
    grammar = Grammar(Options())
    with seeded(3, 0):
        sizes = Counter(len(grammar.random_tree(2, 8)) for _ in range(3000))
    assert sizes[2] < 10 < sizes[4] < sizes[6]
    assert stats.chisquare([sizes[size] for size in (5, 6, 7, 8)]).pvalue > 1e-4


def test_an_impossible_size_says_so_and_a_grammar_without_the_wanted_sizes_gives_its_largest():
    counts = Counts(algebra(("add", "sin"), constants=False, learnable=False), Limits(1, 0), 6)
    assert [counts.trees(size) for size in range(1, 7)] == [1, 1, 0, 0, 0, 0]
    with pytest.raises(ValueError, match="no tree of 3 nodes"):
        counts.draw(counts.top, 3)
    shallow = Grammar(Options(primitives=("add", "sin"), constants=(), learnable=(), max_parameters=0, max_depth=1))
    assert len(shallow.random_tree(5, 9)) == 2


@pytest.mark.parametrize(
    ("tree", "undone"),
    [
        ('["neg", "neg", "x"]', 3),  # the inner of the outer, and both scale the whole
        ('["tanh", "neg", "x"]', 1),
        ('["sin", "abs", "abs", "x"]', 1),
        ('["cos", "abs", "x"]', 1),
        ('["sin", "max", "x", "x"]', 1),
        ('["sin", "max", "sin", "x", "sin", "x"]', 1),
        ('["sin", "max", "scale", {"learnable": 1.0}, "x", "scale", {"learnable": 1.0}, "x"]', 0),
        ('["sin", "add", {"constant": 1.0}, "sin", {"constant": 2.0}]', 2),
        ('["sin", "scale", {"learnable": 1.0}, "mul", {"constant": 2.0}, "x"]', 1),
        ('["add", "sin", "x", {"constant": 1.0}]', 1),
        ('["relu", "softplus", "x"]', 1),
        ('["softplus", "relu", "x"]', 0),
        ('["add", "sin", "x", "x"]', 0),
    ],
)
def test_what_algebra_undoes_is_found_by_trying(tree, undone):
    grammar = Grammar(Options())
    assert (grammar.algebra.undone(grammar.loads(tree)) > 0) == (undone > 0)


def test_ways_of_writing_that_differ_by_the_order_of_arguments_have_one_key():
    grammar = Grammar(Options(primitives=(*DEFAULT_PRIMITIVES, "div")))
    keys = [
        grammar.algebra.key(grammar.loads(text))
        for text in (
            '["add", "sin", "x", "mul", "x", {"constant": 2.0}]',
            '["add", "mul", {"constant": 2.0}, "x", "sin", "x"]',
            '["div", "sin", "x", "x"]',
            '["div", "x", "sin", "x"]',
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_many_limits_of_nesting_are_kept_though_not_all_are_counted_with():
    names = ("add", "mul", *DEFAULT_PRIMITIVES[9:])
    grammar = Grammar(Options(primitives=names, max_depth=12, max_nesting=dict.fromkeys(names[2:], 1)))
    assert len(grammar.counts.limits.nesting) < len(grammar.limits.nesting)
    with seeded(6, 0):
        trees = [grammar.random_tree(8, 12) for _ in range(50)]
    assert all(grammar.fits(tree) and 8 <= len(tree) <= 12 for tree in trees)


@pytest.mark.parametrize(
    "settings",
    [
        *({"max_complexity": most} for most in range(2, 8)),
        {"primitives": ("scale", "max"), "constants": (), "max_parameters": 1, "max_nesting": {}},
        {"primitives": ("scale", "max"), "constants": (), "max_parameters": 2, "max_nesting": {}},
        {"primitives": ("abs", "max"), "constants": (), "max_parameters": 0, "max_nesting": {}, "max_depth": 2},
        {"primitives": ("neg", "add"), "constants": (), "max_parameters": 0, "max_nesting": {}},
        {"primitives": ("sub", "scale", "power"), "constants": (), "max_parameters": 3},
    ],
)
def test_odd_grammars_draw_and_vary_without_a_fault(settings):
    grammar = Grammar(Options(**settings))
    with seeded(8, 0):
        trees = [grammar.random_tree() for _ in range(200)]
        assert all(grammar.fits(tree) for tree in trees)
        for tree in trees:
            parent = Parent(grammar, tree)
            mutated, crossed = mutate(grammar, parent), crossover(grammar, parent, Parent(grammar, trees[0]))
            assert mutated is None or grammar.fits(mutated[1])
            assert crossed is None or grammar.fits(crossed)
        for size in range(1, grammar.counts.most + 1):
            if grammar.counts.trees(size):
                for _ in range(20):
                    grammar.subtree(grammar.counts.top, size)
