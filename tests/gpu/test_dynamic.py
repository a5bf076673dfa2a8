"""DynamicEAFO on a card does what it does on the CPU."""

from __future__ import annotations

import torch
from torch import nn

from evaluators import DynamicEAFO
from evaluators.instruments.dynamic.family import Shape
from evaluators.tasks.networks import mlp

CUDA = torch.device("cuda")


def trained(device):
    """Return a network that adapted itself twice in six steps, and its callback."""
    torch.manual_seed(0)
    network = mlp([16, 64, 4], nn.GELU, 1.0).double()
    inputs = torch.randn(6, 128, 16, dtype=torch.float64)
    network.to(device)
    dynamic = DynamicEAFO(network, nn.GELU, every=3)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    for batch in inputs.to(device):
        optimiser.zero_grad()
        network(batch).square().mean().backward()
        optimiser.step()
        dynamic.step()
    return network, dynamic


def test_layers_adapt_and_freeze_on_a_card_as_on_the_cpu(table):
    (network, dynamic), (_, on_cpu) = trained(CUDA), trained(torch.device("cpu"))
    (layer,), (other,) = dynamic.layers.values(), on_cpu.layers.values()
    assert layer.counts.tolist() == [2, 0]
    assert {buffer.device.type for buffer in layer.buffers()} == {"cuda"}
    moved = float((layer.table - torch.tensor(Shape().table).to(layer.table)).abs().max())
    apart = float((layer.table.cpu() - other.table).abs().max())
    x = torch.randn(128, 16, dtype=torch.float64, device=CUDA)
    before = network(x).detach()
    dynamic.freeze()
    frozen = float((network(x).detach() - before).abs().max())
    fine = [
        table.holds("DynamicEAFO, 2 updates: largest change of a layer's shape", moved, "above 0.001", moved > 1e-3),
        table.holds("DynamicEAFO: the shape on the card minus that on the CPU", apart, 1e-6, apart <= 1e-6),
        table.holds("DynamicEAFO: frozen minus adaptive, largest output", frozen, 1e-9, frozen <= 1e-9),
    ]
    assert all(fine)
