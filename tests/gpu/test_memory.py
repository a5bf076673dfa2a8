"""What a stack takes of a card is what was estimated, and where it does not fit it is halved."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from torch import nn

from evaluators import Cohort, Recipe, load_task
from evaluators.tasks.networks import mlp
from evaluators.training.cohort import size
from evaluators.training.cohort.group import Member
from evaluators.training.cohort.stack import Stack
from evaluators.training.executors.serial import SerialExecutor
from evaluators.training.pulse import Beat
from tests.cohorts import OnDigits
from tests.functions import distinct_jobs as jobs

CUDA = torch.device("cuda")
LEAST, MOST = 0.9, 6.0
"""How far the estimate may lie below and above what the card reports, as ratios."""


class Wide(OnDigits):
    """A perceptron whose weights take more than its activations."""

    name = "wide perceptron"
    recipe = Recipe(steps=10, batch_size=64)

    def network(self, activation, gain):
        return nn.Sequential(nn.Flatten(), mlp([64, 2048, 2048, 10], activation, gain))


def peak_of(task, count):
    """Return the bytes that a stack of so many takes at most, beyond what was there before."""
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    stack = Stack(task, [Member(job, 0) for job in jobs(task, count)], CUDA)
    stack.advance(3, Beat())
    stack.scores("validation")
    return torch.cuda.max_memory_allocated() - before


@pytest.mark.parametrize("name", ["mnist1d-mlp", "digits-vit", "text-gpt", "wide perceptron"])
def test_the_estimate_of_a_member_s_memory_is_what_the_card_reports(name, table):
    task = Wide() if name == Wide.name else load_task(name)
    peak_of(task, 4)  # what a first call allocates for good, as the workspace of cuBLAS
    small, large = (peak_of(task, count) for count in (8, 24))
    measured, estimated = (large - small) / 16, size.member_bytes(task).most
    ratio = estimated / measured
    table.measured(f"{name}: MiB of a member, as the card reports", measured / 2**20)
    assert table.holds(f"{name}: the estimate over that", ratio, f"{LEAST} to {MOST}", LEAST <= ratio <= MOST)


@contextmanager
def allowed(count):
    """Allow this process so many bytes of the card."""
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(count / torch.cuda.get_device_properties(CUDA).total_memory)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_a_stack_is_no_larger_than_the_process_is_allowed(table):
    task = Wide()
    with allowed(2**30):
        limit, fits = size.stack_limit(task, CUDA), int(2**30 / size.member_bytes(task).most)
        assert table.holds("members of a stack where 1 GiB is allowed", limit, f"2 to {fits}", 2 <= limit <= fits)
        assert peak_of(task, limit) <= 2**30


class Wasteful(nn.Module):
    """Takes 256 MiB a member for the length of a call, which no estimate from a backward pass can know of."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        with torch.no_grad():
            taken = self.weight + torch.zeros(2**26, device=x.device)
        return x + 0 * taken[0]


class Hungry(OnDigits):
    """Digits through a network with a wasteful layer."""

    name = "hungry"
    recipe = Recipe(steps=4, batch_size=32)

    def network(self, activation, gain):
        return nn.Sequential(nn.Flatten(), mlp([64, 32, 10], activation, gain), Wasteful())


def answered(task, count):
    """Return the status of every row of a cohort that a serial executor runs."""
    executor = SerialExecutor({task.name: task}, device="cuda")
    executor.submit(Cohort(tuple(jobs(task, count))))
    ((_, answers),) = executor.collect()
    executor.close()
    return [evaluation.status for rows in answers for evaluation in rows]


def test_a_cohort_that_runs_out_of_memory_is_halved_and_every_row_is_answered(monkeypatch, table):
    sizes, build = [], Stack.__init__

    def counted(self, task, members, *rest):
        sizes.append(len(members))
        build(self, task, members, *rest)

    monkeypatch.setattr(Stack, "__init__", counted)
    with allowed(3 * 2**30):
        statuses = answered(Hungry(), 16)
    tried, halved = ", ".join(map(str, sizes)), sizes[0] == 16 > sizes[1]
    halved = table.holds("16 candidates, out of memory: sizes of the stacks tried", tried, "16, then fewer", halved)
    good = statuses.count("ok")
    assert table.holds("16 candidates, out of memory: rows answered 'ok'", good, "16 of 16", statuses == ["ok"] * 16)
    assert halved


def test_candidates_that_do_not_fit_alone_are_answered_so(table):
    with allowed(2**27):
        statuses = answered(Hungry(), 2)
    found, wanted = ", ".join(statuses), ["oom", "oom"]
    assert table.holds("2 candidates that do not fit: their status", found, ", ".join(wanted), statuses == wanted)
