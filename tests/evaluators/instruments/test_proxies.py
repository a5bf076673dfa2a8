from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from evaluators import Classification, Data, Recipe, assess, load_task
from evaluators.instruments.proxies import proxies
from evaluators.tasks.networks import mlp
from primitives import compile_expression, resolve


class Blobs(Classification):
    name = "blobs"
    recipe = Recipe(steps=2)

    def data(self, part):
        generator = torch.Generator().manual_seed(0)
        return Data(torch.randn(40, 3, generator=generator), torch.randint(0, 4, (40,), generator=generator))

    def network(self, activation, gain):
        return mlp([3, 8, 8, 4], activation, gain)


def gradients(task, network, inputs, targets):
    return torch.autograd.grad(task.loss(network(inputs), targets), list(network.parameters()))


def size(tensors):
    return math.sqrt(sum(float(t.double().square().sum()) for t in tensors))


@pytest.mark.parametrize("task", [Blobs(), load_task("digits-vit")], ids=["mlp", "transformer"])
def test_they_equal_plain_gradients_taken_one_example_at_a_time(task):
    expression = resolve("crrelu")
    layer, gain = compile_expression(expression).module, assess(expression).gain
    found = proxies(task, layer, gain, seeds=[5], examples=12)
    torch.manual_seed(5)
    network = task.network(layer, gain)
    rows = torch.randperm(len(task.data("train")), generator=torch.Generator().manual_seed(5))[:12]
    inputs, targets = task.data("train").inputs[rows], task.data("train").targets[rows]
    singles = [size(gradients(task, network, x[None], y[None])) ** 2 for x, y in zip(inputs, targets, strict=True)]
    assert found.fisher_trace == pytest.approx(sum(singles) / 12, rel=1e-5)
    whole = gradients(task, network, inputs, targets)
    assert found.gradient_norm == pytest.approx(size(whole), rel=1e-5)
    linear = [m.weight for m in network.modules() if isinstance(m, nn.Linear)]
    sizes = {id(p): size([g]) for p, g in zip(network.parameters(), whole, strict=True)}
    ratio = math.log(sizes[id(linear[0])] / sizes[id(linear[-1])])
    assert found.gradient_ratio == pytest.approx(ratio, rel=1e-5)


def test_seeds_are_averaged_and_the_global_generator_is_left_alone():
    task, before = Blobs(), torch.get_rng_state()
    both = proxies(task, nn.ReLU, 1.0, seeds=[0, 1])
    singles = [proxies(task, nn.ReLU, 1.0, seeds=[seed]) for seed in (0, 1)]
    assert both.fisher_trace == pytest.approx(sum(p.fisher_trace for p in singles) / 2)
    assert both.gradient_norm == pytest.approx(sum(p.gradient_norm for p in singles) / 2)
    assert torch.equal(before, torch.get_rng_state())


def test_they_are_those_of_what_batch_loads_in_the_recipe_s_precision():
    class Bytes(Blobs):
        def data(self, part):
            data = super().data(part)
            return Data((data.inputs * 40 + 128).clamp(0, 255).to(torch.uint8), data.targets)

        def batch(self, data, rows, generator):
            return (data.inputs[rows].float() - 128) / 40, data.targets[rows]

    class Doubles(Bytes):
        recipe = Recipe(steps=2, precision="float64")

        def data(self, part):
            return Data(*Bytes.batch(self, Bytes.data(self, part), torch.arange(40), None))

        batch = Blobs.batch

    one, other = (proxies(task, nn.Tanh, 1.0, [0]) for task in (Bytes(), Doubles()))
    assert dataclasses.astuple(one) == pytest.approx(dataclasses.astuple(other), rel=1e-5)
