from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from evaluators.instruments.collect import PreActivations
from primitives import ActsearchError


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 60), nn.GELU(), nn.Linear(60, 50), nn.Tanh(), nn.Linear(50, 2), nn.GELU())


def test_every_site_of_a_kind_sees_exactly_what_arrives_there():
    net, x = network(), torch.randn(60, 4)
    with PreActivations(net, nn.GELU, nn.Tanh) as seen:
        net(x)
    first = net[0](x)
    assert seen.sites == ("1", "3", "5")
    np.testing.assert_array_equal(np.sort(seen.samples()["1"]), np.sort(first.detach().double().numpy().ravel()))
    density = seen.densities()["1"]
    assert density.centre == pytest.approx(np.median(first.detach().numpy()), rel=1e-5)
    quartiles = np.percentile(first.detach().double().numpy(), [25, 75])
    assert density.scale == pytest.approx(np.diff(quartiles)[0] / 1.349, rel=1e-5)


def test_watching_ends_with_the_block_and_changes_nothing():
    net, x = network(), torch.randn(80, 4)
    plain = net(x)
    with PreActivations(net, nn.GELU) as seen:
        torch.testing.assert_close(net(x), plain, rtol=0, atol=0)
    count = len(seen.samples()["1"])
    net(x)
    assert len(seen.samples()["1"]) == count == 4096


def test_during_training_the_density_follows_the_network():
    net = network()
    with PreActivations(net, nn.GELU) as seen, torch.no_grad():
        for shift in (0.0, 5.0):
            net[0].bias.fill_(shift)
            for _ in range(16):
                net(torch.randn(80, 4))
    assert seen.densities()["1"].centre == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize(("spoil", "message"), [("nan", "not finite"), ("constant", "one value"), ("few", "100")])
def test_a_site_whose_density_cannot_be_told_says_which_and_why(spoil, message):
    layer = nn.Sequential(nn.GELU())
    values = {"nan": torch.full((200,), float("nan")), "constant": torch.ones(200), "few": torch.randn(50)}[spoil]
    with PreActivations(layer, nn.GELU) as seen:
        layer(values)
    with pytest.raises(ActsearchError, match=f"'0'.*{message}"):
        seen.densities()


def test_a_network_without_such_layers_is_refused():
    with pytest.raises(ActsearchError, match="no activation layer of the kind asked for \\(ReLU\\)"):
        PreActivations(network(), nn.ReLU)


class Named(nn.Module):
    """Calls its activation by keyword, and a second one without any input."""

    def __init__(self):
        super().__init__()
        self.act, self.none = nn.GELU(), Silent()

    def forward(self, x):
        self.none()
        return self.act(input=x)


class Silent(nn.GELU):
    def forward(self):
        return None


def test_inputs_given_by_name_are_seen_too():
    net = Named()
    with PreActivations(net, nn.GELU) as seen:
        net(torch.randn(200))
    assert list(seen.samples()) == ["act"]
    assert len(seen.samples()["act"]) == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((nn.GELU(), "GELU"), "must be a class such as nn.GELU, not 'GELU'"),
        ((nn.GELU(), nn.GELU()), "must be a class such as nn.GELU"),
        ((3, nn.GELU), "network must be an nn.Module, not 3"),
        ((nn.GELU(),), "no kind given"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(ActsearchError, match=message):
        PreActivations(*arguments)
