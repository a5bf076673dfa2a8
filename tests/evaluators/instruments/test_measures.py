from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from evaluators import Classification, Data, Recipe, Task, load_task
from evaluators.instruments.measures import measure, sites
from evaluators.tasks.networks import mlp
from evaluators.theory.density import parse_density
from primitives import ActsearchError, parse, resolve


def test_the_measures_under_the_standard_normal_are_those_of_an_assessment():
    from evaluators import assess

    found, judged = measure(resolve("gelu"), parse_density("normal")), assess(resolve("gelu"))
    assert (found.entropy, found.correction) == (judged.facts["prior"], judged.facts["correction"])
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


BYTES = torch.randint(0, 256, (300, 3, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


class Bytes(Classification):
    """Bytes in memory, normalised in ``batch``."""

    name, recipe = "bytes", Recipe(steps=20, batch_size=16)

    def data(self, part):
        return Data(BYTES, (BYTES.float().mean((1, 2, 3)) > 127.5).long())

    def batch(self, data, rows, generator):
        return data.inputs[rows].float() / 127.5 - 1, data.targets[rows]

    def network(self, activation, gain):
        return nn.Sequential(nn.Flatten(), mlp([48, 16, 16, 2], activation, gain))


class Floats(Bytes):
    """The same, floating-point numbers from 0 to 255."""

    def data(self, part):
        return Data(BYTES.float(), super().data(part).targets)


class Doubles(Bytes):
    """The same, normalised in ``data``, in the type that numpy hands over."""

    def data(self, part):
        return Data(BYTES.double() / 127.5 - 1, super().data(part).targets)

    batch = Task.batch


class Recipes(Doubles):
    """The same in the precision that a test puts in."""


def seen(task, steps=0):
    found = [measure(site.expression, site.density) for site in sites(resolve("tanh"), task, steps)]
    return [(one.input_mean, one.input_deviation) for one in found]


@pytest.mark.parametrize("task", [Floats, Doubles])
@pytest.mark.parametrize("steps", [0, 5])
def test_a_layer_sees_what_batch_loads_however_the_data_lie_in_memory(task, steps):
    assert seen(task(), steps) == [pytest.approx(each, rel=1e-5, abs=1e-6) for each in seen(Bytes(), steps)]


@pytest.mark.parametrize(("precision", "room"), [("float64", 1e-5), ("bfloat16", 0.02)])
def test_the_precision_is_the_recipe_s(precision, room):
    task = Recipes()
    task.recipe = Recipe(steps=20, batch_size=16, precision=precision)
    kinds = set()
    original = task.network

    def network(activation, gain):
        made = original(activation, gain)
        made.register_forward_hook(lambda module, inputs, output: kinds.add((inputs[0].dtype, output.dtype)))
        return made

    task.network = network
    assert seen(task) == [pytest.approx(each, rel=room, abs=room) for each in seen(Doubles())]
    kind = torch.float64 if precision == "float64" else torch.float32
    assert kinds == {(kind, torch.bfloat16 if precision == "bfloat16" else kind)}


def test_a_norm_that_has_seen_no_batch_standardises_by_this_one_as_it_will_in_training():
    class Normed(Doubles):
        def network(self, activation, gain):
            return nn.Sequential(nn.Flatten(), nn.Linear(48, 16), nn.BatchNorm1d(16), activation(), nn.Linear(16, 2))

    ((mean, scale),) = seen(Normed())
    assert (mean, scale) == (pytest.approx(0.0, abs=0.05), pytest.approx(1.0, abs=0.05))
