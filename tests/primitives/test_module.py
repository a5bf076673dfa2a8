from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from hypothesis import assume, given, settings
from torch import nn
from torch.overrides import TorchFunctionMode

from evaluators import assess
from evaluators.instruments.dynamic.adaptive import AdaptiveActivation
from primitives import compile_expression, library, parse, resolve
from tests.strategies import expressions


@settings(max_examples=120)
@given(expressions)
def test_symbolic_slopes_of_random_expressions_equal_autograd_of_the_value(expression):
    assume(assess(expression).rejection is None)
    compiled = compile_expression(expression)
    # An irrational-looking grid keeps clear of kinks at simple numbers.
    x = torch.linspace(-6.0123, 6.0345, 101, dtype=torch.float64).requires_grad_()
    values = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for _, v in expression.initial]
    wanted = torch.autograd.grad(compiled.value(x, *values).sum(), [x, *values], allow_unused=True)
    layer = compiled.module().double()
    x2 = x.detach().clone().requires_grad_()
    layer(x2).sum().backward()
    found = [x2.grad, *(p.grad for p in layer.parameters())]
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        # A max of two equal branches shares its slope in ways that differ between the two.
        close = torch.isclose(one, torch.zeros_like(one) if other is None else other, rtol=1e-7, atol=1e-7)
        assert close.float().mean() > 0.95


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["relu", "crrelu", "mish", "prelu"])
def test_the_output_has_the_dtype_of_the_input_and_parameters_their_own(name, dtype):
    layer = compile_expression(library()[name].expression).module()
    x = torch.linspace(-3, 3, 7).to(dtype).requires_grad_()
    y = layer(x)
    assert y.dtype == dtype
    y.float().sum().backward()
    assert x.grad.dtype == dtype
    assert all(p.grad.dtype == torch.float32 and torch.isfinite(p.grad) for p in layer.parameters())


def test_it_works_under_autocast():
    layer, linear = compile_expression(resolve("crrelu")).module(), torch.nn.Linear(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(linear(torch.randn(3, 4)))
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert torch.isfinite(layer.epsilon.grad)


FORMULAS = [
    "crrelu",
    "xielu",
    "pau",
    "x*tanh(x) + sin(x)",
    "sinc(x)*x",
    "i1e(x) + i0e(2*x)",
    "mish",
    "silu",
    "softplus(x)*x",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_one_tensor_and_the_parameters_are_kept_for_backward(text):
    saved = []
    layer = compile_expression(resolve(text)).module()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        layer(torch.randn(1000, requires_grad=True))
    assert sorted(saved) == [1] * len(resolve(text).parameters) + [1000]


@pytest.mark.parametrize("text", ["crrelu", "pau", "x*tanh(x) + sin(x)"])
def test_large_inputs_in_blocks_give_what_small_ones_do(text):
    layer = compile_expression(resolve(text)).module().double()
    x = torch.randn(700, 511, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    rows = x.detach().clone().requires_grad_()
    assert x.numel() > 2**17
    layer(x).square().sum().backward()
    whole = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    for row in rows.split(70):
        layer(row).square().sum().backward()
    torch.testing.assert_close(x.grad, rows.grad, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close([p.grad for p in layer.parameters()], whole, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("channel_dim", [1, -1, 0])
def test_channel_parameters_act_on_their_own_channel_with_gradients_of_their_own(channel_dim):
    layer = compile_expression(resolve("xielu")).module(num_parameters=3, channel_dim=channel_dim).double()
    x = torch.randn(3, 3, 3, dtype=torch.float64).requires_grad_()
    with torch.no_grad():
        layer.alpha.copy_(torch.tensor([0.1, 1.0, 2.0]))
    layer(x).square().sum().backward()
    for channel in range(3):
        one = compile_expression(resolve("xielu")).module(alpha=layer.alpha[channel].item()).double()
        part = x.detach().select(channel_dim, channel).clone().requires_grad_()
        with torch.no_grad():
            one.beta.copy_(layer.beta[channel])
        one(part).square().sum().backward()
        torch.testing.assert_close(layer.alpha.grad[channel], one.alpha.grad[0])
        torch.testing.assert_close(x.grad.select(channel_dim, channel), part.grad)


def test_a_channel_layer_with_equal_values_is_prelu():
    ours = compile_expression(resolve("prelu")).module(0.3, num_parameters=4)
    theirs = torch.nn.PReLU(4, init=0.3)
    x = torch.randn(5, 4, 6)
    torch.testing.assert_close(ours(x), theirs(x))
    ours(x).sum().backward()
    theirs(x).sum().backward()
    torch.testing.assert_close(ours.alpha.grad, theirs.weight.grad)
    assert ours.alpha.shape == theirs.weight.shape


def test_fixed_parameters_stay_and_whole_numbers_are_refused():
    layer = compile_expression(resolve("swish")).module(1.5, learnable=False)
    assert not any(p.requires_grad for p in layer.parameters())
    torch.testing.assert_close(layer(torch.ones(2)), torch.sigmoid(torch.full((2,), 1.5)))
    with pytest.raises(TypeError, match=r"takes floating-point tensors, not torch\.int64"):
        layer(torch.ones(2, dtype=torch.int64))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32_and_rounded_once(dtype):
    layer = compile_expression(parse("x*tanh(softplus(1.1*x)) + 0.1*sin(x)*gaussian(x)")).module()
    x = torch.linspace(-9, 9, 2001).to(dtype)
    torch.testing.assert_close(layer(x), layer(x.float()).to(dtype), rtol=0, atol=0)


def test_a_deep_copy_has_parameters_of_its_own():
    layer = compile_expression(resolve("crrelu")).module()
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        twin.epsilon.fill_(5.0)
    assert layer.epsilon.item() == pytest.approx(0.01)
    assert not torch.equal(layer(torch.ones(1)), twin(torch.ones(1)))


@pytest.mark.parametrize(
    "text", ["crrelu", "x*tanh(x) + softplus(2*x) + elu(sin(x))", "pau", "alpha*asinh(x) + sinc(x)"]
)
def test_compiled_as_one_graph_it_computes_the_same_forward_and_backward(text):
    torch._dynamo.reset()
    layer = compile_expression(resolve(text)).module()
    compiled = torch.compile(layer, fullgraph=True)
    x = torch.linspace(-25, 30, 4001).requires_grad_()
    y = x.detach().double().clone().requires_grad_()
    exact = copy.deepcopy(layer).double()
    compiled(x).sum().backward()
    exact(y).sum().backward()
    torch.testing.assert_close(compiled(x).double(), exact(y), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(x.grad.double(), y.grad, rtol=1e-4, atol=2e-5)
    for one, other in zip(layer.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(one.grad.double(), other.grad, rtol=1e-4, atol=2e-3)


ALONE = ["softplus", "elu", "tanh", "expm1(x)", "log1p(x**2)", "asinh", "gelu", "silu", "selu", "mish", "relu"]


def test_compiled_slopes_at_zero_and_far_out_are_those_of_eager_mode():
    torch._dynamo.reset()
    layers = [compile_expression(resolve(text)).module() for text in ALONE]
    x = torch.tensor([0.0, 1e-8, -1e-8, 0.019, -0.021, 0.049, -0.051, 20.0, -20.0, 80.0, -80.0])
    xs, ys = ([x.clone().requires_grad_() for _ in ALONE] for _ in range(2))
    compiled = torch.compile(
        lambda given: [layer(one) for layer, one in zip(layers, given, strict=True)], fullgraph=True
    )
    theirs, ours = compiled(xs), [layer(one) for layer, one in zip(layers, ys, strict=True)]
    sum(there.sum() for there in theirs).backward()
    sum(here.sum() for here in ours).backward()
    for text, there, here, one, other in zip(ALONE, theirs, ours, xs, ys, strict=True):
        torch.testing.assert_close(there, here, rtol=1e-5, atol=0, msg=lambda told, text=text: f"{text}: {told}")
        torch.testing.assert_close(
            one.grad, other.grad, rtol=1e-5, atol=1e-6, msg=lambda told, text=text: f"{text}: {told}"
        )


class UselessCasts(TorchFunctionMode):
    """Remembers what a cast to the same type gave."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func is torch.Tensor.to and result is args[0]:
            self.found.append(result)
        return result


@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize(
    "make", [lambda: compile_expression(resolve("crrelu")).module(), lambda: AdaptiveActivation("tanh")]
)
def test_forward_does_not_end_in_a_cast_that_changes_nothing(make, compiling, monkeypatch):
    """With one, torch.compile of torch 2.11 answers with gradients of zero."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    with UselessCasts() as casts:
        output = make()(torch.linspace(-1, 1, 9))
    assert not any(output.data_ptr() == cast.data_ptr() for cast in casts.found)


@pytest.mark.parametrize("backend", ["eager", "inductor"])
def test_inside_a_network_it_compiles_with_it(backend):
    torch._dynamo.reset()
    layers = (
        nn.Linear(3, 4),
        compile_expression(resolve("crrelu")).module(),
        AdaptiveActivation("tanh"),
        nn.Linear(4, 1),
    )
    network, x = nn.Sequential(*layers), torch.randn(5, 3)
    whole = torch.compile(network, fullgraph=True, backend=backend)
    found, wanted = (torch.autograd.grad(f(x).sum(), list(network.parameters())) for f in (whole, network))
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("text", ["gelusinc", "crrelu"])
def test_it_compiles_for_inference_too(text):
    torch._dynamo.reset()
    layer = compile_expression(resolve(text)).module()
    x = torch.randn(5)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(layer, fullgraph=True)(x), layer(x))
    torch.testing.assert_close(torch.compile(layer, fullgraph=True)(x), layer(x))


def test_a_channel_layer_refuses_an_input_without_its_channels():
    layer = compile_expression(resolve("swish")).module(num_parameters=3)
    for shape in ((3,), (2, 5), (5, 1, 6), ()):
        with pytest.raises(ValueError, match="expected 3 channels in dimension 1, got an input of shape"):
            layer(torch.ones(shape))
    with pytest.raises(ValueError, match="must be positive, not 0"):
        compile_expression(resolve("swish")).module(num_parameters=0)


def test_vmap_over_parameters_and_inputs_gives_each_member_its_own_gradient():
    layer = compile_expression(resolve("crrelu")).module()
    values, inputs = torch.tensor([0.1, -0.3, 2.0]), torch.randn(3, 8)

    def loss(value, x):
        return torch.func.functional_call(layer, {"epsilon": value}, (x,)).square().sum()

    stacked = torch.func.vmap(torch.func.grad(loss))(values, inputs)
    single = torch.stack([torch.func.grad(loss)(v, x) for v, x in zip(values, inputs, strict=True)])
    torch.testing.assert_close(stacked, single)


def test_empty_channels_last_and_non_contiguous_inputs_work():
    layer = compile_expression(resolve("crrelu")).module()
    assert layer(torch.empty(0, 3)).shape == (0, 3)
    image = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    torch.testing.assert_close(layer(image), layer(image.contiguous()))
    square = torch.randn(4, 4)
    torch.testing.assert_close(layer(square.T), layer(square.T.contiguous()))


def test_the_kink_of_relu_has_slope_zero_and_that_of_prelu_its_parameter_as_in_torch():
    for name, slope in {"relu": 0.0, "prelu": 0.25, "leaky_relu": 0.01, "elu": 1.0}.items():
        x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        compile_expression(library()[name].expression).module().double()(x).sum().backward()
        assert x.grad.item() == pytest.approx(slope), name


@pytest.mark.parametrize("name", ["relu", "gelu", "mish", "softsign", "tanh", "elu", "softplus", "hardtanh"])
def test_infinities_and_nan_come_out_as_from_torchs_own_function(name):
    own = {"relu": "relu", "mish": "mish", "softsign": "softsign", "tanh": "tanh", "hardtanh": "hardtanh"}.get(
        name, name
    )
    x = torch.tensor([math.inf, -math.inf, math.nan])
    theirs = getattr(torch.nn.functional, own)(x)
    torch.testing.assert_close(compile_expression(resolve(name)).module()(x), theirs, equal_nan=True)


def test_a_module_can_be_pickled_whole_or_by_its_state_and_moved():
    layer = compile_expression(resolve("xielu")).module(num_parameters=2)
    with torch.no_grad():
        layer.alpha.copy_(torch.tensor([0.1, 3.0]))
    x = torch.randn(4, 2)
    torch.testing.assert_close(pickle.loads(pickle.dumps(torch.nn.Sequential(layer)))(x), layer(x))
    state = pickle.loads(pickle.dumps(layer.state_dict()))
    other = compile_expression(resolve("xielu")).module(num_parameters=2)
    other.load_state_dict(state)
    assert other.to("meta").alpha.device.type == "meta"
    assert str(layer) == "Activation(num_parameters=2, channel_dim=1)"


def test_it_exports_as_a_graph():
    layer = compile_expression(resolve("crrelu")).module()
    program = torch.export.export(layer, (torch.randn(3, 4),))
    x = torch.randn(3, 4)
    torch.testing.assert_close(program.module()(x), layer(x))


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "serf", "softplus", "elu", "relu"])
def test_the_slope_of_a_rectifier_is_one_as_far_out_as_float32_goes(name):
    x = torch.tensor([50.0, 1e8, 1e15, 1e30, 3e38])
    assert torch.equal(compile_expression(resolve(name)).slopes(x)[0], torch.ones_like(x))
