"""An exported file under torch.compile, which is Triton on a card, beside torch's own GELU."""

from __future__ import annotations

import copy
import importlib.util

import pytest
import torch
from torch import nn
from torch.nn import functional

from evaluators.instruments.dynamic.adaptive import AdaptiveActivation
from evaluators.instruments.timing import interleaved
from primitives import compile_expression, resolve
from primitives.export.dialects import export
from tests.gpu.table import quartiles

CUDA = torch.device("cuda")
SHAPE = (2**13, 2**12)
"""128 MiB in float32: the card is busy, not the launches."""
ROUNDS = 15
EXPORTED = ("gelu", "crrelu", "swish", "x**2 + x*gaussian(x) + x", "x*tanh(softplus(x))", "erf(asinh(softsign(x)))")


def imported(text, folder):
    """Return the layer of an exported file."""
    file = folder / "act.py"
    file.write_text(export(resolve(text), name="Act"))
    spec = importlib.util.spec_from_file_location("act", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Act()


def both_ways(function, x, grad):
    """Return a call of forward and backward."""

    def call():
        x.grad = None
        function(x).backward(grad)

    call()
    return call


def apart_from_float64(compiled, layer):
    """Return how far value and slope are from those of the layer in float64, at most."""
    x = torch.linspace(-6, 6, 4096, device=CUDA)
    sides = []
    for function, at in ((compiled, x.requires_grad_()), (layer.double(), x.detach().double().requires_grad_())):
        value = function(at)
        sides.append(torch.stack([value, torch.autograd.grad(value.sum(), at)[0]]).detach().double())
    return float((sides[0] - sides[1]).abs().max())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("text", EXPORTED)
def test_an_exported_file_compiles_is_right_and_is_measured_beside_gelu(text, table, tmp_path):
    torch.compiler.reset()
    layer = imported(text, tmp_path).to(CUDA)
    compiled = torch.compile(layer, fullgraph=True, dynamic=False)
    apart = apart_from_float64(compiled, copy.deepcopy(layer))
    name = f"`{text}` exported, compiled"
    fine = table.holds(f"{name}: value and slope minus float64, largest", apart, 1e-4, apart <= 1e-4)
    generator = torch.Generator().manual_seed(0)
    x, grad = (torch.randn(*SHAPE, generator=generator).to(CUDA) for _ in range(2))
    x.requires_grad_()
    gelu = torch.compile(functional.gelu, fullgraph=True, dynamic=False)
    seconds = interleaved([both_ways(f, x, grad) for f in (compiled, functional.gelu, gelu)], ROUNDS, CUDA)
    for number, other in ((1, "F.gelu"), (2, "F.gelu compiled")):
        ratio, spread = quartiles((seconds[:, 0] / seconds[:, number]).tolist())
        table.measured(f"{name}: forward and backward over {other}", ratio, spread)
    assert fine, apart


@pytest.mark.timeout(240)
def test_a_network_with_generated_layers_compiles_whole_and_has_their_gradients(table):
    torch.compiler.reset()
    layers = nn.Linear(64, 64), compile_expression(resolve("crrelu")).module(), AdaptiveActivation("tanh")
    network = nn.Sequential(*layers, nn.Linear(64, 1)).to(CUDA)
    x = torch.randn(32, 64, device=CUDA)
    whole = torch.compile(network, fullgraph=True)
    found, wanted = (torch.autograd.grad(f(x).sum(), list(network.parameters())) for f in (whole, network))
    apart = max(float((one - other).abs().max()) for one, other in zip(found, wanted, strict=True))
    assert table.holds("a network compiled whole: gradients minus those of eager mode", apart, 1e-3, apart <= 1e-3)
