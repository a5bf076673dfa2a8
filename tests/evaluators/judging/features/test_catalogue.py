from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from evaluators import assess
from evaluators.judging.features.catalogue import FEATURES, described, kept, table
from evaluators.judging.features.feature import Feature, Subject
from evaluators.judging.looks import GRID, Looks
from primitives import ActsearchError, all_primitives, compile_expression, library, resolve
from search.campaign.loop import seeded
from search.space.forest import look
from search.space.grammar import Grammar
from search.space.options import Grammar as Options

DEFAULT = Grammar(Options())
FULL = Grammar(Options(primitives=tuple(p.name for p in all_primitives()), max_parameters=3))
OFTEN = {"correlation_point": 1e-3, "lipschitz": 3e-2, "non_monotone": 1.5e-2, "chi1": 2e-2, "parameter_effect": 1e-2}
"""How near the estimate of a feature is to the authority for nearly all functions, on the feature's own scale."""
ELSE = 3e-3
OLD = ("cost", "complexity", "prior", "correction", "gain")


def looks_of(names):
    """Return library functions as arrays, by their formulas."""
    x = torch.from_numpy(GRID)
    values, slopes, by, owners = [], [], [], []
    for row, name in enumerate(names):
        compiled = compile_expression(resolve(name))
        slope, *others = (s.expand_as(x).numpy() for s in compiled.slopes(x, *compiled.initial))
        values.append(compiled.at(GRID))
        slopes.append(slope)
        by += others
        owners += [row] * len(others)
    facts = [assess(resolve(name)).facts for name in names]
    sizes = (np.array([fact[name] for fact in facts], dtype=float) for name in ("cost", "complexity"))
    return Looks(np.stack(values), np.stack(slopes), np.stack(by), np.array(owners), *sizes)


def new():
    return [feature for feature in FEATURES.values() if FEATURES.is_ours(feature.name) and not feature.kept]


@functools.cache
def random_looks(kind, count=60):
    """Return random trees as arrays, and their formulas where those pass the screen."""
    grammar = {"default": DEFAULT, "full": FULL}[kind]
    with seeded(11, 0):
        trees = [grammar.random_tree(2, 12) for _ in range(count)]
    ((_, looked),) = look(trees)
    found = {}
    for row in np.flatnonzero(looked.looks.sound):
        expression = grammar.expression(trees[row])
        if expression is not None and not assess(expression).rejection:
            found[int(row)] = Subject(expression)
    return looked.looks, found


def differences(looks, subjects):
    quick = described(looks)
    for feature in new():
        rows = list(subjects)
        exact = feature.scaled(np.array([float(feature.value(subjects[row])) for row in rows]))
        yield feature.name, np.abs(feature.scaled(quick[feature.name][rows]) - exact)


def test_the_five_come_first_and_are_all_that_a_candidate_keeps():
    assert tuple(FEATURES)[:5] == tuple(kept()) == OLD
    assert tuple(assess(resolve("relu")).facts) == OLD
    assert {feature.name for feature in FEATURES.values() if feature.predicts} == {"prior", "correction"}
    assert not any(feature.shown for feature in new())


def test_every_feature_has_both_forms():
    assert all(feature.quick for feature in FEATURES.values())


def test_the_two_forms_agree_on_the_library():
    names = [
        name
        for name in library()
        if not assess(resolve(name)).rejection and name not in ("siren", "finer", "hardshrink")
    ]
    looks = looks_of(names)
    assert looks.sound.all()
    for name, apart in differences(looks, {row: Subject(resolve(n)) for row, n in enumerate(names)}):
        often = OFTEN.get(name, ELSE)
        assert np.quantile(apart, 0.9) <= often / 5, name
        assert np.quantile(apart, 0.97) <= often, name
        assert apart.max() <= 0.2, (name, names[int(apart.argmax())])


@pytest.mark.parametrize("kind", ["default", "full"])
def test_the_two_forms_agree_on_random_trees(kind):
    looks, subjects = random_looks(kind)
    assert len(subjects) > 15
    for name, apart in differences(looks, subjects):
        share = 0.95 if kind == "default" else 0.75  # the full grammar has jumps and poles
        assert np.quantile(apart, share) <= OFTEN.get(name, ELSE), name


@pytest.mark.parametrize("kind", ["default", "full"])
def test_all_are_finite_where_the_screen_lets_pass_and_the_table_everywhere(kind):
    looks, _ = random_looks(kind)
    for name, values in described(looks).items():
        assert values.shape == (len(looks),)
        assert np.isfinite(values).all(), name
    names, matrix = table(looks)
    assert names == tuple(FEATURES)
    assert matrix.shape == (len(looks), len(names))
    assert matrix.dtype == np.float64
    assert np.isfinite(matrix).all()
    assert np.abs(matrix).max() < 50, "nothing has a long tail"


def test_the_table_says_of_some_what_it_says_of_all():
    looks, _ = random_looks("full")
    rows = np.array([40, 3, 17])
    np.testing.assert_allclose(table(looks[rows])[1], table(looks)[1][rows], rtol=1e-9, atol=1e-9)


def test_the_table_of_what_no_network_should_see_is_finite():
    looks = Looks(
        np.stack([np.full(len(GRID), np.nan), GRID + 1, np.full(len(GRID), np.inf), 1e38 * np.tanh(GRID)]),
        np.stack([np.full(len(GRID), np.nan), np.ones(len(GRID)), np.zeros(len(GRID)), np.full(len(GRID), 1e38)]),
        np.full((1, len(GRID)), np.inf),
        np.array([2]),
        np.zeros(4),
        np.full(4, 3.0),
    )
    assert np.isfinite(table(looks)[1]).all()


def test_a_feature_of_ones_own_is_in_the_table_and_is_kept_unless_it_says_not():
    own = Feature("slant", "1", "", lambda s: float(s.samples.slopes[0]), quick=lambda looks: looks.rows.slopes[:, 0])
    bare = Feature("bare", "1", "", lambda s: 1 / 0, kept=False)
    FEATURES.register("slant", own)
    FEATURES.register("bare", bare)
    try:
        looks, _ = random_looks("default")
        names, matrix = table(looks)
        assert names[-1] == "slant"
        np.testing.assert_allclose(matrix[:, -1], looks.rows.slopes[:, 0])
        assert "bare" not in names
        facts = assess(resolve("relu")).facts
        assert "slant" in facts
        assert "bare" not in facts
    finally:
        FEATURES.unregister("slant")
        FEATURES.unregister("bare")


def test_what_a_campaign_may_choose_by_must_be_kept():
    with pytest.raises(ActsearchError, match="feature 'mine' predicts, so it must be kept as well"):
        Feature("mine", "1", "", lambda s: 1.0, predicts=True, kept=False)


def test_the_scales_are_as_is_the_logarithm_and_asinh():
    values = np.array([0.0, 1.0, 1e30])
    plain, log, asinh = (
        Feature("mine", "1", "", lambda s: 1.0, scale=scale).scaled(values) for scale in ("linear", "log", "asinh")
    )
    np.testing.assert_array_equal(plain, values)
    np.testing.assert_allclose(log, np.log([1e-6, 1.0, 1e12]))
    np.testing.assert_allclose(asinh, np.arcsinh(values))
