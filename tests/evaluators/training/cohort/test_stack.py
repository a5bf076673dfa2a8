"""A member of a stack is trained as it would be alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from evaluators.tasks.networks import mlp
from evaluators.training.cohort.group import Failure, Member
from evaluators.training.cohort.stack import Stack
from evaluators.training.pulse import Beat
from tests.cohorts import (
    CPU,
    NETWORKS,
    PANEL,
    STEPS,
    Convolutional,
    OnDigits,
    Perceptron,
    Transformer,
    alone_weights,
    lone,
    member_weights,
    members,
)


@pytest.mark.parametrize("task", [kind() for kind in NETWORKS], ids=lambda t: t.name)
@pytest.mark.parametrize("seeds", [(0,), (3, 4)], ids=["one seed", "two seeds"])
def test_every_member_is_what_it_is_alone_losses_weights_constants_buffers_and_scores(task, seeds):
    panel = members(PANEL, seeds)
    stack = Stack(task, panel, CPU)
    assert stack.advance(STEPS, Beat()) == {}
    scores = stack.scores("validation")
    for index, member in enumerate(panel):
        alone = lone(task, member)
        torch.testing.assert_close(stack._losses[:, index].double(), alone._training.losses.double(), rtol=0, atol=1e-5)
        (weights, constants), (expected, theirs) = member_weights(stack, index), alone_weights(alone)
        assert weights.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-5, msg=f"{member.job.expression} {name}")
        assert constants == pytest.approx(theirs, abs=1e-5)
        assert scores[member] == pytest.approx(alone.scores("validation")[member], abs=1e-5)


@pytest.mark.parametrize("task", [Perceptron(), Convolutional()], ids=lambda t: t.name)
def test_gradients_of_every_member_are_those_it_has_alone(task):
    panel = members()
    stack = Stack(task, panel, CPU)
    stack.advance(1, Beat())
    for index, member in enumerate(panel):
        alone = lone(task, member, to=1)
        named = {n: p.grad for n, p in alone._training.network.named_parameters() if n in stack._weights}
        for name, grad in named.items():
            torch.testing.assert_close(stack._weights[name].grad[index], grad, rtol=0, atol=1e-10)
        own = [p.grad.item() for n, p in alone._training.network.named_parameters() if n not in stack._weights]
        ours = [g.item() for s in stack._slots for g in s.constants[0].grad[index, : len(own) // len(stack._slots)]]
        assert ours == pytest.approx(own, abs=1e-10)


def test_a_diverged_member_is_dropped_and_the_others_numbers_are_what_they_would_be_without_it():
    names = ("relu", "exp(exp(x**2))", "swish", "tanh")
    task, panel = Perceptron(), members(names)
    stack = Stack(task, panel, CPU)
    failures = stack.advance(STEPS, Beat())
    assert failures == {panel[1]: Failure("diverged", "the training loss stopped being finite")}
    without = Stack(task, [m for m in panel if m is not panel[1]], CPU)
    without.advance(STEPS, Beat())
    assert stack.members == without.members
    torch.testing.assert_close(stack._losses, without._losses, rtol=0, atol=1e-12)
    for name, value in without._weights.items():
        torch.testing.assert_close(stack._weights[name], value, rtol=0, atol=1e-12)


def test_dropping_members_changes_nothing_for_those_that_stay():
    task, panel = Convolutional(), members(seeds=(0, 1))
    whole, shrunk = Stack(task, panel, CPU), Stack(task, panel, CPU)
    for stack in (whole, shrunk):
        stack.advance(10, Beat())
    shrunk.keep(panel[3:5] + panel[8:9])
    for stack in (whole, shrunk):
        stack.advance(STEPS, Beat())
    scores, fewer = whole.scores("validation"), shrunk.scores("validation")
    for member in shrunk.members:
        assert fewer[member] == pytest.approx(scores[member], abs=1e-10)
        assert shrunk.curve(member) == pytest.approx(whole.curve(member), abs=1e-6)


class Dropping(Perceptron):
    def network(self, activation, gain):
        return nn.Sequential(
            nn.Flatten(), mlp([64, 24], activation, gain), activation(), nn.Dropout(0.4), nn.Linear(24, 10)
        )


def test_shared_randomness_gives_each_member_the_masks_it_would_draw_alone():
    task, panel = Dropping(), members(seeds=(5,))
    stack = Stack(task, panel, CPU)
    assert stack.draws
    stack.advance(STEPS, Beat())
    for index, member in enumerate(panel):
        torch.testing.assert_close(stack._losses[:, index], lone(task, member)._training.losses, rtol=0, atol=1e-5)


def test_members_draw_their_own_masks_when_the_recipe_says_so():
    task = Dropping()
    task.recipe = dataclasses.replace(Perceptron.recipe, randomness="member")
    job = members(("relu",))[0].job
    twins = [Member(dataclasses.replace(job, candidate=number), 0) for number in (1, 2)]
    stack = Stack(task, twins, CPU)
    stack.advance(5, Beat())
    assert not torch.allclose(stack._losses[:5, 0], stack._losses[:5, 1])
    first, second = (lone(task, twin, to=5)._training.losses for twin in twins)
    assert not torch.allclose(first, second)


def test_mixed_precision_trains_a_stack_as_it_trains_one():
    task, panel = Transformer(), members()
    task.recipe = dataclasses.replace(OnDigits.recipe, precision="bfloat16")
    stack = Stack(task, panel, CPU)
    stack.advance(STEPS, Beat())
    for index, member in enumerate(panel):
        theirs = lone(task, member)._training.losses
        assert stack._losses[:, index].tolist() == pytest.approx(theirs.tolist(), abs=0.05)
        assert stack._losses[-1, index] < stack._losses[0, index]


def test_a_stack_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    stack = Stack(Dropping(), members(), CPU)
    stack.advance(3, Beat())
    assert torch.equal(before, torch.get_rng_state())
