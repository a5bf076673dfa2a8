from __future__ import annotations

import pytest
import torch
from torch import nn

from primitives import activation_parameters, compile_expression, parameter_groups, resolve


@pytest.fixture
def network():
    layer = compile_expression(resolve("xielu")).module
    return nn.Sequential(
        nn.Linear(3, 4), layer(), nn.LayerNorm(4), layer(num_parameters=4), nn.PReLU(), nn.Linear(4, 2)
    )


def test_weight_decay_moves_weights_and_leaves_activation_constants(network):
    before = [p.detach().clone() for p in activation_parameters(network)]
    weights = network[0].weight.detach().clone()
    optimiser = torch.optim.AdamW(parameter_groups(network, 0.5), lr=0.1)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    torch.testing.assert_close(activation_parameters(network), before)
    assert not torch.equal(network[0].weight, weights)


def test_every_trained_parameter_is_in_exactly_one_group(network):
    network[0].bias.requires_grad_(False)
    for vectors in (True, False):
        groups = parameter_groups(network, 0.1, decay_vectors=vectors, lr=0.5)
        grouped = [id(p) for group in groups for p in group["params"]]
        assert sorted(grouped) == sorted(id(p) for p in network.parameters() if p.requires_grad)
        assert groups[-1]["lr"] == 0.5
        assert groups[-1]["weight_decay"] == 0.0
        decayed = [p for group in groups if group["weight_decay"] for p in group["params"]]
        assert all(p.dim() > 1 for p in decayed) != vectors


def test_the_constants_decay_by_what_is_asked_for_them(network):
    groups = parameter_groups(network, 0.1, activation_decay=0.2)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.2]
    assert [id(p) for p in groups[-1]["params"]] == [id(p) for p in activation_parameters(network)]


def test_a_layer_shared_by_two_places_counts_once():
    layer = compile_expression(resolve("crrelu")).module()
    assert len(activation_parameters(nn.Sequential(layer, nn.Sequential(layer)))) == 1


def test_a_network_without_learnable_activations_has_no_group_for_them():
    assert len(parameter_groups(nn.Linear(2, 2))) == 1
