"""On a card a member of a stack is trained as it would be alone."""

from __future__ import annotations

import pytest
import torch

from evaluators.training.cohort.grouping import make_groups
from evaluators.training.cohort.stack import Stack
from evaluators.training.pulse import Beat
from tests.cohorts import NETWORKS, STEPS, Transformer, alone_weights, in_precision, lone, member_weights, members

CUDA = torch.device("cuda")
TOLERANCE = {"float64": 1e-5, "float32": 1e-3}
"""Largest difference of losses in the steps, of constants after them, and of scores; float32 with TF32 off."""

NEAR = 0.05


def apart(one, other):
    return float((one.detach().double() - other.detach().double()).abs().max())


def differences(task, stack, index, member, scores):
    """Return how far a member is from itself trained alone, by what is compared.

    Weights in float64 only: where a gradient is zero but for rounding, as that of a key's bias,
    Adam makes whole steps of the rounding.
    """
    alone = lone(task, member, device=CUDA)
    (weights, constants), (expected, theirs) = member_weights(stack, index), alone_weights(alone)
    assert weights.keys() == expected.keys()
    found = {
        "losses": apart(stack._losses[:, index], alone._training.losses),
        "constants": max((abs(a - b) for a, b in zip(constants, theirs, strict=True)), default=0.0),
        "scores": max(abs(a - b) for a, b in zip(scores, alone.scores("validation")[member], strict=True)),
    }
    if task.recipe.precision == "float64":
        found["weights and buffers"] = max(apart(weights[name], value) for name, value in expected.items())
    return found


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_member_is_what_it_is_alone(network, precision, table):
    task, panel = in_precision(network, precision), members(seeds=(0, 1))
    stack = Stack(task, panel, CUDA)
    assert stack.advance(STEPS, Beat()) == {}
    scores = stack.scores("validation")
    every = [differences(task, stack, index, member, scores[member]) for index, member in enumerate(panel)]
    bound = TOLERANCE[precision]
    largest = {what: max(each[what] for each in every) for what in every[0]}
    fine = [
        table.holds(f"{network.name}, {precision}: {what}, stacked minus alone, largest", value, bound, value <= bound)
        for what, value in largest.items()
    ]
    assert all(fine), largest


@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_a_stack_that_checks_itself_leaves_nobody_out(network, precision, table):
    jobs = list(dict.fromkeys(member.job for member in members(seeds=(0, 1))))
    groups = make_groups(jobs, in_precision(network, precision), CUDA)
    reasons = [group.why_alone for group in groups if group.why_alone]
    said = f"{network.name}, {precision}: members that the stack's check leaves out"
    assert table.holds(said, len(reasons), 0, not reasons), reasons


def test_bfloat16_trains_a_stack_near_float32_and_near_one_alone(table):
    panel = members()
    mixed, full = (Stack(in_precision(Transformer, kind), panel, CUDA) for kind in ("bfloat16", "float32"))
    for stack in (mixed, full):
        assert stack.advance(STEPS, Beat()) == {}
    task = in_precision(Transformer, "bfloat16")
    alone = [lone(task, member, device=CUDA)._training.losses for member in panel]
    near = apart(mixed._losses, full._losses)
    same = max(apart(mixed._losses[:, index], losses) for index, losses in enumerate(alone))
    fine = table.holds(f"transformer, bfloat16 minus float32, largest of {STEPS} losses", near, NEAR, near <= NEAR)
    assert table.holds(
        f"transformer, bfloat16: stacked minus alone, largest of {STEPS} losses", same, NEAR, same <= NEAR
    )
    assert fine
    assert bool((mixed._losses[-1] < mixed._losses[0]).all())
