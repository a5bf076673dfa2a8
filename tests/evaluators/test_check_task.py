from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from evaluators import Classification, Data, Recipe
from evaluators.check_task import check_task
from evaluators.networks import mlp
from primitives import ActsearchError


class Blobs(Classification):
    """Two blobs; a test spoils one method of it."""

    name, recipe = "blobs", Recipe(steps=5)

    def data(self, part):
        return Data(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2)

    def network(self, activation, gain):
        return mlp([3, 8, 2], activation, gain)


def spoiled(**methods):
    return type("Spoiled", (Blobs,), methods)()


def raises(error):
    def method(*_):
        raise error

    return method


def unused(self, activation, gain):
    activation()
    return mlp([3, 8, 2], nn.ReLU, gain)


FAULTS = [
    ({"name": None}, "name is missing"),
    ({"recipe": None}, "recipe is missing"),
    ({"data": raises(FileNotFoundError("x.csv"))}, r'data\("train"\) raises FileNotFoundError: x.csv'),
    ({"data": raises(ActsearchError("put x.csv there"))}, "^put x.csv there$"),
    ({"data": lambda *_: (1, 2)}, r'data\("train"\) must return Data\(inputs, targets\), not a tuple'),
    ({"data": lambda *_: Data([1.0], torch.ones(1))}, r"must hold tensors; its inputs is a list"),
    ({"data": lambda *_: Data(torch.ones(5, 3), torch.ones(4))}, r"inputs \(5, 3\) and targets \(4,\)"),
    ({"data": lambda *_: Data(torch.full((5, 3), torch.nan), torch.ones(5))}, "first inputs of train are not finite"),
    ({"batch": lambda self, data, rows, generator: data.inputs}, r"batch\(data, rows, generator\) must return"),
    (
        {"batch": lambda self, data, rows, generator: (data.inputs, data.targets)},
        r"given 4 rows returns inputs \(20, 3",
    ),
    ({"network": lambda *_: mlp([3, 8, 2], nn.ReLU, 1.0)}, r"network\(activation, gain\) never calls activation\(\)"),
    ({"network": unused}, r"no activation\(\) that network\(activation, gain\) made is used"),
    ({"network": lambda *_: "net"}, r"must return an nn.Module, not a str"),
    ({"network": raises(ValueError("odd width"))}, r"network\(activation, gain\) raises ValueError: odd width"),
    ({"network": lambda _, a, g: mlp([4, 8, 2], a, g)}, r"the network given \(4, 3\) raises RuntimeError: mat1"),
    ({"network": lambda _, a, g: mlp([3, 8, 1], a, g)}, r"loss\(outputs, targets\) given \(4, 1\), \(4,\) raises"),
    (
        {"loss": lambda _, o, t: cross_entropy(o, t, reduction="none")},
        r"must return a scalar.*not \(4,\).*outputs \(4, 2\)",
    ),
    ({"loss": lambda *_: 1.0}, "loss.* must return a tensor, not a float"),
    ({"loss": lambda *_: torch.ones(())}, "has no gradient"),
    ({"error": lambda _, o, t: (o.argmax(1) != t).float().mean()}, r"error.* shape \(4,\), not \(\)"),
    ({"error": lambda _, o, t: o}, r"error.* shape \(4,\), not \(4, 2\)"),
]


def test_a_right_task_passes_and_the_global_generator_stays():
    before = torch.get_rng_state()
    check_task(Blobs())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("methods", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_a_fault_is_told_with_method_and_shape(methods, message):
    with pytest.raises(ActsearchError, match=message):
        check_task(spoiled(**methods))
