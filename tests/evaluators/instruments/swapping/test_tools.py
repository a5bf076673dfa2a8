"""A swapped network under the tools that are put around networks."""

from __future__ import annotations

import copy
import inspect
import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from evaluators import swap
from tests.evaluators.instruments.swapping import kinds


def pair(kind, new=nn.Tanh):
    torch.manual_seed(0)
    network = kind().eval()
    swapped = copy.deepcopy(network)
    swap(swapped, nn.ReLU, new)
    return network, swapped


X = torch.randn(5, 4, generator=torch.Generator().manual_seed(3))


def test_functional_call_and_vmap_over_stacked_states_reach_the_weights_of_new_activations():
    networks = [pair(kinds.Functions, nn.PReLU)[1] for _ in range(3)]
    for number, network in enumerate(networks):
        for parameter in network.parameters():
            parameter.data += number / 10
    parameters, buffers = torch.func.stack_module_state(networks)

    def call(p, b, x):
        return torch.func.functional_call(networks[0], (p, b), (x,))

    outputs = torch.vmap(call, (0, 0, None))(parameters, buffers, X)
    for network, output in zip(networks, outputs, strict=True):
        torch.testing.assert_close(output, network(X))


@pytest.mark.parametrize("how", ["wrapped", "in place"])
def test_a_network_that_was_compiled_before_runs_the_new_activation(how):
    network, swapped = pair(kinds.Functions)
    expected = swapped(X)
    torch._dynamo.reset()
    if how == "wrapped":
        compiled = torch.compile(network, backend="eager")
    else:
        network.compile(backend="eager")
        compiled = network
    before = compiled(X)
    done = swap(compiled, nn.ReLU, nn.Tanh)
    assert done.count == 2
    assert not torch.equal(compiled(X), before)
    torch.testing.assert_close(compiled(X), expected)


def test_ddp_parametrizations_and_further_classes_around_it_work(tmp_path):
    swapped = pair(kinds.Decorated, nn.PReLU)[1]
    expected = swapped(X)
    parametrizations.weight_norm(swapped.first)
    torch.testing.assert_close(swapped(X), expected)
    other = kinds.Decorated()
    parametrizations.spectral_norm(other.first)
    swap(other, nn.ReLU, nn.Tanh)
    assert parametrize.is_parametrized(other.first)
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        parallel = nn.parallel.DistributedDataParallel(swapped)
        parallel(X).sum().backward()
        assert all(p.grad is not None for p in parallel.parameters())
    finally:
        torch.distributed.destroy_process_group()


def test_a_pickle_loads_in_another_process_and_says_when_the_source_has_changed(tmp_path):
    source = inspect.getsource(kinds)
    (tmp_path / "mine.py").write_text(source)
    save = "import torch, mine; from torch import nn; from evaluators import swap; torch.manual_seed(0)\n"
    save += "n = mine.Functions(); swap(n, nn.ReLU, nn.Tanh); torch.save(n, 'n.pt')\n"
    save += "torch.save(n(torch.ones(1, 4)), 'y.pt')"
    load = "import torch; n = torch.load('n.pt', weights_only=False)\n"
    load += "assert torch.equal(n(torch.ones(1, 4)), torch.load('y.pt'))"
    environment = {**os.environ, "PYTHONPATH": f"{os.getcwd()}:{tmp_path}", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(code):
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
        )

    assert run(save).stderr == ""
    assert run(load).stderr == ""
    (tmp_path / "mine.py").write_text(source.replace("def inner(x):\n", "def inner(x):\n    x = x * 1\n"))
    assert "is not what it was when its activations were swapped" in run(load).stderr


def test_a_subclass_that_is_made_anew_from_the_instance_is_as_written():
    swapped = pair(kinds.Kind)[1]
    torch.manual_seed(0)
    again = type(swapped)()
    assert type(again) is kinds.Kind
    torch.manual_seed(0)
    torch.testing.assert_close(again(X), kinds.Kind()(X))


def test_new_weights_are_saved_and_loaded_with_the_rest():
    swapped = pair(kinds.Method, nn.PReLU)[1]
    state = swapped.state_dict()
    assert [name for name in state if "activation" in name] == [f"activation_{n}.weight" for n in range(1, 5)]
    other = pair(kinds.Method, nn.PReLU)[1]
    other.load_state_dict({name: value + 0.01 for name, value in state.items()})
    assert not torch.equal(other(X), swapped(X))
    other.load_state_dict(state)
    assert torch.equal(other(X), swapped(X))


def test_autocast_and_reentrant_checkpoints_see_the_new_activation():
    class Seen(nn.Module):
        types: list = []  # noqa: RUF012

        def forward(self, x):
            self.types.append((x.dtype, torch.is_grad_enabled()))
            return x

    swapped = pair(kinds.Kind, Seen)[1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        swapped(X)
    assert Seen.types == [(torch.bfloat16, True)]
    x = X.clone().requires_grad_()
    torch.utils.checkpoint.checkpoint(swapped, x, use_reentrant=True).sum().backward()
    assert [grad for _, grad in Seen.types] == [True, False, True]
