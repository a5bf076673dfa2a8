"""Candidates a second, stacked against one by one, and where a larger stack gains nothing more."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import torch

from evaluators import load_task
from evaluators.training.cohort import size
from evaluators.training.cohort.group import Member
from evaluators.training.cohort.lone import Lone
from evaluators.training.cohort.stack import Stack
from evaluators.training.pulse import Beat
from tests.functions import distinct_jobs
from tests.gpu.table import quartiles

CUDA = torch.device("cuda")
SIZES = (8, 32, 64, 128, 256)
ALONE = 4
STEPS, ROUNDS = 8, 5
GAINS = 1.1
"""A stack twice as large that is not faster by this is not worth its memory."""


def timed(groups, to):
    """Train groups to a step and return the seconds."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    for group in groups:
        assert group.advance(to, Beat()) == {}
    torch.cuda.synchronize()
    return time.perf_counter() - started


def raced(task, members):
    """Return for each round the seconds of a member's step, stacked and one by one, in turns."""
    stack, alone = [Stack(task, members, CUDA)], [Lone(task, member, CUDA) for member in members[:ALONE]]
    for groups in (stack, alone):
        timed(groups, STEPS)
    rounds = []
    for number in range(2, ROUNDS + 2):
        stacked = timed(stack, number * STEPS) / STEPS / len(members)
        rounds.append((stacked, timed(alone, number * STEPS) / STEPS / ALONE))
    return rounds


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["mnist1d-mlp", "digits-vit", "text-gpt"])
def test_candidates_a_second_stacked_and_one_by_one(name, table):
    task = load_task(name)
    members = [Member(job, 0) for job in distinct_jobs(task, max(SIZES))]
    whole, rates, alone = task.recipe.steps, {}, []
    for count in SIZES:
        rounds = raced(task, members[:count])
        alone += [1 / one / whole for _, one in rounds]
        rates[count], spread = quartiles([1 / stacked / whole for stacked, _ in rounds])
        ratio, around = quartiles([one / stacked for stacked, one in rounds])
        table.measured(f"{name}: candidates a second, {count} stacked", rates[count], spread)
        table.measured(f"{name}: {count} stacked over one by one", ratio, around)
    table.measured(f"{name}: candidates a second, one by one", *quartiles(alone))
    table.measured(f"{name}: stacking stops paying at", stops_paying(rates))
    table.measured(f"{name}: the largest stack that is built", size.stack_limit(task, CUDA))


def stops_paying(rates):
    """Return the size beyond which the next is not faster by a tenth."""
    for count, larger in pairwise(SIZES):
        if rates[larger] < GAINS * rates[count]:
            return count
    return f"more than {SIZES[-1]}"
