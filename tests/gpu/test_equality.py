"""On a card a member of a stack is trained as it would be alone."""

from __future__ import annotations

import math

import pytest
import torch

from evaluators.cohort.stack import Stack
from tests.cohorts import NETWORKS, STEPS, Transformer, alone_weights, in_precision, lone, member_weights, members

CUDA = torch.device("cuda")
TOLERANCE = {"float64": 1e-5, "float32": 2e-3}
"""Largest difference of losses, weights, constants and buffers after 25 steps; float32 with TF32 off."""
SCORES = {"float64": 1e-5, "float32": 0.02}
"""Of errors and losses over 200 examples: a rounded logit may turn an answer."""


def apart(one, other):
    return float((one.double() - other.double()).abs().max())


def apart_from_alone(task, stack, index, member):
    """Return the largest difference of what was trained, and of the scores, from the member alone."""
    alone = lone(task, member, device=CUDA)
    (weights, constants), (expected, theirs) = member_weights(stack, index), alone_weights(alone)
    assert weights.keys() == expected.keys()
    assert len(constants) == len(theirs)
    found = [apart(stack._losses[:, index], alone._training.losses)]
    found += [apart(weights[name], value) for name, value in expected.items()]
    found += [abs(a - b) for a, b in zip(constants, theirs, strict=True)]
    return max(found), alone.scores("validation")[member]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_member_is_what_it_is_alone(network, precision, table):
    task, panel = in_precision(network, precision), members(seeds=(0, 1))
    stack = Stack(task, panel, CUDA)
    assert stack.advance(STEPS, math.inf) == {}
    scores = stack.scores("validation")
    trained = scored = 0.0
    for index, member in enumerate(panel):
        difference, alone = apart_from_alone(task, stack, index, member)
        trained = max(trained, difference)
        scored = max(scored, *(abs(a - b) for a, b in zip(scores[member], alone, strict=True)))
    name = f"{network.name}, {precision}: stacked minus alone, largest"
    table.add(f"{name} of losses, weights, constants, buffers", trained, bound=TOLERANCE[precision])
    table.add(f"{name} of scores", scored, bound=SCORES[precision])
    assert trained <= TOLERANCE[precision]
    assert scored <= SCORES[precision]


def test_bfloat16_trains_a_stack_near_float32_and_near_one_alone(table):
    panel = members()
    mixed, full = (Stack(in_precision(Transformer, kind), panel, CUDA) for kind in ("bfloat16", "float32"))
    for stack in (mixed, full):
        assert stack.advance(STEPS, math.inf) == {}
    task = in_precision(Transformer, "bfloat16")
    alone = [lone(task, member, device=CUDA)._training.losses for member in panel]
    near = apart(mixed._losses, full._losses)
    same = max(apart(mixed._losses[:, index], losses) for index, losses in enumerate(alone))
    table.add("transformer, bfloat16 minus float32, largest of 25 losses", near, bound=0.1)
    table.add("transformer, bfloat16: stacked minus alone, largest of 25 losses", same, bound=0.1)
    assert near <= 0.1
    assert same <= 0.1
    assert bool((mixed._losses[-1] < mixed._losses[0]).all())
