from __future__ import annotations

import copy
import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from evaluators import Classification, Data, Recipe
from evaluators.cohort.trainer import why_not_stacked
from evaluators.swapping.swap import swap
from evaluators.train import pick_device
from primitives import ActsearchError, compile_expression, resolve


class Calls(nn.Module):
    """Functional activations of every shape in one traceable forward."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.unused = nn.Linear(3, 8), nn.Linear(8, 2), nn.Linear(1, 1)
        self.act, self.scale = F.gelu, 0.5

    def forward(self, input, mask=None):  # noqa: A002
        h = F.dropout(F.relu(self.first(input)), self.scale, training=self.training)
        if mask is not None:
            h = h * mask
        h = torch.relu(h) + h.relu() + F.relu(h, inplace=False)
        F.relu_(h)
        return self.second(self.act(h))


class Written(Calls):
    """The same with another function written by hand in the places of ReLU and GELU."""

    def forward(self, input, mask=None):  # noqa: A002
        h = F.dropout(torch.tanh(self.first(input)), self.scale, training=self.training)
        h = torch.tanh(h) + torch.tanh(h) + torch.tanh(h)
        return self.second(torch.tanh(torch.tanh(h)))


def built(kind, *arguments):
    torch.manual_seed(0)
    return kind(*arguments)


def vit(**arguments):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", img_size=16, patch_size=4, depth=2, num_classes=5, **arguments)


def test_gelu_for_gelu_leaves_the_outputs_bit_equal():
    x = torch.randn(2, 3, 16, 16)
    network, same = vit(), vit()
    assert swap(same, nn.GELU, nn.GELU).modules == ("blocks.0.mlp.act", "blocks.1.mlp.act")
    assert torch.equal(network(x), same(x))


def test_a_swapped_network_equals_one_built_with_the_new_activation():
    x = torch.randn(2, 3, 16, 16)
    wanted, swapped = vit(act_layer=nn.ReLU), vit()
    done = swap(swapped, nn.GELU, nn.ReLU)
    assert done.network is swapped
    assert torch.equal(wanted(x), swapped(x))
    assert wanted.state_dict().keys() == swapped.state_dict().keys()


@pytest.mark.parametrize("training", [True, False])
def test_functions_methods_and_attributes_are_replaced_too_and_dropout_keeps_its_mode(training):
    wanted, network = built(Written).train(training), built(Calls).train(training)
    done = swap(network, (nn.ReLU, nn.GELU), nn.Tanh)
    assert [function for _, function in done.calls] == ["relu", "relu", "Tensor.relu", "relu", "relu_"]
    assert done.attributes == ("act",)
    assert done.untraced == ()
    x = torch.randn(64, 3)
    for mode in (training, not training):
        wanted.train(mode), network.train(mode)
        torch.manual_seed(1)
        expected = wanted(x)
        torch.manual_seed(1)
        assert torch.equal(expected, network(input=x))
    assert wanted.state_dict().keys() == network.state_dict().keys()
    assert isinstance(network, Calls)
    assert torch.equal(copy.deepcopy(network).eval()(x), network.eval()(x))


def test_an_optional_argument_of_a_swapped_forward_stays_at_its_default():
    network = built(Calls)
    swap(network, nn.ReLU, nn.Tanh)
    with pytest.raises(ActsearchError, match="swapped for mask=None"):
        network(torch.ones(1, 3), mask=torch.ones(8))


class Swapping(Classification):
    """A task whose network is traced for its functional calls."""

    name, recipe = "swapping", Recipe(steps=4, batch_size=4)

    def data(self, part):
        return Data(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2)

    def network(self, activation, gain):
        return swap(Calls(), nn.ReLU, activation).network


def test_a_network_with_a_traced_forward_stacks_compiles_and_exports():
    assert why_not_stacked(Swapping(), pick_device("cpu")) is None
    network, x = built(Calls).eval(), torch.randn(4, 3)
    swap(network, nn.ReLU, compile_expression(resolve("crrelu")).module)
    expected = network(x)
    torch.testing.assert_close(torch.compile(network, backend="eager", fullgraph=True)(x), expected)
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), expected)


def test_a_swapped_network_can_be_swapped_again():
    network = built(Calls)
    swap(network, nn.ReLU, nn.Tanh)
    assert swap(network, nn.GELU, nn.Tanh).calls == (("activation_6", "gelu"),)
    assert len(swap(network, nn.Tanh, nn.SiLU).modules) == 6


def test_calls_are_left_alone_when_they_are_not_asked_for():
    network = built(Calls)
    done = swap(network, nn.GELU, nn.Tanh, functional=False)
    assert (done.calls, done.count, type(network)) == ((), 1, Calls)


class Branching(nn.Module):
    def forward(self, x):
        return F.relu(x) if x.sum() > 0 else x


class Asking(nn.Module):
    def forward(self, x):
        return F.relu(x) if isinstance(x, torch.Tensor) else x


class Baking(nn.Module):
    def forward(self, x):
        return F.relu(x) + torch.rand(1)


class Dicing(nn.Module):
    def forward(self, x):
        return F.relu(x) * random.random()


class Moody(nn.Module):
    def forward(self, x):
        return F.relu(x) if self.training else x


class Keeping(nn.Module):
    last = None

    def forward(self, x):
        self.last = F.relu(x)
        return self.last


class Open(nn.Module):
    def forward(self, *x):
        return F.relu(x[0])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Branching, "control flow"),
        (Asking, "isinstance"),
        (Baking, "depends on no input"),
        (Dicing, "training"),
        (Moody, "training"),
        (Keeping, "keeps last from one call to the next"),
        (Open, "any number of arguments"),
    ],
)
def test_what_cannot_be_traced_is_reported_and_left_as_it_was(kind, reason):
    network = nn.Sequential(kind(), nn.ReLU())
    done = swap(network, nn.ReLU, nn.Tanh)
    assert done.modules == ("1",)
    ((name, told),) = done.untraced
    assert name == "0"
    assert reason in told
    assert type(network[0]) is kind
    assert vars(network[0]).keys() == vars(kind()).keys()


def test_a_shared_instance_gives_a_fresh_one_for_each_name_and_a_shared_parent_one():
    shared, block = nn.ReLU(), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    network = nn.ModuleList([nn.Sequential(shared, shared), block, block])
    assert swap(network, nn.ReLU, nn.PReLU).modules == ("0.0", "0.1", "1.1")
    assert network[0][0] is not network[0][1]
    assert network[1] is network[2]


def test_classes_match_exactly_in_torch_timm_and_transformers():
    timm = pytest.importorskip("timm.layers")
    hf = pytest.importorskip("transformers.activations")

    class Mine(nn.GELU):
        pass

    kinds = [nn.GELU(), nn.GELU("tanh"), timm.GELU(), timm.GELUTanh(), hf.NewGELUActivation(), hf.GELUActivation()]
    others = [timm.QuickGELU(), hf.QuickGELUActivation(), Mine(), nn.SiLU()]
    network = nn.Sequential(*kinds, *others)
    assert len(swap(network, nn.GELU, nn.Identity).modules) == len(kinds)
    assert swap(network, timm.QuickGELU, nn.Identity).modules == ("6", "7")
    assert swap(network, Mine, nn.Identity).modules == ("8",)
    assert swap(network, "all", nn.Identity).modules == ("9",)


def test_new_modules_follow_mode_type_and_device_of_their_surroundings():
    network = nn.Sequential(nn.Linear(2, 2), nn.GELU(), built(Calls)).double().eval()
    swap(network, (nn.GELU, nn.ReLU), compile_expression(resolve("crrelu")).module)
    new = [module for module in network.modules() if hasattr(module, "epsilon")]
    assert len(new) == 7
    assert all(module.epsilon.dtype == torch.float64 and not module.training for module in new)
    meta = nn.Sequential(nn.Linear(2, 2, device="meta"), nn.ReLU())
    swap(meta, nn.ReLU, nn.PReLU)
    assert meta[1].weight.device.type == "meta"


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_torchs_encoder_layer_calls_the_new_activation_in_evaluation_too(activation):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, activation, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    x = torch.randn(2, 3, 8)
    done = swap(encoder, (nn.GELU, nn.ReLU), nn.Tanh)
    assert done.attributes == ("layers.0.activation", "layers.1.activation")
    with torch.no_grad():
        evaluated = encoder(x)
        torch.testing.assert_close(evaluated, encoder.train()(x))


def test_a_graph_module_is_changed_in_its_graph():
    network = torch.fx.symbolic_trace(nn.Sequential(Written()).eval())
    swap(network, nn.Tanh, nn.ReLU)
    twin = copy.deepcopy(network)
    assert "tanh" not in twin.code
    x = torch.randn(4, 3)
    assert torch.equal(twin(x), network(x))


def test_nothing_to_replace_names_what_is_there():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), Branching(), built(Calls))
    with pytest.raises(
        ActsearchError, match=r"Sequential has no SiLU to replace; its activations: calls of ReLU \(5\)"
    ):
        swap(network, nn.SiLU, nn.Tanh)
    with pytest.raises(ActsearchError, match="could not look into 2"):
        swap(network, nn.SiLU, nn.Tanh)


def test_wrong_arguments_are_refused_in_one_sentence():
    with pytest.raises(ActsearchError, match="old must be a module class"):
        swap(nn.ReLU(), F.relu, nn.Tanh)
    with pytest.raises(ActsearchError, match="new must make an"):
        swap(nn.Sequential(nn.ReLU()), nn.ReLU, lambda: torch.tanh)
    assert isinstance(swap(nn.ReLU(), nn.ReLU, nn.Tanh).network, nn.Tanh)


def test_torchs_fused_recurrent_kernels_are_reported():
    network = nn.ModuleDict({"rnn": nn.LSTM(2, 2), "act": nn.Tanh()})
    assert swap(network, nn.Tanh, nn.ReLU).untraced[0][0] == "rnn"
