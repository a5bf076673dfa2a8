"""Everything that runs on a device, on one that is not there: what mixes devices fails as it would there."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from evaluators import Data, DynamicEAFO, PreActivations, swap
from evaluators.tasks.networks import mlp
from evaluators.training.cohort.fallback import Unstackable
from evaluators.training.cohort.lone import Lone
from evaluators.training.cohort.stack import Stack
from evaluators.training.executors.serial import SerialExecutor
from evaluators.training.pieces import augmenting, on_device
from evaluators.training.pulse import Beat
from primitives import ActsearchError, compile_expression, parse
from tests.cohorts import NETWORKS, Causal, Perceptron, in_precision, members
from tests.pretend import DEVICES, pretended

MPS = DEVICES[1]
each_device = pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.type)


def made(network, precision="float32"):
    """Return a task of this network whose data is made on the spot, on the CPU as any task's."""
    task = in_precision(network, precision)
    images = network is not Causal
    task.data = lambda _: Data(
        torch.randn(40, 8, 8) if images else torch.randint(0, 8, (40, 16)), torch.randint(0, 10, (40,))
    )
    return task


@each_device
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_a_stack_and_one_network_train_score_and_shrink_on_a_device(network, device):
    task, panel = made(network), members(("crrelu", "gelu"), steps=3)
    with pretended(device):
        stack, alone = Stack(task, panel, device), Lone(task, panel[0], device)
        for group in (stack, alone):
            assert group.advance(1, Beat()) == {}
            assert group.scores("validation").keys() == set(group.members)
        stack.keep(panel[:1])
        assert stack.advance(2, Beat()) == {}
        assert len(stack.curve(panel[0])) == 2
        held = [*stack._weights.values(), *stack._constants(), *alone._training.network.parameters()]
        assert {tensor.device for tensor in held} == {device}
        assert {tensor.grad.device for tensor in held if tensor.requires_grad} == {device}


@each_device
def test_dropout_and_members_with_their_own_batches_train_on_a_device(device):
    task = made(Perceptron)
    task.recipe = dataclasses.replace(task.recipe, randomness="member")
    task.network = lambda activation, _: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), activation(), nn.Dropout(0.4), nn.Linear(8, 10)
    )
    panel = members(("relu",), seeds=(0, 1), steps=2)
    with pretended(device):
        assert Stack(task, panel, device).advance(1, Beat()) == {}


@each_device
def test_a_network_that_adapts_itself_trains_updates_and_freezes_on_a_device(device):
    with pretended(device):
        network = mlp([8, 6, 2], nn.PReLU, 1.0).to(device)
        dynamic = DynamicEAFO(network, nn.PReLU, base="swish", every=2)
        (layer,) = dynamic.layers.values()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(4):
            network(torch.randn(16, 8, device=device)).sum().backward()
            optimiser.step()
            dynamic.step()
        assert {tensor.device for tensor in (*layer.parameters(), *layer.buffers())} == {device}
        dynamic.entropies()
        dynamic.freeze()
        assert network(torch.randn(16, 8, device=device)).device == device


@each_device
def test_pre_activations_of_a_network_on_a_device_are_collected_on_the_cpu(device):
    with pretended(device):
        network = nn.Sequential(nn.Linear(8, 600), nn.GELU()).to(device)
        with PreActivations(network, nn.GELU) as seen:
            network(torch.randn(16, 8, device=device))
            network(torch.randn(2, 8, device=device))
        assert seen.samples()["1"].shape == (4096 + 1200,)


@each_device
@pytest.mark.parametrize("text", ["gelu(x)", "x*gaussian(x) + beta*sin(alpha*x); alpha=1.0; beta=0.3", "max(x, 0.1)"])
def test_a_generated_module_runs_forward_and_backward_on_a_device(text, device):
    compiled = compile_expression(parse(text))
    with pretended(device):
        layer, x = compiled.module().to(device), torch.randn(5, 4, device=device, requires_grad=True)
        layer(x).sum().backward()
        assert {tensor.grad.device for tensor in (x, *layer.parameters())} == {device}


@each_device
def test_a_swapped_network_runs_on_its_device(device):
    layer = compile_expression(parse("x*sigmoid(beta*x); beta=1.5")).module
    with pretended(device):
        network = nn.Sequential(nn.Linear(8, 4), nn.ReLU()).to(device)
        swapped = swap(network, nn.ReLU, layer).network
        assert swapped(torch.randn(2, 8, device=device)).device == device


@pytest.mark.parametrize("door", ["data", "executor"])
def test_float64_is_refused_where_the_device_has_none(door, monkeypatch):
    monkeypatch.setattr("evaluators.training.pieces.is_here", lambda device: True)
    task = in_precision(Perceptron, "float64")
    with pytest.raises(ActsearchError, match=r"'mps' has no float64; train this task with --device cpu"):
        SerialExecutor({task.name: task}, device="mps") if door == "executor" else on_device(
            task.data("test"), task.recipe, MPS
        )


# --- that a fault would be found -------------------------------------------------------------------


@each_device
def test_a_device_that_is_not_there_refuses_what_it_would_refuse_there(device):
    with pretended(device):
        x, on_cpu = torch.zeros(3, device=device), torch.zeros(3)
        refused = [
            lambda: x + on_cpu,
            lambda: torch.zeros(2, dtype=torch.int64, device=device).add_(torch.tensor([True, False])),
            lambda: on_cpu[torch.arange(2, device=device)],
            lambda: torch.equal(x, on_cpu),
            x.numpy,
            lambda: torch.randn(3, generator=torch.Generator(), device=device),
        ]
        refused += [x.double, lambda: x.to("cpu", torch.float64)] if device == MPS else []
        for fault in refused:
            with pytest.raises((RuntimeError, TypeError)):
                fault()
        assert x[torch.arange(2)].device == device
        assert x.cpu().double().device == on_cpu.device


def batch_with_an_offset_on_the_cpu(self, data, rows, generator):
    return data.inputs[rows] + torch.ones(8), data.targets[rows]


def batch_with_rows_of_the_device_on_data_of_the_cpu(self, data, rows, generator):
    return torch.zeros(40, 8, 8)[rows.to(data.targets.device)], data.targets[rows]


def batch_with_targets_on_the_cpu(self, data, rows, generator):
    return data.inputs[rows], data.targets[rows].cpu()


def batch_that_draws_on_the_device_from_a_generator_of_the_cpu(self, data, rows, generator):
    noise = torch.randn(8, generator=augmenting(0, 0), device=data.inputs.device)
    return data.inputs[rows] + noise, data.targets[rows]


FAULTS = [value for name, value in list(globals().items()) if name.startswith("batch_")]


@each_device
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_task_that_mixes_devices_is_found_by_a_stack_and_by_one_network(fault, device):
    task, panel = made(Perceptron), members(("relu", "gelu"), steps=2)
    task.batch = fault.__get__(task)
    with pretended(device):
        with pytest.raises((RuntimeError, TypeError, Unstackable), match=r"device"):
            Stack(task, panel, device).advance(1, Beat())
        failures = Lone(task, panel[0], device).advance(1, Beat())
    assert "device" in failures[panel[0]].reason
