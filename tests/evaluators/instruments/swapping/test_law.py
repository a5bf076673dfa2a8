"""Swapping an activation for itself changes nothing."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest
import torch
from torch import nn

from evaluators import swap
from tests.evaluators.instruments.swapping import kinds


def fresh(kind):
    torch.manual_seed(0)
    return kind()


def run(network, x):
    """Return all that a step shows: outputs, gradients, buffers, and what is drawn afterwards."""
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    x = x.clone().requires_grad_()
    network.zero_grad()
    output = network(x + 0)
    output.float().square().sum().backward()
    gradients = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    return [output.detach(), x.grad, gradients, buffers, torch.rand(3), torch.tensor(random.random())]


def inputs(kind):
    width = 6 if kind is kinds.Changing else 4
    return torch.randn(5, width, generator=torch.Generator().manual_seed(2))


def equal(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    return all(map(equal, one, other)) if isinstance(one, list) else torch.equal(one, other)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.__name__)
def test_no_number_gradient_buffer_or_draw_changes(kind, training):
    network, swapped = fresh(kind).train(training), fresh(kind).train(training)
    draws = torch.get_rng_state(), random.getstate()
    state = copy.deepcopy(swapped.state_dict())
    done = swap(swapped, nn.ReLU, nn.ReLU)
    assert done.count > 0
    assert done.left == ()
    assert torch.equal(torch.get_rng_state(), draws[0])
    assert random.getstate() == draws[1]
    assert equal(dict(swapped.state_dict()), dict(state))
    x = inputs(kind)
    expected = run(network, x)
    assert equal(run(swapped, x), expected)
    assert isinstance(swapped, kind)
    assert type(swapped).__name__ == kind.__name__
    assert dict(network.named_modules()).keys() <= dict(swapped.named_modules()).keys()


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.__name__)
def test_every_place_has_the_new_activation_also_in_copies_and_pickles(kind):
    network = fresh(kind)
    done = swap(network, nn.ReLU, Doubled)
    expected = run(copy.deepcopy(network), x := inputs(kind))
    checked = done.check(x)
    assert checked.running == checked.reread == ()
    assert equal(run(copy.deepcopy(network), x), expected)
    if kind not in (kinds.Anonymous, kinds.Assigned):  # what could not be pickled before
        loaded = pickle.loads(pickle.dumps(network))
        assert type(loaded) is type(network)
        assert equal(run(loaded, x), expected)
    assert not equal(run(fresh(kind).eval(), x)[0], run(network.eval(), x)[0])


class Doubled(nn.Module):
    def forward(self, x):
        return x.clamp(min=0) * 2


GRAPHS = [
    *(kinds.Keywords, kinds.Functions, kinds.Decorated, kinds.NoGrad, kinds.Inherited, kinds.Held),
    *(kinds.Table, kinds.Made, kinds.Default, kinds.Nested, kinds.InPlace, kinds.Checkpointed),
]


@pytest.mark.parametrize("kind", GRAPHS, ids=lambda kind: kind.__name__)
def test_what_was_one_compiled_graph_stays_one(kind):
    x = inputs(kind)

    def graphs(network):
        torch._dynamo.reset()
        explained = torch._dynamo.explain(network)(x)
        return explained.graph_break_count, explained.graph_count

    with torch.random.fork_rng():
        before = graphs(fresh(kind))
        network = fresh(kind)
        swap(network, nn.ReLU, nn.ReLU)
        assert graphs(network) == before
