from __future__ import annotations

import copy
import io
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from evaluators import load_task
from evaluators.instruments.dynamic import DynamicEAFO
from evaluators.instruments.dynamic.adaptive import AdaptiveActivation
from evaluators.instruments.dynamic.family import Shape, descend, ground, histogram, refitted
from evaluators.instruments.dynamic.flow import raw_flow
from evaluators.instruments.dynamic.placement import running
from primitives import ActsearchError, activation_parameters, compile_expression, parse, resolve
from primitives.export.dialects import export_bytes

MOVED = Shape(1.3, 0.2, 1.1, (0.1, -0.2, 0.05, 0.03))
LAYERS = [
    nn.ReLU(), nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.Mish(), nn.ELU(), nn.ELU(0.5), nn.LeakyReLU(0.2),
    nn.Softplus(), nn.Softplus(beta=2), nn.Tanh(), nn.Sigmoid(), nn.SELU(), nn.Hardswish(), nn.ReLU6(),
]  # fmt: skip


class MyGELU(nn.GELU):
    pass


def moved(base="relu", shape=MOVED, dtype=torch.float64):
    layer = AdaptiveActivation(base, dtype=dtype)
    layer.table.copy_(torch.tensor(shape.table, dtype=torch.float64))
    return layer


def gradient(function, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


class Training:
    """mnist1d-mlp in a plain loop, the way a user writes it."""

    def __init__(self, kind=nn.GELU, **options):
        self.task = load_task("mnist1d-mlp")
        self.data = self.task.data("train")
        torch.manual_seed(0)
        self.network = self.task.network(kind, 1.4)
        self.dynamic = DynamicEAFO(self.network, kind, **options)
        self.optimizer = torch.optim.SGD(self.network.parameters(), 0.1)
        self.rows = torch.Generator().manual_seed(0)

    def steps(self, count):
        for _ in range(count):
            rows = torch.randint(len(self.data), (128,), generator=self.rows)
            loss = self.task.loss(self.network(self.data.inputs[rows]), self.data.targets[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.dynamic.step()


# --- the layer --------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_replaced_layer_starts_as_exactly_the_function_it_replaces(layer):
    network = nn.Sequential(layer)
    x = torch.cat([3 * torch.randn(500), torch.tensor([0.0, 30.0, -30.0])])
    values, slopes = layer(x), gradient(layer, x)
    DynamicEAFO(network, type(layer))
    torch.testing.assert_close(network(x), values, rtol=1e-5, atol=2e-5)
    torch.testing.assert_close(gradient(network, x), slopes, rtol=1e-5, atol=2e-5)
    if isinstance(layer, (nn.ReLU, nn.SiLU, nn.Tanh)) or layer is LAYERS[1]:
        assert torch.equal(network(x), values)


@pytest.mark.parametrize("base", ["relu", "gelu", "mish", "swish"])
def test_gradients_of_first_and_second_order_are_those_of_finite_differences(base):
    layer = moved(base)
    x = torch.randn(30, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def call(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    inputs = (x, *layer.parameters())
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


@pytest.mark.parametrize("base", ["relu", "gelu", "swish; beta=1.3"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_frozen_expression_is_the_layer_in_values_and_gradients_small_and_large(base, dtype):
    layer = moved(base if base != "swish; beta=1.3" else parse("x*sigmoid(beta*x); beta=1.3"), dtype=dtype)
    frozen = compile_expression(layer.expression).module(dtype=dtype) if layer.activation_parameters else None
    frozen = frozen or compile_expression(layer.expression).module()
    tolerance = {"rtol": 1e-5, "atol": 2e-5} if dtype == torch.float32 else {"rtol": 1e-11, "atol": 1e-11}
    for count in (1000, 2**18):  # one block, whose slope is kept, and two
        x = 4 * torch.randn(count, dtype=dtype)
        torch.testing.assert_close(layer(x), frozen(x), **tolerance)
        torch.testing.assert_close(gradient(layer, x), gradient(frozen, x), **tolerance)
        for ours, theirs in zip(layer.parameters(), frozen.parameters(), strict=True):
            both = torch.autograd.grad(layer(x).sum(), ours) + torch.autograd.grad(frozen(x).sum(), theirs)
            torch.testing.assert_close(*both, rtol=1e-4, atol=1e-3)


def test_the_frozen_expression_exports_to_a_file_that_needs_torch_alone():
    layer = moved("gelu", dtype=torch.float32)
    names = {"__name__": "exported"}
    exec(export_bytes(layer.expression, "torch", name="Grown").decode(), names)
    assert names["check"]() == 1000
    x = torch.randn(1000)
    torch.testing.assert_close(names["Grown"]()(x), layer(x), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32_and_nothing_is_infinite_for_huge_inputs(kind):
    layer = moved(dtype=torch.float32)
    x = torch.randn(1000).to(kind)
    assert torch.equal(layer(x), layer(x.float()).to(kind))
    assert torch.equal(gradient(layer, x), gradient(layer, x.float()).to(kind))
    with torch.autocast("cpu", torch.bfloat16):
        assert nn.Sequential(nn.Linear(4, 4), layer)(torch.randn(2, 4)).dtype == torch.bfloat16
    huge = torch.tensor([1e30, -1e30, 0.0])
    assert layer(huge).isfinite().all()
    assert gradient(layer, huge).isfinite().all()
    assert layer(torch.tensor(0.3)).shape == ()
    assert layer(torch.empty(0, 3)).shape == (0, 3)
    strided = torch.randn(600, 500).t()
    assert torch.equal(layer(strided), layer(strided.contiguous()))
    with pytest.raises(TypeError, match="int64"):
        layer(torch.arange(3))


def test_it_works_under_vmap_and_compiles_whole_with_and_without_gradients_and_while_collecting():
    layer, x = moved("gelu", dtype=torch.float32), torch.randn(8, 40)
    torch.testing.assert_close(torch.func.vmap(layer)(x), layer(x))
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(lambda row: layer(row).sum()))(x), gradient(layer, x))
    compiled = torch.compile(layer, fullgraph=True)
    torch.testing.assert_close(gradient(compiled, x), gradient(layer, x), rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), layer(x), rtol=1e-5, atol=1e-5)
    layer.collecting = True
    compiled(x.requires_grad_())
    assert layer.adapt(0.1, 0.5, 0.9)
    torch.testing.assert_close(compiled(x), layer(x), rtol=1e-5, atol=1e-5)


def test_copies_and_pickles_carry_the_shape_and_are_independent():
    layer = moved(parse("x*sigmoid(beta*x); beta=1.3"), dtype=torch.float32)
    x = torch.randn(50)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), layer(x))
        other.table.zero_()
    assert layer.shape.bump == pytest.approx(MOVED.bump)
    assert activation_parameters(layer) == [layer.beta]


# --- the descent ------------------------------------------------------------------------------


def settle(base, bins, updates, rate=0.1, bound=0.5):
    """Descend under a standard normal input; return the shapes, the entropies and the last ground."""
    compiled, shape = compile_expression(resolve(base)), Shape()
    inputs = stats.norm.ppf((np.arange(40_000) + 0.5) / 40_000)
    at = ground(compiled.value, compiled.slopes, [], shape, histogram(inputs, shape, bins))
    shapes, entropies = [shape], [at.output(shape).entropy]
    for update in range(updates):
        shapes.append(descend(shapes[-1], at, rate / (1 + update / 20), bound))
        entropies.append(at.output(shapes[-1]).entropy)
    return shapes, np.array(entropies), at


def steepest(shape):
    """The largest slope of the bump, f - scale*base, by x, on a grid that descent does not use."""
    z = torch.linspace(-8, 8, 5001, dtype=torch.float64, requires_grad=True)
    bump = torch.exp(-(z**2) / 2) * sum(float(d) * z**k for k, d in enumerate(shape.bump))
    return shape.steepness * float(torch.autograd.grad(bump.sum(), z)[0].abs().max())


@pytest.mark.parametrize("base", ["relu", "gelu", "identity", "tanh", "softplus"])
def test_descent_lowers_the_entropy_keeps_the_second_moment_and_the_slope_bound_at_each_step(base):
    shapes, entropies, at = settle(base, 512, 150)
    assert np.diff(entropies).max() < 2e-4
    assert entropies[-1] < entropies[0] - 1e-3
    for shape in shapes:
        assert at.weights @ at.values(shape) ** 2 == pytest.approx(at.weights @ at.base**2, rel=1e-9)
        assert steepest(shape) <= 1.005 * 0.5 * shape.scale * math.sqrt(at.weights @ at.slopes**2)


def test_the_raw_flow_blows_up_sooner_on_every_finer_grid_and_the_other_direction_does_not():
    totals = [raw_flow(points) for points in (61, 121, 241, 481, 961)]
    assert totals[0] < 0.5
    for coarse, fine in pairwise(totals):
        assert fine < 0.35 * coarse
    assert raw_flow(61, descend=False) == 10.0


@pytest.mark.parametrize("base", ["relu", "gelu", "tanh", "softplus"])
def test_ours_tends_to_one_function_under_refinement_and_in_time(base):
    """The same flow time in which the raw flow dies thousands of times over (see the test above)."""
    z = np.linspace(-4, 4, 401)
    compiled = compile_expression(resolve(base))
    curves, ends = [], []
    for bins in (128, 256, 512, 1024):
        shapes, entropies, _ = settle(base, bins, 400)
        curves.append([compile_expression(s.expression(compiled.expression)).at(z) for s in (shapes[200], shapes[-1])])
        ends.append(entropies[-1])
    refinement = [np.abs(a[1] - b[1]).max() for a, b in pairwise(curves)]
    assert max(refinement) < 0.01
    assert np.ptp(ends) < 1e-3
    assert max(np.abs(late - early).max() for early, late in curves) < 0.12


# --- following the input -----------------------------------------------------------------------


def normal(mean, deviation, count=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [mean + deviation * torch.randn(64, 100, generator=generator) for _ in range(count)]


def grown(batches, base="relu"):
    """A layer that saw these batches, an update each, and the bump's excess over its slope bound in each."""
    layer, excess = AdaptiveActivation(base), []
    layer.collecting = True
    for number, batch in enumerate(batches):
        layer(batch)
        layer.adapt(0.1 / (1 + number / 20), 0.5, 0.9)
        at = layer._ground(layer.shape, layer.density.double().numpy())
        excess.append(steepest(layer.shape) / (0.5 * layer.shape.scale * math.sqrt(at.weights @ at.slopes**2)) - 1)
    return layer, max(excess)


@pytest.mark.parametrize("base", ["relu", "gelu"])
@pytest.mark.parametrize(("first", "mean"), [((0, 1e-3, 1), 0), ((0, 1e-3, 20), 0), ((0, 1, 20), 6), ((0, 1, 20), 20)])
def test_when_the_input_moves_away_the_bump_follows_and_the_entropy_falls_again(base, first, mean):
    start = normal(*first)
    at_once, excess = grown([*start, *normal(mean, 1, 110)], base)
    later, _ = grown([*start, *normal(mean, 1, 280)], base)
    assert at_once.counts.tolist() == [110 + len(start), 0]
    assert excess <= 0.006
    shape = later.shape
    assert -shape.offset / shape.steepness == pytest.approx(mean, abs=0.8)
    assert 0.4 < 1 / shape.steepness < 2.2
    at = later._ground(shape, later.density.double().numpy())
    entropies = [at.output(s).entropy for s in (Shape(shape.steepness, shape.offset), at_once.shape, shape)]
    assert entropies[2] < entropies[0] - 5e-3
    if at_once.shape.steepness == shape.steepness:
        assert entropies[2] < entropies[1] - 1e-4


def test_one_outlier_in_the_first_batch_or_later_does_not_matter():
    batches = normal(0, 1, 120)
    clean, _ = grown(batches)
    for number in (0, 30):
        spoilt = [batch.clone() for batch in batches]
        spoilt[number][0, 0] = 1e6
        layer, _ = grown(spoilt)
        assert layer.counts.tolist() == [120, 0]
        assert layer.shape.steepness == pytest.approx(clean.shape.steepness, rel=0.01)
        assert layer.shape.offset == pytest.approx(clean.shape.offset, abs=0.01)
        assert layer.entropies()[1] < clean.entropies()[0] - 0.7 * np.subtract(*clean.entropies())


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_an_input_that_is_mostly_one_number_keeps_a_width_of_the_size_of_the_rest(share):
    generator = torch.Generator().manual_seed(0)
    batches = [batch * (torch.rand(batch.shape, generator=generator) < share) for batch in normal(0, 1, 40)]
    layer, _ = grown(batches)
    assert 0.02 < 1 / layer.shape.steepness < 1.5


def test_a_new_place_keeps_the_mass_of_the_density_and_the_function_where_there_is_mass():
    old = Shape(1.0, 0.0, 0.97, (0.05, -0.2, 0.05, 0.03))
    before = histogram(normal(0, 1)[0].double().numpy().ravel(), old, 512)
    shape, density = running(normal(1.6, 1)[0].double().numpy().ravel(), old, before, 0.3)
    assert (shape.steepness, shape.offset) != (1.0, 0.0)
    assert density.sum() == pytest.approx(1.0, rel=1e-9)
    compiled = compile_expression(resolve("relu"))
    at = ground(compiled.value, compiled.slopes, [], shape, density)
    x = (at.z - shape.offset) / shape.steepness
    assert at.weights @ x == pytest.approx(0.7 * 1.6, abs=0.05)
    wanted = compile_expression(old.expression(resolve("relu"))).at(x)
    error = at.values(refitted(old, shape, at)) - wanted
    assert math.sqrt(at.weights @ error**2) < 0.2 * math.sqrt(at.weights @ (wanted - 0.97 * at.base) ** 2)


# --- the callback -----------------------------------------------------------------------------


def test_two_lines_in_a_plain_loop_lower_the_entropy_of_every_layer_within_the_bounds():
    training = Training(every=10)
    assert all(math.isnan(number) for pair in training.dynamic.entropies().values() for number in pair)
    gaps = []
    for _ in range(6):
        training.steps(50)
        gaps.append([before - now for before, now in training.dynamic.entropies().values()])
        for layer in training.dynamic.layers.values():
            at = layer._ground(layer.shape, layer.density.double().numpy())
            assert at.weights @ at.values(layer.shape) ** 2 == pytest.approx(at.weights @ at.base**2, rel=1e-5)
            assert steepest(layer.shape) <= 1.006 * 0.5 * layer.shape.scale * math.sqrt(at.weights @ at.slopes**2)
            assert float(layer.density.sum()) == pytest.approx(1.0, rel=1e-5)
    assert (np.array(gaps) > 0.01).all()
    assert np.mean(gaps[-1]) > 2 * np.mean(gaps[0]) or np.mean(gaps[0]) > 0.05
    assert [layer.counts.tolist() for layer in training.dynamic.layers.values()] == [[30, 0], [30, 0]]


def test_a_saved_state_goes_on_as_if_it_had_never_stopped():
    whole, first, second = Training(every=10), Training(every=10), Training(every=10)
    whole.steps(75)
    first.steps(39)
    file = io.BytesIO()
    torch.save([first.network.state_dict(), first.dynamic.state_dict()], file)
    file.seek(0)
    network, dynamic = torch.load(file)
    second.network.load_state_dict(network)
    second.dynamic.load_state_dict(dynamic)
    second.rows.set_state(first.rows.get_state())
    second.steps(36)
    wanted = whole.network.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in second.network.state_dict().items())


def test_an_update_between_forward_and_backward_leaves_the_gradient_of_that_forward():
    network, x = nn.Sequential(nn.GELU()), torch.randn(64, 100)
    dynamic = DynamicEAFO(network, nn.GELU, every=1)
    x.requires_grad_()
    for whole in (x, x.repeat(30, 1)):  # the slope kept, and computed anew
        output = network(whole)
        wanted = torch.autograd.grad(output.sum(), x, retain_graph=True)[0]
        dynamic.step()
        assert network[0].counts[0] > 0
        assert torch.equal(torch.autograd.grad(output.sum(), x)[0], wanted)


def test_a_state_of_another_base_is_refused_and_one_of_the_same_is_loaded_whatever_its_parameters():
    source = moved(parse("x*sigmoid(beta*x); beta=1.3"), dtype=torch.float32)
    file = io.BytesIO()
    torch.save(source.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    same = AdaptiveActivation(parse("x*sigmoid(beta*x); beta=0.5"))
    same.load_state_dict(state)
    assert torch.equal(same(torch.ones(3)), source(torch.ones(3)))
    with pytest.raises(ActsearchError, match=r"starts at tanh\(x\).*starts at gelu\(x\)"):
        AdaptiveActivation("gelu").load_state_dict(AdaptiveActivation("tanh").state_dict())


def test_network_and_callback_copied_together_go_on_alike_and_apart_from_the_first():
    training = Training(every=10)
    training.steps(15)
    network, dynamic = copy.deepcopy((training.network, training.dynamic))
    assert [network.get_submodule(name) for name in dynamic.layers] == list(dynamic.layers.values())
    other = copy.copy(training)
    other.network, other.dynamic, other.rows = network, dynamic, torch.Generator()
    other.rows.set_state(training.rows.get_state())
    other.optimizer = torch.optim.SGD(network.parameters(), 0.1)
    other.steps(20)
    assert [layer.counts[0] for layer in training.dynamic.layers.values()] == [1, 1]
    training.steps(20)
    wanted = training.network.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in network.state_dict().items())


def test_a_network_that_names_the_input_works_as_with_torchs_own():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.GELU()

        def forward(self, x):
            return self.act(input=x)

    network, x = Named(), torch.randn(64, 100)
    wanted = network(x)
    dynamic = DynamicEAFO(network, nn.GELU, every=1)
    assert torch.equal(network(x), wanted)
    dynamic.step()
    assert network.act.counts.tolist() == [1, 0]


def test_nothing_is_collected_between_updates_nor_in_eval_mode():
    training = Training(every=10)
    layer = next(iter(training.dynamic.layers.values()))
    training.steps(8)
    assert layer._sample is None
    training.steps(1)
    training.network.eval()
    training.network(training.data.inputs[:50])
    assert layer._sample is None
    training.dynamic.step()
    assert layer.counts.tolist() == [0, 0]
    training.network.train()
    training.steps(10)
    assert layer.counts.tolist() == [1, 0]


@pytest.mark.parametrize(
    "inputs",
    [torch.full((64, 8), 3.0), torch.full((64, 8), math.nan), torch.full((64, 8), -1e30), torch.zeros(64, 8)],
    ids=["constant", "nan", "huge", "zero"],
)
def test_an_input_without_a_density_is_left_out_counted_and_leaves_no_trace(inputs):
    network = nn.Sequential(nn.ReLU())
    dynamic = DynamicEAFO(network, nn.ReLU, every=1)
    start = copy.deepcopy(network[0].table)
    network(inputs)
    dynamic.step()
    assert network[0].counts.tolist() == [0, 1]
    assert torch.equal(network[0].table, start)
    network(torch.randn(64, 8))
    dynamic.step()
    good = copy.deepcopy(network.state_dict())
    network(inputs + math.nan)
    dynamic.step()
    network(torch.empty(0, 8))
    dynamic.step()
    dynamic.step()  # it was not called at all
    assert network[0].counts.tolist() == [1, 2]
    assert all(torch.equal(v, good[n]) for n, v in network.state_dict().items() if n != "0.counts")


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e6])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_any_scale_and_precision_of_the_input_keeps_every_number_finite(scale, kind):
    network = nn.Sequential(nn.ReLU())
    dynamic = DynamicEAFO(network, nn.ReLU, every=1, memory=0.0)
    generator = torch.Generator().manual_seed(0)
    for shift in (0.0, 3.0, -2.0, 30.0, 1e4):  # in bfloat16 the last is a constant
        network((scale * (torch.randn(64, 100, generator=generator) + shift)).to(kind))
        dynamic.step()
        assert all(value.isfinite().all() for value in network.state_dict().values())
    assert network[0].counts.tolist() == ([5, 0] if kind == torch.float32 else [4, 1])


def test_freezing_puts_in_the_plain_function_that_the_expression_is():
    training = Training(every=10)
    training.steps(60)
    x = training.data.inputs[:200]
    values = training.network(x)
    frozen = training.dynamic.freeze()
    assert list(frozen) == ["1", "3"]
    assert not any(isinstance(module, AdaptiveActivation) for module in training.network.modules())
    torch.testing.assert_close(training.network(x), values, rtol=1e-4, atol=1e-4)
    training.steps(1)
    assert str(parse(str(frozen["1"]))) == str(frozen["1"])


def test_shared_and_nested_layers_are_replaced_once_and_a_transformer_leaves_its_fast_path():
    shared = nn.GELU()
    block = nn.TransformerEncoderLayer(8, 2, 16, activation=shared, batch_first=True, dropout=0.0)
    network = nn.ModuleDict({"block": block, "list": nn.ModuleList([shared, nn.GELU()])})
    dynamic = DynamicEAFO(network, nn.GELU)
    assert list(dynamic.layers) == ["block.activation", "list.1"]
    assert network["list"][0] is block.activation
    block.activation.table.copy_(torch.tensor(MOVED.table))
    x = torch.randn(3, 5, 8)
    wanted = block(x)
    with torch.no_grad():
        torch.testing.assert_close(block.eval()(x), wanted, rtol=1e-4, atol=1e-5)


def test_under_functorch_the_members_inputs_are_collected_too():
    network = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    dynamic = DynamicEAFO(network, nn.Tanh, every=1)
    parameters = dict(network.named_parameters())

    def loss(parameters, row):
        return torch.func.functional_call(network, parameters, (row,)).sum()

    torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, torch.randn(100, 4))
    dynamic.step()
    assert network[1].counts.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (DynamicEAFO, "no AdaptiveActivation to adapt.*it has ReLU, Tanh"),
        (lambda net: DynamicEAFO(net, nn.GELU), "no GELU layer to adapt.*it has ReLU, Tanh"),
        (lambda net: DynamicEAFO(net, nn.Linear), "what Linear computes is not known.*base="),
        (lambda net: DynamicEAFO(net[1], nn.ReLU), "itself the activation"),
        (lambda net: DynamicEAFO(net, base="gelu"), "base="),
        (lambda net: DynamicEAFO(net, nn.ReLU, base="gelo"), "did you mean 'gelu'"),
        (lambda net: DynamicEAFO(net, nn.ReLU, every=0), "every=0"),
        (lambda net: DynamicEAFO(net, nn.ReLU, rate=math.nan), "rate=nan"),
        (lambda net: DynamicEAFO(net, nn.ReLU, settle=0), "settle=0"),
        (lambda net: DynamicEAFO(net, nn.ReLU, bound=-1), "bound=-1"),
        (lambda net: DynamicEAFO(net, nn.ReLU, memory=1.0), "memory=1.0"),
        (lambda net: AdaptiveActivation(bins=3), "3 bins"),
        (lambda net: AdaptiveActivation(nn.GELU), "base=.*GELU.*give a name"),
        (lambda net: DynamicEAFO(net, "gelu"), "must be a class such as nn.GELU, not 'gelu'"),
        (lambda net: DynamicEAFO(net, nn.GELU()), "must be a class such as nn.GELU"),
        (lambda net: DynamicEAFO(None, nn.Tanh), "network must be an nn.Module, not None"),
        (lambda net: DynamicEAFO(net, nn.ReLU, every="a"), "every='a'.*a whole number"),
        (lambda net: DynamicEAFO(net, nn.ReLU, every=True), "every=True.*a whole number"),
        (lambda net: DynamicEAFO(net, nn.ReLU, every=math.inf), "every=inf.*a whole number"),
        (lambda net: DynamicEAFO(net, nn.ReLU, rate=None), "rate=None"),
        (lambda net: DynamicEAFO(net, nn.ReLU, base="log(x)"), r"'log\(x\)' cannot be adapted.*not finite at x.*give"),
        (lambda net: DynamicEAFO(net, nn.ReLU, base="1"), "'1' cannot be adapted.*slope is zero.*give"),
        (lambda net: DynamicEAFO(net, nn.ReLU, base="sign(x)"), "cannot be adapted.*slope is zero"),
        (lambda net: DynamicEAFO(nn.Sequential(MyGELU()), nn.GELU), "no GELU itself, but MyGELU, a subclass.*base="),
        (lambda net: DynamicEAFO(nn.Sequential(MyGELU()), MyGELU), "what MyGELU computes is not known.*base="),
    ],
)
def test_errors_say_what_is_wrong_and_what_is_there(make, message):
    with pytest.raises(ActsearchError, match=message):
        make(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh()))
