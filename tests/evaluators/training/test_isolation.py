from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluators import Cohort, Halving, Job, load_task
from evaluators.training.cohort.group import Failure
from evaluators.training.cohort.trainer import run_cohort, run_job
from evaluators.training.executors.serial import SerialExecutor
from evaluators.training.isolation import Isolation, attempt
from evaluators.training.job import failed
from evaluators.training.pulse import Late

CPU = torch.device("cpu")
GUILTY = Failure("crashed", "pretend")


def jobs(count, steps=5, task="digits-vit", timeout=600.0):
    return tuple(Job(number, "tanh(x)", 1.0, task, steps, (0, 1), timeout=timeout) for number in range(count))


def numbers(cohort):
    """Answers by which a job can be told; a stand-in for a training."""
    return [[failed(job, seed, "cached", f"answer {job.candidate}") for seed in job.seeds] for job in cohort.jobs]


def play(parts, guilty, lost=lambda part: False, died=False):
    """Run parts until none waits; return the sizes that ran."""
    sizes = []
    while part := parts.next():
        sizes.append(len(part.cohort.jobs))
        if lost(part):
            parts.lose(part)
        elif any(job.candidate in guilty for job in part.cohort.jobs):
            parts.fail(part, GUILTY, died=died)
        else:
            parts.succeed(part, numbers(part.cohort))
    return sizes


@given(st.integers(1, 40), st.sets(st.integers(0, 39), max_size=5), st.booleans())
def test_exactly_the_guilty_jobs_fail_in_few_attempts_and_answers_keep_the_order_of_jobs(count, guilty, died):
    parts, whole = Isolation(), Cohort(jobs(count))
    parts.submit(whole)
    sizes = play(parts, guilty, died=died)
    ((cohort, answers),) = parts.finished()
    assert cohort is whole
    for job, answer in zip(cohort.jobs, answers, strict=True):
        status, reason = ("crashed", "pretend") if job.candidate in guilty else ("cached", f"answer {job.candidate}")
        assert [(e.candidate, e.seed, e.status, e.reason) for e in answer] == [
            (job.candidate, seed, status, reason) for seed in job.seeds
        ]
    found = guilty & set(range(count))
    assert len(sizes) <= 1 + len(found) * (2 * math.ceil(math.log2(count)) + died) if count > 1 else 2
    assert parts.finished() == []


def test_halves_keep_halving_with_its_history_and_have_half_of_the_time():
    halving = Halving((2,), 0.5, (((0.1,), (0.2,)),))
    parts = Isolation()
    parts.submit(Cohort(jobs(8, timeout=3.0), halving))
    whole = parts.next()
    parts.fail(whole, GUILTY)
    left, right = parts.next(), parts.next()
    assert [job.candidate for job in left.cohort.jobs + right.cohort.jobs] == list(range(8))
    assert left.cohort.halving is right.cohort.halving is halving
    assert left.cohort.timeout == right.cohort.timeout == whole.cohort.timeout / 2


def test_a_lost_node_costs_a_retry_of_the_same_part_and_ends_after_a_few():
    parts = Isolation()
    parts.submit(Cohort(jobs(4)))
    losses = iter([True, True, True])
    assert play(parts, set(), lost=lambda part: next(losses, False)) == [4, 4, 4, 4]
    assert all(answer[0].status == "cached" for answer in parts.finished()[0][1])
    parts.submit(Cohort(jobs(2)))
    play(parts, set(), lost=lambda part: True)
    assert all("lost with its node" in answer[0].reason for answer in parts.finished()[0][1])


def test_a_job_alone_is_blamed_for_a_death_at_the_second_and_for_a_failure_of_its_own_at_the_first():
    parts = Isolation()
    for died, attempts in ((True, 2), (False, 1)):
        parts.submit(Cohort(jobs(1)))
        assert play(parts, {0}, died=died) == [1] * attempts


def test_older_cohorts_are_finished_before_newer_ones_start():
    parts, order = Isolation(), []
    for task in ("a", "b"):
        parts.submit(Cohort(jobs(4, task=task)))
    while part := parts.next():
        order.append(part.cohort.task)
        if any(job.candidate == 1 for job in part.cohort.jobs):
            parts.fail(part, GUILTY)
        else:
            parts.succeed(part, numbers(part.cohort))
    assert order == sorted(order)


FAULTS = {
    "timeout": (Late(), "it took longer than 600 s"),
    "oom": (torch.OutOfMemoryError("CUDA out of memory"), "the device ran out of memory"),
    "crashed": (RuntimeError("a kernel\nfailed"), "RuntimeError: a kernel"),
}


@pytest.mark.parametrize("status", FAULTS)
def test_in_a_cohort_of_8_one_is_recorded_and_7_have_the_numbers_they_have_alone(status, monkeypatch):
    error, reason = FAULTS[status]

    def fragile(cohort, task, device, listener):
        if any(job.candidate == 5 for job in cohort.jobs):
            raise error
        return run_cohort(cohort, task, device)

    monkeypatch.setattr("evaluators.training.isolation.run_cohort", fragile)
    task = load_task("digits-vit")
    texts = ("relu(x)", "tanh(x)", "x*sigmoid(x)", "sin(x)", "gelu(x)", "exp(x)", "abs(x)", "x")
    cohort = Cohort(tuple(Job(n, text, 1.0, "digits-vit", 3, (0,)) for n, text in enumerate(texts)))
    with SerialExecutor({"digits-vit": task}, "cpu", cohort=8) as executor:
        executor.submit(cohort)
        ((_, answers),) = executor.collect()
    for job, (answer,) in zip(cohort.jobs, answers, strict=True):
        if job.candidate == 5:
            assert (answer.status, answer.reason, answer.error) == (status, reason, None)
        else:
            (alone,) = run_job(job, task, CPU)
            assert (answer.candidate, answer.status, answer.error) == (job.candidate, "ok", alone.error)
            assert answer.loss == pytest.approx(alone.loss, rel=1e-5)


def test_a_multi_line_error_becomes_one_clause(monkeypatch):
    def silent(cohort, task, device, listener):
        raise KeyError

    monkeypatch.setattr("evaluators.training.isolation.run_cohort", silent)
    assert attempt(Cohort(jobs(1)), load_task("digits-vit"), CPU) == Failure("crashed", "KeyError:")
