from __future__ import annotations

import math

import pytest

from evaluators import load_task
from evaluators.density import parse_density
from evaluators.measures import measure, sites
from primitives import ActsearchError, parse, resolve


def test_the_measures_under_the_standard_normal_are_those_of_an_assessment():
    from evaluators import assess

    found, judged = measure(resolve("gelu"), parse_density("normal")), assess(resolve("gelu"))
    assert (found.entropy, found.correction) == (judged.prior, judged.correction)
    assert found.limit < found.entropy
    assert measure(resolve("relu"), parse_density("normal")).raw_entropy == -math.inf


def test_a_small_input_makes_a_smooth_function_straight_and_leaves_a_kink_as_it_is():
    wide, narrow = parse_density("normal"), parse_density("normal(0, 0.139)")
    assert measure(resolve("gelu"), narrow).entropy > measure(resolve("gelu"), wide).entropy + 0.3
    relu = [measure(resolve("relu"), density).entropy for density in (wide, narrow)]
    assert relu[0] == pytest.approx(relu[1], abs=1e-6)


def test_every_layer_of_a_gain_corrected_network_sees_about_a_standard_normal_at_initialisation():
    found = sites(resolve("crrelu"), load_task("digits-vit"))
    assert [site.name for site in found] == ["blocks.0.mlp.1", "blocks.1.mlp.1"]
    for site in found:
        assert site.density.scale == pytest.approx(1.0, abs=0.25)
        assert site.expression == resolve("crrelu")
        under, normal = measure(site.expression, site.density), measure(resolve("crrelu"), parse_density("normal"))
        assert under.entropy == pytest.approx(normal.entropy, abs=0.15)
        assert under.entropy != normal.entropy


def test_after_some_training_each_layer_has_its_own_density_and_its_own_constants():
    before = sites(resolve("crrelu"), load_task("mnist1d-mlp"), seed=1)
    after = sites(resolve("crrelu"), load_task("mnist1d-mlp"), steps=40, seed=1)
    for early, late in zip(before, after, strict=True):
        assert early.density.scale != late.density.scale
        assert late.expression.body == early.expression.body
        assert late.expression.parameters != early.expression.parameters
    assert after[0].expression.parameters != after[1].expression.parameters


def test_a_training_that_diverges_is_told():
    with pytest.raises(ActsearchError, match="training diverged"):
        sites(parse("exp(2*x)"), load_task("mnist1d-mlp"), steps=60)
