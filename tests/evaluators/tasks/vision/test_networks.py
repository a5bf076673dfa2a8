from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from evaluators.instruments.swapping.known import known_module
from evaluators.tasks.vision.catalogue import VISION

COUNTS = {
    "cifar10-vit-tiny": (5.40e6, 12),
    "cifar10-deit-tiny": (5.37e6, 12),
    "cifar10-tnt-small": (21.53e6, 24),
    "cifar10-convnext-tiny": (27.8e6, 18),
    "imagenet-vit-tiny": (5.75e6, 12),
    "imagenet-deit-tiny": (5.91e6, 12),
    "cifar10-resnet56-v1": (0.85e6, 55),
    "cifar10-resnet56-v2": (0.86e6, 55),
    "cifar10-all-cnn-c": (1_369_738, 9),
    "cifar10-wrn-10-4": (1.20e6, 7),
}
CONVOLUTIONAL = ["cifar100-resnet56-v1", "cifar100-resnet56-v2", "cifar100-wrn-10-4", "cifar100-all-cnn-c"]


class Marked(nn.Module):
    """An activation that is no other's class."""

    def forward(self, x):
        return torch.relu(x)


def build(name, activation=Marked, gain=1.0):
    pytest.importorskip("timm")
    torch.manual_seed(0)
    return VISION[name].build(activation, gain)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_as_many_as_published_and_no_other_activation_is_left(name):
    network = build(name)
    published, places = COUNTS[name]
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(published, rel=0.006)
    assert sum(isinstance(module, Marked) for module in network.modules()) == places
    left = [module for module in network.modules() if known_module(module)]
    assert [type(module) for module in left] == ([nn.Tanh] if "-vit-" in name else [])


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_a_convolutional_network_calls_every_activation_and_answers_logits(name):
    network, called = build(name), []
    for module in network.modules():
        if isinstance(module, Marked):
            module.register_forward_hook(lambda module, *_: called.append(module))
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 100)
    assert len(called) == len(set(called)) == sum(isinstance(m, Marked) for m in network.modules())


@pytest.mark.parametrize("name", ["cifar10-vit-tiny-controlled", "cifar10-tnt-small-controlled", *CONVOLUTIONAL])
def test_the_gain_doubles_the_weights_after_an_activation_and_no_other(name):
    one, two = (dict(build(name, gain=gain).named_parameters()) for gain in (1.0, 2.0))
    doubled = {key for key in one if not torch.equal(one[key], two[key])}
    assert doubled
    assert all(torch.equal(2 * one[key], two[key]) for key in doubled)
    if name.endswith("controlled"):
        assert {key.rpartition(".mlp")[2] for key in doubled} <= {".fc2.weight", "_in.fc2.weight"}


@pytest.mark.parametrize("name", ["cifar10-vit-tiny", "cifar10-convnext-tiny"])
def test_the_published_initialisation_has_no_use_for_the_gain_nor_for_the_activation(name):
    one, two = build(name, nn.ReLU, 1.0), build(name, nn.Tanh, 2.0)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not VISION[name].scale_controlled


@pytest.mark.parametrize("name", ["cifar10-vit-tiny", "cifar10-tnt-small", "cifar10-convnext-tiny"])
def test_pre_activations_are_tiny_as_published_and_of_unit_variance_when_controlled(name):
    """The published form starts at about 0.02 sqrt(width), in ViT 0.01 sqrt(width)."""
    images = torch.randn(4, 3, 32, 32)
    small, controlled = (pre_activation(build(f"{name}{suffix}"), images) for suffix in ("", "-controlled"))
    assert small < 0.45
    assert controlled == pytest.approx(1.0, abs=0.25)


def pre_activation(network, images):
    """Return the root mean square of what reaches the first activation."""
    seen = []
    first = next(module for module in network.modules() if isinstance(module, Marked))
    first.register_forward_hook(lambda module, inputs, _: seen.append(inputs[0]))
    with torch.no_grad():
        network.eval()(images)
    return math.sqrt(seen[0].square().mean())


def test_the_published_recipe_is_that_of_the_authors_logs():
    recipe = VISION["cifar10-vit-tiny"].recipe
    assert (recipe.steps, recipe.batch_size, recipe.clip, recipe.weight_decay) == (4900, 1024, 1.0, 0.05)
    assert recipe.warmup * recipe.steps == 20 * 49
    assert recipe.first_rate * recipe.learning_rate == pytest.approx(1e-6)
    assert recipe.last_rate * recipe.learning_rate == pytest.approx(1e-5)
    assert VISION["cifar10-vit-tiny-300"].recipe.steps == 3 * 4900
