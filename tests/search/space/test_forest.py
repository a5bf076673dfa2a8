from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators import assess
from evaluators.judging.features.catalogue import described
from evaluators.judging.looks import GRID, Looks
from primitives import all_primitives, compile_expression, fingerprint, parse
from search.campaign.loop import seeded
from search.space.forest import look, values
from search.space.grammar import Grammar
from search.space.options import Grammar as Options

FULL = Grammar(Options(primitives=tuple(p.name for p in all_primitives()), max_parameters=3))
DEFAULT = Grammar(Options())


def looked_at(trees):
    """Return what is said of trees that are few."""
    ((_, looked),) = look(trees)
    return looked


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.sampled_from([DEFAULT, FULL]), st.integers(0, 10**6))
def test_values_slopes_and_parameter_slopes_are_those_of_the_formula(grammar, seed):
    with seeded(seed, 0):
        trees = [grammar.random_tree(2, 12) for _ in range(8)]
    looked = looked_at(trees)
    for row, tree in enumerate(trees):
        expression = grammar.expression(tree)
        if expression is None or not looked.looks.sound[row] or assess(expression).rejection:
            continue
        compiled, x = compile_expression(expression), torch.from_numpy(GRID)
        inside = np.abs(GRID) < 8  # beyond -8.3 torch's gelu is 0, and its sign with it; numpy's is not
        np.testing.assert_allclose(looked.looks.values[row][inside], compiled.at(GRID)[inside], rtol=1e-6, atol=1e-9)
        slope, *by = (s.expand_as(x).numpy()[inside] for s in compiled.slopes(x, *compiled.initial))
        away = np.abs(GRID[inside]) > 1e-6  # at a kink the two may take different sides
        np.testing.assert_allclose(looked.looks.slopes[row][inside][away], slope[away], rtol=1e-5, atol=1e-7)
        mine = looked.looks.parameter_slopes[looked.looks.owners == row][:, inside]
        assert len(mine) == len(by) == looked.parameters[row]
        for one, other in zip(sorted(mine.tolist()), sorted(s.tolist() for s in by), strict=True):
            np.testing.assert_allclose(np.array(one)[away], np.array(other)[away], rtol=1e-5, atol=1e-7)
        if np.allclose(looked.looks.values[row], compiled.at(GRID), rtol=1e-9):  # a print reaches further out
            np.testing.assert_allclose(looked.prints[row], fingerprint(expression, absorbed=True), atol=1e-6)


@pytest.mark.parametrize("grammar", [DEFAULT, FULL], ids=["default", "full"])
def test_the_verdicts_and_features_of_random_trees_are_those_of_the_authority(grammar):
    """A small part of the study whose table is committed; see ``search/studies/agreement.py``."""
    from search.studies.agreement import part

    found = part(("default" if grammar is DEFAULT else "full", 99, 150))
    alike = sum(count for (one, other), count in found.verdicts.items() if one == other)
    assert alike >= (0.95 if grammar is DEFAULT else 0.75) * found.verdicts.total()
    liked = sum(count for (one, _), count in found.verdicts.items() if one == "sound")
    assert found.verdicts["sound", "sound"] >= (0.98 if grammar is DEFAULT else 0.85) * liked
    assert max(found.apart) < 1e-6
    room = 0 if grammar is DEFAULT else 0.15  # jumps and poles
    for name, low in {"prior": 0.95, "gain": 0.99, "correction": 0.9, "chi1": 0.95, "cost": 0.9}.items():
        quick, authority = np.array(found.features[name]).T
        assert np.corrcoef(np.argsort(np.argsort(quick)), np.argsort(np.argsort(authority)))[0, 1] > low - room, name


def test_a_tree_by_cases_is_looked_at_like_its_formula():
    grammar = Grammar(Options(primitives=("add", "mul", "tanh", "where")))
    tree = grammar.loads('["where", "x", "tanh", "x", "mul", "x", "x"]')
    ((_, looked),) = look([tree])
    x = GRID
    np.testing.assert_allclose(looked.looks.values[0], np.where(x > 0, np.tanh(x), x * x))
    assert looked.looks.costs[0] > 0


def test_a_tree_that_overflows_is_a_verdict_and_no_warning():
    grammar = Grammar(Options(primitives=("add", "mul", "div", "exp", "square", "log"), max_nesting={}))
    texts = ['["exp", "exp", "x"]', '["square"' + ', "square"' * 5 + ', "x"]', '["div", "x", "x"]', '["log", "x"]']
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        looks = looked_at([grammar.loads(text) for text in texts]).looks
        assert [looks.reason(row) for row in range(4)] == ["it is not finite"] * 4
        assert all(np.isfinite(found).all() for found in described(looks).values())


def test_equal_subtrees_of_a_batch_are_evaluated_once(monkeypatch):
    from search.space import forest

    trees = [DEFAULT.loads(f'["{name}", "tanh", "sin", "x"]') for name in ("relu", "elu", "gelu", "silu")] * 3
    calls, real = [], forest.numeric

    def counted(primitive):
        calls.append(primitive.name)
        return real(primitive)

    monkeypatch.setattr(forest, "numeric", counted)
    looked_at(trees)
    assert sorted(calls) == sorted(["sin", "tanh", "relu", "elu", "gelu", "silu"])


def test_a_batch_says_of_each_tree_what_it_says_of_it_alone():
    with seeded(4, 0):
        trees = [FULL.random_tree(2, 10) for _ in range(270)]
    together = [(looked, row) for places, looked in look(trees) for row in range(len(places))]
    for tree, (looked, row) in list(zip(trees, together, strict=True))[::30]:
        alone = looked_at([tree])
        np.testing.assert_allclose(alone.prints[0], looked.prints[row], rtol=1e-9, atol=1e-12)
        assert alone.looks.reason(0) == looked.looks.reason(row)
        if alone.looks.sound[0]:
            for name, found in described(alone.looks).items():
                assert found[0] == pytest.approx(described(looked.looks)[name][row], rel=1e-9, abs=1e-12), name


def test_some_of_the_looks_are_what_all_of_them_say():
    with seeded(5, 0):
        trees = [DEFAULT.random_tree(2, 10) for _ in range(40)]
    looks = looked_at(trees).looks
    rows = np.array([7, 3, 30])
    some: Looks = looks[rows]
    np.testing.assert_array_equal(some.sound, looks.sound[rows])
    np.testing.assert_allclose(some.entropy, looks.entropy[rows])


def test_values_alone_are_those_of_the_look_and_none_of_no_trees():
    with seeded(6, 0):
        trees = [DEFAULT.random_tree(2, 10) for _ in range(20)]
    np.testing.assert_allclose(values(trees, GRID), looked_at(trees).looks.values, rtol=1e-12)
    assert values([], GRID).shape == (0, len(GRID))


def test_estimates_of_cost_and_complexity_are_exact_for_one_primitive():
    for name in ("relu", "tanh", "gelu", "square", "aq"):
        grammar = Grammar(Options(primitives=("add", "sin", name)))
        two = '"x", "sin", "x"' if name == "aq" else '"x"'
        tree = grammar.loads(f'["{name}", {two}]')
        assessment, looks = assess(grammar.expression(tree)), looked_at([tree]).looks
        assert looks.complexities[0] == assessment.facts["complexity"]
        if name != "aq":
            assert looks.costs[0] == pytest.approx(assess(parse(f"{name}(x)")).facts["cost"] if name != "square" else 2)


@pytest.mark.parametrize("text", ["x*tanh(exp(x))", "x*erf(exp(x))", "sigmoid(exp(x))"])
def test_a_slope_that_overflows_within_a_function_that_is_flat_there_is_no_overflow(text):
    grammar = Grammar(Options(primitives=("mul", "tanh", "erf", "sigmoid", "exp")))
    ((_, looked),) = look([grammar.tree(parse(text))])
    assert looked.looks.reason(0) is None
    assert assess(parse(text)).rejection is None
