from __future__ import annotations

import copy
import random
import time
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import parametrizations, parametrize

from evaluators import Classification, Data, Recipe
from evaluators.instruments.swapping.swap import swap
from evaluators.training.cohort.trainer import why_not_stacked
from evaluators.training.pieces import pick_device
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
    assert done.left == ()
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


class Swapping(Classification):
    """A task whose network calls functions."""

    name, recipe = "swapping", Recipe(steps=4, batch_size=4)

    def data(self, part):
        return Data(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2)

    def network(self, activation, gain):
        return swap(Calls(), nn.ReLU, activation).network


def test_a_network_with_rewritten_calls_stacks_compiles_and_exports():
    assert why_not_stacked(Swapping(), pick_device("cpu")) is None
    network, x = built(Calls).eval(), torch.randn(4, 3)
    swap(network, nn.ReLU, compile_expression(resolve("crrelu")).module)
    expected = network(x)
    torch.testing.assert_close(torch.compile(network, backend="eager", fullgraph=True)(x), expected)
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), expected)


def test_a_swapped_network_can_be_swapped_again():
    network = built(Calls)
    swap(network, nn.ReLU, nn.Tanh)
    assert swap(network, nn.GELU, nn.Tanh).attributes == ("act",)
    assert len(swap(network, nn.Tanh, nn.SiLU).modules) == 6


def test_calls_are_left_alone_when_they_are_not_asked_for():
    network = built(Calls)
    done = swap(network, nn.GELU, nn.Tanh, functional=False)
    assert (done.calls, done.count, type(network)) == ((), 1, Calls)


def test_an_instance_that_was_shared_stays_shared():
    shared, block = nn.ReLU(), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    network = nn.ModuleList([nn.Sequential(shared, shared), block, block])
    assert swap(network, nn.ReLU, nn.PReLU).modules == ("0.0", "0.1", "1.1")
    assert network[0][0] is network[0][1]
    assert network[1] is network[2]
    assert len(list(network.parameters())) == 4


def test_classes_match_in_torch_timm_and_transformers_and_subclasses_that_inherit_the_forward():
    timm = pytest.importorskip("timm.layers")
    hf = pytest.importorskip("transformers.activations")

    class Same(nn.GELU):
        pass

    class Mine(nn.GELU):
        def forward(self, x):
            return x

    kinds = [nn.GELU(), nn.GELU("tanh"), timm.GELU(), timm.GELUTanh(), hf.NewGELUActivation(), Same()]
    others = [timm.QuickGELU(), hf.QuickGELUActivation(), Mine(), nn.SiLU()]
    network = nn.Sequential(*kinds, *others)
    done = swap(network, nn.GELU, nn.Identity)
    assert len(done.modules) == len(kinds)
    assert "swap(network, Mine" in str(done.left[0])
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
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), built(Calls))
    with pytest.raises(
        ActsearchError,
        match=r"Sequential has no SiLU to replace; its activations: calls of relu \(3\), ReLU \(1\), gelu",
    ):
        swap(network, nn.SiLU, nn.Tanh)


def test_wrong_arguments_are_refused_in_one_sentence_and_change_nothing():
    with pytest.raises(ActsearchError, match="old must be a module class"):
        swap(nn.ReLU(), F.relu, nn.Tanh)
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), built(Calls))
    before, state = repr(network), vars(network[2]).copy()
    made = iter([nn.Tanh(), nn.Tanh(), "late"])
    for new, why in (
        (lambda: torch.tanh, "new must make an"),
        (lambda: next(made), "not a str"),
        (F.gelu, "give nn.GELU"),
        (torch.Tensor, "new must be a module class"),
        (7, "new must be a module class"),
        (nn.Linear, "raises TypeError"),
        (nn.LSTM(3, 3), "no activation but the layer LSTM"),
        (nn.GLU, "the layer GLU"),
        ("gelo", "gelu"),
        ("x +", "x"),
    ):
        with pytest.raises(ActsearchError, match=why):
            swap(network, nn.ReLU, new)
        assert (repr(network), type(network[2]), vars(network[2])) == (before, Calls, state)
    assert isinstance(swap(nn.ReLU(), nn.ReLU, nn.Tanh).network, nn.Tanh)


@pytest.mark.parametrize("new", [nn.Tanh, nn.Tanh(), lambda: nn.Tanh(*()), "tanh", "tanh(x)"])
def test_the_new_activation_comes_as_class_instance_factory_name_or_formula(new):
    network, x = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU()), torch.randn(3, 2)
    swap(network, nn.ReLU, new)
    assert network[1] is not network[3]
    expected = torch.tanh(network[2](torch.tanh(network[0](x))))
    torch.testing.assert_close(network(x), expected)


@torch.jit.script
def scripted(x):
    return torch.tanh(x) * torch.sigmoid(x)


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)

    def forward(self, x):
        return scripted(self.first(x)) + torch.relu(x)


def test_a_scripted_function_is_named_for_what_it_computes():
    network = nn.Sequential(Scripted(), nn.Tanh())
    done = swap(network, nn.Tanh, nn.SiLU)
    assert [(left.module, left.was) for left in done.left] == [("0", "Tanh")]
    assert [(one.module, one.was) for one in done.check(torch.ones(2)).running] == [("0", "Tanh")]
    assert swap(network, nn.ReLU, nn.SiLU).left == ()


def test_torchscript_is_refused_whole_and_named_inside():
    script = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    with pytest.raises(ActsearchError, match=r"TorchScript, which cannot be changed; swap before torch\.jit\.script"):
        swap(script, nn.ReLU, nn.Tanh)
    network = nn.Sequential(script, nn.ReLU(), torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)))
    done = swap(network, nn.ReLU, nn.Tanh)
    assert done.modules == ("1",)
    assert [(left.module, left.was) for left in done.left] == [("0", "ReLU")]


@pytest.mark.parametrize(
    ("kind", "old", "was"),
    [
        (nn.LSTM(2, 2), nn.Tanh, "Tanh"),
        (nn.GRUCell(2, 2), (nn.Sigmoid, nn.Tanh), "Sigmoid and Tanh"),
        (nn.RNN(2, 2, nonlinearity="relu"), nn.ReLU, "ReLU"),
        (nn.RNNCell(2, 2), nn.Tanh, "Tanh"),
    ],
)
def test_torchs_fused_recurrent_kernels_are_told_for_what_they_compute(kind, old, was):
    network = nn.ModuleDict({"rnn": kind, "act": nn.Tanh(), "other": nn.ReLU()})
    assert [(left.module, left.was) for left in swap(network, old, nn.SiLU).left] == [("rnn", was)]
    assert swap(network, nn.SiLU, nn.ELU).left == ()


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Sigmoid())

    def forward(self, x):
        return x * self.fc(self.pool(x))


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x)


def test_gates_of_squeeze_and_excite_stay_unless_they_are_asked_for():
    torchvision = pytest.importorskip("torchvision")
    squeeze = torchvision.ops.SqueezeExcitation(4, 2)
    network = nn.Sequential(Gated(), squeeze, nn.Conv2d(4, 4, 1), nn.Sigmoid(), Pooled())
    done = swap(network, (nn.ReLU, nn.Sigmoid), nn.Tanh)
    assert sorted(done.modules) == ["0.fc.1", "1.activation", "3"]
    assert [gate.name for gate in done.gates] == ["0.fc.2", "1.scale_activation", "4.gate.2"]
    assert done.check(torch.randn(2, 4, 5, 5)).fine
    assert swap(network, nn.Sigmoid, nn.Tanh, where=["0.fc.2", "1.scale*"]).count == 2
    only = nn.Sequential(Gated())
    with pytest.raises(ActsearchError, match="1 gates of squeeze-and-excite, which where= asks for"):
        swap(only, nn.Sigmoid, nn.Tanh)


def test_where_takes_names_patterns_and_a_predicate_and_several_swaps_are_exact_and_told_together():
    network = nn.ModuleDict({name: nn.Sequential(nn.Linear(3, 3), nn.GELU()) for name in ("one", "two")})
    network["calls"] = built(Calls)
    done = swap(network, nn.GELU, nn.ReLU, where="one")
    done = done.swap((nn.GELU, nn.ReLU), "crrelu", where=["two.*", "calls.activation_2"])
    done = done.swap(nn.ReLU, nn.Tanh, where=lambda place: place.was == "Tensor.relu")
    assert [place.name for place in done.places] == ["one.1", "calls.activation_2", "two.1", "calls.activation_3"]
    assert type(network["one"][1]) is nn.ReLU
    assert {place.name for place in done.unchosen} > {"calls.act", "calls.activation_1"}
    assert "4 places have a new activation" in str(done)
    with pytest.raises(ActsearchError, match=r"where='cals' fits none of the \d+ places; did you mean 'calls'"):
        done.swap(nn.GELU, nn.ReLU, where="cals")
    with pytest.raises(ActsearchError, match="where must be names"):
        done.swap(nn.GELU, nn.ReLU, where=3)


class Looped(nn.Sequential):
    def forward(self, x):
        for child in self.children():
            x = F.relu(child(x))
        return x


def test_a_module_that_runs_all_its_children_has_the_new_activation_beside_it_and_no_child_more():
    network = Looped(nn.Linear(2, 2), nn.Linear(2, 2))
    done = swap(network, nn.ReLU, nn.PReLU)
    assert len(network) == 2
    assert len(list(network.parameters())) == 5
    assert not network.eval().activation_1.training
    assert done.check(torch.randn(3, 2)).fine
    assert copy.deepcopy(network).activation_1 is not network.activation_1
    outer = Around(Looped(nn.Linear(2, 2)))
    swap(outer, nn.ReLU, nn.PReLU)
    assert "inner_activation_1.weight" in outer.state_dict()
    with pytest.raises(ActsearchError, match="put it into a module of your own"):
        swap(Looped(), nn.ReLU, nn.PReLU)


class Around(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


class Registering(nn.Module):
    known: ClassVar[dict] = {}

    def __init_subclass__(cls, **named):
        super().__init_subclass__(**named)
        if cls.__name__ in Registering.known:
            raise ValueError("twice")
        Registering.known[cls.__name__] = cls


class Registered(Registering):
    def forward(self, x):
        return F.relu(x + 1)


class Answering(Calls):
    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return None


def test_classes_that_are_told_of_subclasses_or_answer_for_every_name_are_swapped_quietly():
    network = nn.Sequential(nn.Linear(3, 3), Around(Registered()), built(Answering))
    swap(network, nn.ReLU, nn.Tanh, where=lambda place: place.kind == "call" and place.module == "2")
    assert Registering.known["Registered"] is Registered
    one = Registered()
    one.layer = nn.Linear(2, 2)
    assert swap(one, nn.ReLU, nn.Tanh).count == 1
    assert Registering.known == {"Registered": Registered}


def test_long_lists_are_data_and_their_elements_are_not_asked_for_anything():
    class Unhashable(list):
        def __hash__(self):
            raise RuntimeError

    network = built(Calls)
    network.vocabulary, network.odd = list(range(2_000_000)), Unhashable()
    started = time.process_time()
    assert swap(network, nn.ReLU, nn.Tanh).count == 5
    assert time.process_time() - started < 60


class Owning(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(2))

    def forward(self, x):
        return F.relu(x @ self.weight)


def test_a_parametrization_can_be_taken_off_after_the_swap():
    network = nn.Sequential(parametrizations.weight_norm(Owning()))
    swap(network, nn.ReLU, nn.Tanh)
    x = torch.randn(3, 2)
    expected = network(x)
    parametrize.remove_parametrizations(network[0], "weight")
    torch.testing.assert_close(network(x), expected)
    torch.testing.assert_close(network(x), torch.tanh(x @ network[0].weight))


def test_the_look_and_the_check_leave_generators_and_what_a_forward_keeps_as_they_were():
    class Drawing(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.seen, self.last = nn.Linear(2, 2), [], None

        def forward(self, x):
            self.seen.append(random.random() + float(np.random.rand()))
            self.last = self.layer(x)
            return F.relu(self.last)

    network = nn.Sequential(Drawing(), nn.BatchNorm1d(2))
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    done = swap(network, nn.ReLU, nn.Tanh)
    network.eval()(torch.ones(2, 2))
    random.setstate(before[0])
    np.random.set_state(("MT19937", before[1], *np.random.get_state()[2:]))
    kept = network[0].seen.copy(), network[0].last
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    assert done.check(torch.ones(1, 2)).fine  # one example is too few for training mode
    assert (network[0].seen, network[0].last is kept[1]) == (kept[0], True)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    with pytest.raises(ActsearchError, match="Sequential raises RuntimeError on the example"):
        done.check(torch.ones(1, 9))
