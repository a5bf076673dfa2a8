from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import assume, given, settings

from evaluators import assess
from primitives import compile_expression, library, parse, resolve
from tests.strategies import expressions

TORCH = {
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "prelu": torch.nn.PReLU(dtype=torch.float64),
    "elu": torch.nn.ELU(),
    "gelu": torch.nn.GELU(),
    "silu": torch.nn.SiLU(),
    "mish": torch.nn.Mish(),
    "identity": torch.nn.Identity(),
    "sigmoid": torch.nn.Sigmoid(),
    "tanh": torch.nn.Tanh(),
    "softsign": torch.nn.Softsign(),
    "softplus": torch.nn.Softplus(threshold=40),
    "logsigmoid": torch.nn.LogSigmoid(),
    "tanhshrink": torch.nn.Tanhshrink(),
    "relu6": torch.nn.ReLU6(),
    "hardtanh": torch.nn.Hardtanh(),
    "hardsigmoid": torch.nn.Hardsigmoid(),
    "hardswish": torch.nn.Hardswish(),
    "selu": torch.nn.SELU(),
}
# Away from the kinks of hard functions, where one-sided slopes differ by convention.
POINTS = [-200.0, -20.0, -4.1, -2.7, -0.9, -1e-8, 1e-8, 0.3, 0.99, 2.4, 5.7, 20.0, 200.0]
GRID = torch.tensor(POINTS, dtype=torch.float64)


@pytest.mark.parametrize("name", TORCH)
def test_a_reference_equals_torchs_own_module_forward_and_backward(name):
    ours = compile_expression(library()[name].expression).module().double()
    x, y = GRID.clone().requires_grad_(), GRID.clone().requires_grad_()
    left, right = ours(x), TORCH[name](y)
    torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-10)
    left.sum().backward()
    right.sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-7, atol=1e-9)  # torch keeps 1/6 in float32


@pytest.mark.parametrize("name", library())
def test_gradients_and_second_gradients_of_every_reference_pass_gradcheck(name):
    layer = compile_expression(library()[name].expression).module().double()
    names, values = [list(part) for part in zip(*layer.named_parameters(), strict=True)] or ([], [])
    x = torch.randn(40, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def call(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(call, (x, *values))
    assert torch.autograd.gradgradcheck(call, (x, *values))


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


def test_only_the_input_and_the_parameters_are_saved_for_backward():
    saved = []
    layer = compile_expression(parse("x*tanh(softplus(alpha*x)) + sin(beta*x)*gaussian(x)")).module()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        layer(torch.randn(1000, requires_grad=True))
    assert sorted(saved) == [1, 1, 1000]


def test_a_deep_copy_has_parameters_of_its_own():
    layer = compile_expression(resolve("crrelu")).module()
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        twin.epsilon.fill_(5.0)
    assert layer.epsilon.item() == pytest.approx(0.01)
    assert not torch.equal(layer(torch.ones(1)), twin(torch.ones(1)))


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
