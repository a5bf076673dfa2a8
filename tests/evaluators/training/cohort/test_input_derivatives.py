"""Losses that differentiate a network by its inputs: stacked they are what they are alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch.func import grad, hessian, jacrev, jvp, vmap

from evaluators import Data, Recipe, Task
from evaluators.tasks.check import check_task
from evaluators.tasks.networks import mlp
from evaluators.training.cohort.size import member_bytes
from evaluators.training.cohort.stack import Stack
from evaluators.training.cohort.trainer import why_not_stacked
from evaluators.training.pulse import Beat
from primitives import ActsearchError
from tests.cohorts import CPU, lone, members

SMOOTH = (
    "tanh",
    "gelu",
    "sin(2*x)",
    "swish",
    "mish",
    "x*gaussian(x) + beta*sin(alpha*x); alpha=1.0; beta=0.3",
    "sinc(x)",
)


def by_grad(network, points):
    first = grad(lambda some: network(some).sum())
    second = [grad(lambda some, at=at: first(some)[:, at].sum())(points)[:, at] for at in (0, 1)]
    return first(points), sum(second)


def by_jvp(network, points):
    directions = [torch.eye(2, dtype=points.dtype)[at].expand_as(points) for at in (0, 1)]
    twice = [jvp(lambda some, to=to: jvp(network, (some,), (to,))[1], (points,), (to,)) for to in directions]
    return torch.cat([first for first, _ in twice], dim=1), sum(second[:, 0] for _, second in twice)


def by_hessian(network, points):
    one = lambda point: network(point[None])[0, 0]  # noqa: E731
    return vmap(jacrev(one))(points), torch.diagonal(vmap(hessian(one))(points), dim1=1, dim2=2).sum(dim=1)


def by_autograd(network, points):
    points = points.clone().requires_grad_()
    (first,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
    second = [torch.autograd.grad(first[:, at].sum(), points, create_graph=True)[0][:, at] for at in (0, 1)]
    return first, sum(second)


class Physical(Task):
    recipe = Recipe(steps=8, batch_size=16, precision="float64", learning_rate=0.01)
    needs = ("twice_differentiable",)

    def __init__(self, derivatives):
        self.name, self.derivatives = derivatives.__name__, derivatives

    def data(self, part):
        points = torch.rand(64, 2, generator=torch.Generator().manual_seed(len(part))) * 2 - 1
        return Data(points, (math.pi * points).sin().prod(dim=1, keepdim=True))

    def network(self, activation, gain):
        return mlp([2, 8, 8, 1], activation, gain)

    def loss(self, outputs, targets):
        return (outputs - targets).square().mean()

    def error(self, outputs, targets):
        return (outputs - targets).square().mean(dim=1)

    def loss_of(self, network, inputs, targets):
        first, laplacian = self.derivatives(network, inputs)
        return (
            (laplacian + targets[:, 0]).square().mean()
            + 0.1 * first.square().mean()
            + self.loss(network(inputs), targets)
        )


@pytest.mark.parametrize("derivatives", [by_grad, by_jvp, by_hessian], ids=lambda way: way.__name__)
def test_every_member_is_what_it_is_alone_however_the_loss_differentiates(derivatives):
    task, panel = Physical(derivatives), members(SMOOTH, (0,), 8)
    assert why_not_stacked(task, CPU) is None
    stack = Stack(task, panel, CPU)
    assert stack.advance(8, Beat()) == {}
    scores = stack.scores("validation")
    for index, member in enumerate(panel):
        alone = lone(task, member, to=8)
        torch.testing.assert_close(stack._losses[:, index], alone._training.losses, rtol=1e-5, atol=1e-5)
        assert scores[member].error == pytest.approx(alone.scores("validation")[member].error, rel=1e-5)


def test_the_ways_to_differentiate_agree_and_what_cannot_stack_says_so():
    panel = members(("tanh",), (0,), 2)
    losses = [
        lone(Physical(way), panel[0], to=2)._training.losses for way in (by_grad, by_jvp, by_hessian, by_autograd)
    ]
    for other in losses[1:]:
        torch.testing.assert_close(other, losses[0], rtol=1e-9, atol=1e-9)
    why = why_not_stacked(Physical(by_autograd), CPU)
    assert why is not None
    assert "torch.autograd.grad" in why
    assert "torch.func" in why


def test_what_a_derivative_keeps_counts_as_memory():
    class Plain(Physical):
        def loss_of(self, network, inputs, targets):
            return self.loss(network(inputs), targets)

    assert member_bytes(Physical(by_jvp)).step > 1.5 * member_bytes(Plain(by_jvp)).step


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loss_of": lambda *_: torch.zeros(())}, "has no gradient"),
        ({"loss_of": lambda network, x, _: network(x)}, "must return a scalar"),
        ({"loss_of": lambda network, x, _: network(x).sum() * math.inf}, "for a fresh network"),
        ({"needs": ("twice",)}, "twice_differentiable"),
        ({"input_scale": 0}, "above 0"),
    ],
    ids=lambda value: "",
)
def test_a_task_whose_own_loss_or_needs_are_wrong_is_refused_in_one_sentence(changes, said):
    task = Physical(by_grad)
    for name, value in changes.items():
        setattr(task, name, value)
    with pytest.raises(ActsearchError, match=said):
        check_task(task)
