"""Cohorts from jobs to answers: rungs, losers, failures, and what cannot be stacked."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from evaluators import Cohort, Halving, Job, OwnLoop, Recipe, assess
from evaluators.judging.objectives import DEFAULT_OBJECTIVES
from evaluators.training.cohort import grouping, size, trainer
from evaluators.training.cohort.grouping import make_groups, one_by_one
from evaluators.training.cohort.lone import Lone
from evaluators.training.cohort.stack import Stack
from evaluators.training.cohort.trainer import run_cohort, run_job, why_not_stacked
from evaluators.training.pieces import Diverged
from evaluators.training.pulse import Beat, Late
from evaluators.training.task import Outcome
from primitives import resolve
from tests.cohorts import Convolutional, OnDigits, Perceptron
from tests.evaluators.training.cohort.test_stack import Dropping

CPU = torch.device("cpu")
STEPS = 24
NAMES = ("relu", "gelu", "tanh", "sigmoid", "exp(x)", "x**2", "0.001*x + x**3", "cos(9*x)")


def halved(*arguments):
    return Halving(*arguments, objectives=DEFAULT_OBJECTIVES)


def jobs(names=NAMES, seeds=(0,), **changes):
    made = []
    for number, name in enumerate(names, start=1):
        expression = resolve(name)
        found = assess(expression)
        job = Job(number, str(expression), found.gain or 1.0, "perceptron", STEPS, seeds, facts=found.facts)
        made.append(dataclasses.replace(job, **changes))
    return tuple(made)


def steps_reached(answers):
    return [max(e.steps for e in found) for found in answers]


@pytest.fixture(scope="module")
def whole():
    """Every job trained to the end, with what it had at the rungs."""
    never = halved((6, 12), 0.99)
    return run_cohort(Cohort(jobs(reference=True), never), Perceptron(), CPU)


def test_answers_hold_every_rung_reached_and_the_end_one_evaluation_a_seed():
    answers = run_cohort(
        Cohort(jobs(("relu", "tanh"), seeds=(3, 4), reference=True), halved((6, 12), 0.5)), Perceptron(), CPU
    )
    for found in answers:
        assert [(e.steps, e.seed) for e in found] == [(s, seed) for s in (6, 12, STEPS) for seed in (3, 4)]
        assert all(len(e.curve) <= 20 and e.seconds > 0 and e.test_error is None for e in found)


def test_halving_stops_the_losers_and_changes_no_number_of_those_that_stay(whole):
    answers = run_cohort(Cohort(jobs(), halved((6, 12), 0.5)), Perceptron(), CPU)
    reached = steps_reached(answers)
    assert reached.count(6) == 4
    assert 1 <= reached.count(STEPS) <= 2  # a half of a half, unless one of them dominates nobody
    assert reached.count(12) == 4 - reached.count(STEPS)
    for mine, theirs in zip(answers, whole, strict=True):
        for ours, other in zip(mine, theirs, strict=False):
            assert (ours.error, ours.steps) == (other.error, other.steps)
            assert ours.loss == pytest.approx(other.loss, abs=1e-6)


def test_references_are_trained_to_the_end_whatever_they_score():
    some = tuple(dataclasses.replace(job, reference=job.candidate in (7, 8)) for job in jobs())
    reached = steps_reached(run_cohort(Cohort(some, halved((6,), 0.25)), Perceptron(), CPU))
    assert reached[6:] == [STEPS, STEPS]
    assert 6 in reached[:6]


def test_promotion_counts_candidates_of_earlier_cohorts():
    better = tuple((0.0, 0.0, 0.0) for _ in range(40))
    worse = tuple((9.0, 999.0, 999.0) for _ in range(40))
    against_better = run_cohort(Cohort(jobs(), halved((6,), 0.5, (better,))), Perceptron(), CPU)
    against_worse = run_cohort(Cohort(jobs(), halved((6,), 0.5, (worse,))), Perceptron(), CPU)
    assert set(steps_reached(against_better)) == {6}
    assert set(steps_reached(against_worse)) == {STEPS}


def test_of_a_front_of_equals_only_references_and_those_that_lead_reach_the_top_rung(whole):
    """Nobody dominates anybody: the first is cheapest, the last is shortest, one has the lowest error."""
    equals = tuple(
        dataclasses.replace(job, facts={"cost": n, "complexity": -n}) for n, job in enumerate(jobs(NAMES[:5]))
    )
    errors = [found[0].error for found in whole[:5]]
    leaders = {0, 4, errors.index(min(errors))}
    (other, *_) = {1, 2, 3} - leaders
    for references in (set(), {other}):
        some = [dataclasses.replace(job, reference=n in references) for n, job in enumerate(equals)]
        reached = steps_reached(run_cohort(Cohort(tuple(some), halved((6,), 0.9)), Perceptron(), CPU))
        assert {n for n, steps in enumerate(reached) if steps == STEPS} == leaders | references


def test_the_lowest_error_goes_on_however_dear_and_long_it_is(whole):
    errors = [found[1].error for found in whole]  # at the second rung
    best = errors.index(min(errors))
    some = [
        dataclasses.replace(job, facts=dict.fromkeys(("cost", "complexity"), 99 + n if n == best else n))
        for n, job in enumerate(jobs())
    ]
    assert steps_reached(run_cohort(Cohort(tuple(some), halved((12,), 0.9)), Perceptron(), CPU))[best] == STEPS


def test_a_job_with_a_failing_seed_ends_and_the_others_go_on():
    answers = run_cohort(Cohort(jobs(("relu", "exp(exp(x**2))", "tanh"), seeds=(0, 1))), Perceptron(), CPU)
    assert [[e.status for e in found] for found in answers] == [["ok"] * 2, ["diverged"] * 2, ["ok"] * 2]
    assert all(e.steps == STEPS and e.error is None for e in answers[1])


def test_an_unreadable_job_fails_alone_and_the_others_have_their_numbers(whole):
    some = jobs(NAMES[:3])
    broken = (some[0], dataclasses.replace(some[1], expression="no_such(x)"), some[2])
    answers = run_cohort(Cohort(broken), Perceptron(), CPU)
    assert answers[1][0].status == "crashed"
    assert "no_such" in answers[1][0].reason
    for index in (0, 2):
        assert answers[index][-1].error == pytest.approx(whole[index][-1].error, abs=0.011)


class Unstackable(Perceptron):
    """Control flow that depends on data, which no vmap can follow."""

    def network(self, activation, gain):
        inner = super().network(activation, gain)

        class Branching(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = inner

            def forward(self, x):
                return (
                    self.inner(x)
                    if float(x.sum()) < math.inf and float(self.inner[1][0].weight.detach().sum()) < 9e9
                    else x
                )

        return Branching()


def test_what_cannot_be_stacked_trains_one_by_one_with_the_same_answers(whole):
    assert why_not_stacked(Perceptron(), CPU) is None
    assert "branches" in why_not_stacked(Unstackable(), CPU)
    answers = run_cohort(Cohort(jobs(reference=True), halved((6, 12), 0.99)), Unstackable(), CPU)
    for mine, theirs in zip(answers, whole, strict=True):
        assert [(e.steps, e.seed, e.status) for e in mine] == [(e.steps, e.seed, e.status) for e in theirs]
        assert [e.loss for e in mine] == pytest.approx([e.loss for e in theirs], abs=1e-5)


class Scaled(nn.Module):
    """A scalar weight, attention without a batch of its own, a mask that is a buffer."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.scale, self.tokens = inner, nn.Parameter(torch.tensor(0.7)), nn.Parameter(torch.randn(3, 10))
        self.register_buffer("mask", torch.ones(3, 3).tril().bool())

    def forward(self, x):
        mixed = nn.functional.scaled_dot_product_attention(self.tokens, self.tokens, self.tokens, self.mask)
        return self.scale * self.inner(x) + mixed.mean(0)


class Twice(nn.Module):
    """A layer under two names."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.first = inner[1][0]

    def forward(self, x):
        return self.inner(x) + self.first(x.flatten(1))[:, :10]


class Assigning(nn.Module):
    """A running mean that is assigned and not written in place."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.register_buffer("mean", torch.zeros(10))

    def forward(self, x):
        out = self.inner(x)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * out.mean(0).detach()
        return out - self.mean


class Counting(nn.Module):
    """A plain number that changes with every step."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.steps = inner, 0

    def forward(self, x):
        self.steps += self.training
        return self.inner(x) * (1 + 0.05 * self.steps)


class OnlyWhenScored(nn.Module):
    """A branch on data in evaluation mode only."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        out = self.inner(x)
        return out if self.training or bool(out.sum() < math.inf) else out * 0


@pytest.mark.parametrize("kind", [Scaled, Twice, Assigning, Counting, OnlyWhenScored])
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_what_vmap_alone_would_get_wrong_has_the_answers_of_training_alone(kind, seeds):
    class Odd(Perceptron):
        def network(self, activation, gain):
            return kind(super().network(activation, gain))

    cohort = Cohort(jobs(("relu", "crrelu", "tanh", "gelu"), seeds=seeds))
    task = Odd()
    answers = run_cohort(cohort, task, CPU)
    alone = trainer._Training(cohort, one_by_one(cohort.jobs, task, CPU), task, Beat()).run()
    for mine, theirs in zip(answers, alone, strict=True):
        assert [(e.status, e.error) for e in mine] == [(e.status, e.error) for e in theirs]
        assert [e.loss for e in mine] == pytest.approx([e.loss for e in theirs], abs=1e-5)
    assert (why_not_stacked(task, CPU) is None) == (kind is Scaled)


class Noisy(Perceptron):
    """Augmented by noise."""

    def batch(self, data, rows, generator):
        inputs, targets = super().batch(data, rows, generator)
        if generator is not None:
            inputs = inputs + 0.3 * torch.randn(inputs.shape, generator=generator)
        return inputs, targets


@pytest.mark.parametrize("randomness", ["shared", "member"])
def test_augmentation_is_shared_by_the_candidates_of_a_seed_or_each_one_s_own_as_the_recipe_says(randomness):
    task = Noisy()
    task.recipe = dataclasses.replace(Noisy.recipe, randomness=randomness)
    twins = jobs(("tanh",) * 4, seeds=(0, 1))
    answers = run_cohort(Cohort(twins), task, CPU)
    alone = trainer._Training(Cohort(twins), one_by_one(twins, task, CPU), task, Beat()).run()
    for mine, theirs in zip(answers, alone, strict=True):
        assert [e.loss for e in mine] == pytest.approx([e.loss for e in theirs], abs=1e-5)
    assert len({found[0].loss for found in answers}) == (1 if randomness == "shared" else 4)


def test_networks_that_draw_have_a_stack_a_seed_so_that_masks_pair_up_with_training_alone():
    some = jobs(NAMES[:4], seeds=(0, 1))
    groups = make_groups(some, Dropping(), CPU)
    assert [{m.seed for m in group.members} for group in groups] == [{0}, {1}]
    assert len(make_groups(some, Perceptron(), CPU)) == 1


def test_a_stack_is_no_larger_than_memory_allows(monkeypatch):
    monkeypatch.setattr(grouping, "stack_limit", lambda *_: 5)
    groups = make_groups(jobs(seeds=(0, 1)), Perceptron(), CPU)
    assert [len(group.members) for group in groups] == [5, 5, 5, 1]
    assert [isinstance(group, Stack) for group in groups] == [True, True, True, False]
    monkeypatch.setattr(grouping, "stack_limit", lambda *_: 1)
    assert all(isinstance(group, Lone) for group in make_groups(jobs(), Perceptron(), CPU))


def test_the_size_of_a_cohort_follows_memory_seeds_and_the_cap(monkeypatch):
    assert size.members(Perceptron(), 1, CPU) == size.MOST["cpu"]
    assert size.members(Perceptron(), 2, CPU) == size.MOST["cpu"] // 2
    assert size.members(Perceptron(), 2, CPU, cap=5) == 5
    each = size.member_bytes(Perceptron()).most
    monkeypatch.setattr(size, "_budget", lambda _: 4.5 * each)
    assert size.members(Perceptron(), 1, CPU) == size.stack_limit(Perceptron(), CPU) == 4
    assert size.members(Perceptron(), 9, CPU) == 1


@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_card_is_asked_by_number_and_what_a_process_may_not_take_is_not_counted(device, monkeypatch):
    free, share, held, used = 10e9, 0.125, 3e9, 1e9
    answers = {"mem_get_info": (free, 80e9), "get_per_process_memory_fraction": share}
    answers |= {"memory_reserved": held, "memory_allocated": used}

    def answer(name):
        def ask(which):
            assert torch._utils._get_device_index(which) == 3  # which refuses a device without its number
            return answers[name]

        return ask

    for name in answers:
        monkeypatch.setattr(torch.cuda, name, answer(name))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    assert size._budget(torch.device(device)) == pytest.approx(0.8 * (80e9 * share - used))
    answers["get_per_process_memory_fraction"] = 1.0
    assert size._budget(torch.device(device)) == pytest.approx(0.8 * (free + held - used))


def test_bytes_of_a_member_grow_with_the_batch_and_the_optimiser_s_state():
    small, large, plain = Perceptron(), Perceptron(), Perceptron()
    large.recipe = dataclasses.replace(OnDigits.recipe, batch_size=64)
    plain.recipe = dataclasses.replace(OnDigits.recipe, optimiser="sgd")
    bytes_of = [size.member_bytes(task) for task in (plain, small, large)]
    assert bytes_of[0].step < bytes_of[1].step < bytes_of[2].step
    assert bytes_of[0].scoring < bytes_of[1].scoring == bytes_of[2].scoring
    assert [each.most for each in bytes_of] == [max(each.step, each.scoring) for each in bytes_of]


def test_a_late_cohort_says_so_and_a_late_job_has_timed_out():
    with pytest.raises(Late):
        run_cohort(Cohort(jobs(timeout=0.0)), Perceptron(), CPU)
    (evaluation,) = run_job(jobs(("relu",), timeout=0.0)[0], Perceptron(), CPU)
    assert (evaluation.status, evaluation.error) == ("timeout", None)


def test_confirmation_scores_the_test_part_of_every_member():
    answers = run_cohort(Cohort(jobs(("relu", "tanh"), score_test=True)), Convolutional(), CPU)
    alone = [run_job(job, Convolutional(), CPU)[0] for job in jobs(("relu", "tanh"), score_test=True)]
    assert [found[0].test_error for found in answers] == [e.test_error for e in alone]
    assert all(found[0].test_loss is not None for found in answers)


class Scripted(OwnLoop):
    """A loop of its own: what it answers stands in the expression."""

    name = "scripted"
    recipe = Recipe(steps=1)

    def train(self, activation, gain, steps, seed, device, deadline, score_test):
        slope = float(activation()(torch.ones(1)))
        if slope > 2:
            raise Diverged("it grew")
        if slope < 0:
            raise RuntimeError("negative")
        return Outcome(error=slope, loss=slope, curve=(1.0,), metrics={"margin": 2 * slope, "seed": float(seed)})


def test_a_task_with_a_loop_of_its_own_is_asked_for_each_job_and_seed_and_its_metrics_are_kept():
    answers = run_cohort(Cohort(jobs(("x**2", "3*x**2", "-x**2"), seeds=(0, 5)), halved((6,), 0.5)), Scripted(), CPU)
    assert [[e.status for e in found] for found in answers] == [["ok"] * 2, ["diverged"] * 2, ["crashed"] * 2]
    assert [e.metrics["seed"] for e in answers[0]] == [0.0, 5.0]
    assert answers[0][0].metrics["margin"] == 2.0
    assert size.members(Scripted(), 1, CPU, cap=9) == 1
    assert "loop of its own" in why_not_stacked(Scripted(), CPU)


def test_a_loop_that_says_nothing_of_its_own_score_on_the_test_part_fails_with_the_remedy():
    class ByMargin(Scripted):
        score = "margin"

    for asked, status in ((False, "ok"), (True, "crashed")):
        ((found,),) = run_cohort(Cohort(jobs(("x**2",), score_test=asked)), ByMargin(), CPU)
        assert found.status == status
    assert "nothing of 'margin' on the test part; put it into Outcome.test_metrics" in found.reason


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: halved((5, 5), 0.5),
        lambda: halved((0,), 0.5),
        lambda: halved((5,), 1.0),
        lambda: halved((5,), 0.5, ((), ())),
        lambda: Cohort(()),
        lambda: Cohort(jobs(("relu",)) * 2),
        lambda: Cohort(jobs(("relu",), seeds=(0,)) + jobs(("tanh",), seeds=(1,))),
        lambda: Cohort(jobs(("relu",)), halved((STEPS,), 0.5)),
    ],
)
def test_cohorts_and_rungs_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"rungs|share|history|cohort|rung"):
        wrong()


def test_the_metrics_of_a_stack_are_those_of_each_alone_on_both_parts_and_made_of_whole_parts():
    seen = set()

    class Counting(Perceptron):
        def metrics(self, outputs, targets):
            seen.add(len(outputs))
            return {**super().metrics(outputs, targets), "spread": float(outputs.std())}

    some = jobs(NAMES[:4], score_test=True)
    answers = run_cohort(Cohort(some), Counting(), CPU)
    assert seen == {200}
    for job, (stacked,) in zip(some, answers, strict=True):
        (alone,) = run_job(job, Counting(), CPU)
        assert set(alone.metrics) == {"calibrated_loss", "brier", "spread"}
        for one, other in ((stacked.metrics, alone.metrics), (stacked.test_metrics, alone.test_metrics)):
            assert one == pytest.approx(other, rel=1e-6)
        assert alone.validation == {**alone.metrics, "error": alone.error, "loss": alone.loss}
        assert alone.test["brier"] == alone.test_metrics["brier"] != alone.metrics["brier"]
        assert stacked.unstacked == ""


def test_a_metric_that_is_not_finite_after_training_is_a_divergence_that_names_it():
    class Broken(Perceptron):
        def metrics(self, outputs, targets):
            return {"mine": math.nan if outputs.abs().max() > 0 else 0.0}

    for answer in (run_cohort(Cohort(jobs(NAMES[:2])), Broken(), CPU)[1], run_job(jobs()[0], Broken(), CPU)):
        assert [(e.status, e.reason) for e in answer] == [("diverged", "its mine is not finite after training")]
