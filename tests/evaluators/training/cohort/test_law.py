"""The stack is what its members are alone, whatever their networks do, or it says why it is none."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from evaluators import Cohort, Data
from evaluators.training.cohort import grouping, kernels
from evaluators.training.cohort.fallback import StackFault
from evaluators.training.cohort.grouping import make_groups, one_by_one
from evaluators.training.cohort.law import difference, telling_rows
from evaluators.training.cohort.lone import Lone
from evaluators.training.cohort.stack import Stack
from evaluators.training.cohort.trainer import run_cohort, run_job, why_not_stacked
from primitives import parse
from tests.cohorts import CPU, NETWORKS, Perceptron, in_precision
from tests.images import FORMS, TOKENS, Cached, Images, images, jobs, losses, same_as_alone, tokens

# --- networks that differ in more than weights ------------------------------------------------


class GainInForward(nn.Module):
    def __init__(self, activation, gain):
        super().__init__()
        self.inner, self.gain = nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation()), gain
        self.out = nn.Linear(12, 3)

    def forward(self, x):
        return self.out(self.inner(x) * self.gain)


class Shuffled(nn.Module):
    """A random order, drawn with the weights, as a plain tensor."""

    def __init__(self, activation, _):
        super().__init__()
        self.order = torch.randperm(192)[:20]
        self.inner = nn.Sequential(nn.Linear(20, 12), activation(), nn.Linear(12, 3))

    def forward(self, x):
        return self.inner(x.flatten(1)[:, self.order])


class ByActivation(nn.Module):
    """Another path for functions that are low at -3, as what holds an activation's place is."""

    def __init__(self, activation, _):
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))
        self.slow = float(self.inner[2](torch.tensor(-3.0)).detach()) < -0.9

    def forward(self, x):
        return self.inner(x * 0.5 if self.slow else x)


class Drawn(nn.Module):
    """A number drawn by Python, another by NumPy, when the network is made."""

    def __init__(self, activation, _):
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))
        self.factors = [random.random(), np.random.rand()]

    def forward(self, x):
        return self.inner(x * self.factors[0] + self.factors[1])


@pytest.mark.parametrize(
    ("make", "equal"), [(GainInForward, 1), (Shuffled, 4), (ByActivation, 1), (Drawn, 4)], ids=lambda v: str(v)[-16:-2]
)
def test_members_whose_networks_differ_in_more_than_weights_train_by_themselves(make, equal):
    task = images(make)
    reasons = same_as_alone(task)
    assert any(reason.startswith("its outputs in training: ") for reason in reasons)
    groups = make_groups(jobs(), task, CPU)
    assert len(groups[0].members) <= equal * 2
    assert all("its outputs in training" in group.why_alone for group in groups if isinstance(group, Lone))


# --- state that is no buffer ------------------------------------------------------------------


class Stateful(nn.Module):
    """A running mean that is kept somewhere."""

    def __init__(self, activation, kind):
        super().__init__()
        self.one, self.act, self.out, self.kind = nn.Linear(192, 16), activation(), nn.Linear(16, 3), kind
        kept = {
            "deque": collections.deque(maxlen=3),
            "list": [0.0],
            "tensor": torch.zeros(16),
            "count": itertools.count(),
        }
        self.seen = {**kept, "object": collections.UserDict(mean=torch.zeros(16))}.get(kind)
        if kind == "buffer":
            self.register_buffer("mean", torch.zeros(16))

    def forward(self, x):
        h = self.act(self.one(x.flatten(1)))
        if self.training:
            self.keep(h.detach().mean(0))
        return self.out(h - self.kept())

    def keep(self, mean):
        if self.kind == "deque":
            self.seen.append(mean)
        elif self.kind == "list":
            self.seen[0] = 0.5 * self.seen[0] + 0.5 * mean
        elif self.kind == "object":
            self.seen["mean"] = 0.5 * self.seen["mean"] + 0.5 * mean
        elif self.kind == "count":
            next(self.seen)
        elif self.kind == "buffer":
            self.mean.mul_(0.9).add_(0.1 * mean)
        else:
            self.seen = mean if self.seen is None else 0.9 * self.seen + 0.1 * mean

    def kept(self):
        if self.kind == "deque":
            return sum(self.seen) / max(1, len(self.seen))
        if self.kind == "count":
            return 0.1 * int(repr(self.seen)[6:-1])
        if self.kind in ("list", "object"):
            return self.seen[0] if self.kind == "list" else self.seen["mean"]
        return self.mean if self.kind == "buffer" else 0.0 if self.seen is None else self.seen


@pytest.mark.parametrize("kind", ["buffer", "tensor", "none", "deque", "list", "object", "count"])
def test_state_outside_of_buffers_is_not_stacked_and_named(kind):
    reasons = same_as_alone(images(lambda activation, gain: Stateful(activation, kind)))
    told = "it keeps state outside of buffers, in 'seen'; register a buffer and write it in place"
    assert reasons == ({""} if kind == "buffer" else {told})


def test_state_that_the_task_keeps_is_not_stacked_and_named():
    class Centred(Images):
        """A loss with a running centre, as in self-distillation."""

        def network(self, activation, gain):
            return nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))

        def loss(self, outputs, targets):
            self.centre = 0.9 * getattr(self, "centre", 0.0) + 0.1 * outputs.detach().mean()
            return super().loss(outputs - self.centre, targets)

    answers = run_cohort(Cohort(jobs()), Centred(), CPU)
    assert {e.status for found in answers for e in found} == {"ok"}
    (reason,) = {e.unstacked for found in answers for e in found}
    assert "in 'the task's centre'" in reason


@pytest.mark.parametrize("in_less", [False, True], ids=["float64", "in less"])
def test_what_is_made_of_the_first_batch_is_that_of_training_alone(in_less):
    """Neither the look nor the trial may leave anything in the network that is trained."""

    class ByFirstBatch(Cached):
        def forward(self, x):
            x = x.flatten(1)
            if self.scale is None:
                self.scale = 1 + (x.mean(0).float() if in_less else x.mean(0))
            return self.inner((x * self.scale).to(x.dtype))

    for seeds in ((0,), (0, 1)):
        same_as_alone(images(ByFirstBatch, precision="float32"), seeds, within=1e-3)


class BornLate(Cached):
    """A buffer that is made in the first pass."""

    def __init__(self, activation, gain):
        super().__init__(activation, gain)
        self.register_buffer("mask", None, persistent=False)

    def forward(self, x):
        if self.mask is None:
            self.mask = torch.linspace(0.2, 1.0, 192, dtype=x.dtype, device=x.device)
        return super().forward(x.flatten(1) * self.mask)


def test_a_buffer_that_is_made_in_the_first_pass_is_no_state():
    assert same_as_alone(images(BornLate)) == {""}


def sparse(activation, gain):
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))
    network.register_buffer("adjacency", torch.eye(3).to_sparse())
    return network


def hooked(activation, gain):
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))
    for weight in network.parameters():
        weight.register_hook(lambda grad: grad.clamp(-0.05, 0.05))
    return network


@pytest.mark.parametrize(("make", "told"), [(sparse, "'adjacency' is sparse"), (hooked, "hooks on its weights")])
def test_what_a_stack_cannot_hold_is_told(make, told):
    assert all(told in reason for reason in same_as_alone(images(make)))
    assert told in why_not_stacked(images(make), CPU)


@pytest.mark.parametrize("first", [0, 3], ids=["without constants", "with a constant"])
def test_an_activation_in_two_places_is_stacked_whoever_comes_first(first):
    def make(activation, gain):
        shared = activation()
        return nn.Sequential(nn.Flatten(), nn.Linear(192, 12), shared, nn.Linear(12, 12), shared, nn.Linear(12, 3))

    some = jobs(forms=[*FORMS[first:], *FORMS[:first]])
    assert {group.why_alone for group in make_groups(some, images(make), CPU)} == {""}


def test_what_a_network_makes_once_for_all_is_no_state():
    assert same_as_alone(images(Cached)) == {""}


# --- what vmap does otherwise -----------------------------------------------------------------


@pytest.mark.parametrize("padding", [0, 13, -1, None])
def test_the_row_of_padding_has_no_gradient_whichever_member_it_is(padding):
    def make(activation, gain):
        embedding = nn.Embedding(20, 8, padding_idx=padding)
        return nn.Sequential(embedding, nn.Flatten(), nn.Linear(56, 12), activation(), nn.Linear(12, 3))

    task = tokens(make)
    task.inputs = TOKENS.clone()
    task.inputs[:, 2] = 13
    task.inputs[:, 4] = 19
    assert same_as_alone(task) == {""}


class Patches(nn.Module):
    """Dropout on tokens that are a view of a convolution's output, as in every vision transformer."""

    def __init__(self, activation, contiguous):
        super().__init__()
        self.embed, self.act, self.drop, self.out = (
            nn.Conv2d(3, 6, 4, 4),
            activation(),
            nn.Dropout(0.3),
            nn.Linear(6, 3),
        )
        self.contiguous = contiguous

    def forward(self, x):
        found = self.act(self.embed(x)).flatten(2).transpose(1, 2)
        return self.out(self.drop(found.contiguous() if self.contiguous else found).mean(1))


def encoder(activation, p):
    layer = nn.TransformerEncoderLayer(8, 2, 16, p, activation(), batch_first=True)
    return nn.Sequential(nn.Flatten(2), nn.Linear(64, 8), layer, nn.Flatten(), nn.Linear(24, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda activation, _: Patches(activation, True),
        lambda activation, _: Patches(activation, False),
        lambda activation, _: nn.Sequential(
            nn.Dropout(0.4), nn.Flatten(), nn.Linear(192, 8), activation(), nn.Linear(8, 3)
        ),
        lambda activation, _: encoder(activation, 0.1),
    ],
    ids=["contiguous", "as a view", "of the inputs", "encoder layer"],
)
def test_dropout_is_stacked_with_the_masks_of_training_alone(make):
    assert same_as_alone(images(make)) == {""}


def test_dropout_that_no_stack_can_repeat_trains_by_itself():
    def make(activation, gain):
        convolution = nn.Conv2d(3, 6, 3).to(memory_format=torch.channels_last)
        return nn.Sequential(convolution, activation(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(216, 3))

    assert all("its outputs in training" in reason for reason in same_as_alone(images(make)))


# --- the judge --------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_four_kinds_of_network_are_stacked_in_every_precision(network, precision):
    assert why_not_stacked(in_precision(network, precision), CPU) is None


class OneType(nn.Module):
    """Written for float32: in float64 it raises, or computes in less."""

    def __init__(self, activation, raises, wrong=0.0):
        super().__init__()
        self.one, self.act, self.out = nn.Linear(192, 12), activation(), nn.Linear(12, 3)
        self.raises, self.wrong = raises, 1 + wrong * random.random()

    def forward(self, x):
        x = self.act(self.one((x.float() if self.raises else x).flatten(1)))
        return self.out((x.float() * self.wrong).to(x.dtype))


@pytest.mark.parametrize("raises", [True, False])
def test_a_network_for_one_precision_is_judged_by_its_own_rounding(raises):
    stacked = images(lambda activation, gain: OneType(activation, raises), precision="float32")
    assert same_as_alone(stacked, within=0.01) == {""}
    other = images(lambda activation, gain: OneType(activation, raises, wrong=1e-3), precision="float32")
    assert any("its outputs in training" in reason for reason in same_as_alone(other, within=0.01))


def test_bfloat16_does_not_hide_what_differs():
    """Members that differ by a hundredth are told apart, also where they are not judged in float64."""

    class Slightly(GainInForward):
        def forward(self, x):
            return super().forward(x.float()).float()

    close = [(text, 1 + 0.01 * number) for number, (text, _) in enumerate(FORMS)]
    groups = make_groups(jobs(forms=close), images(Slightly, precision="bfloat16"), CPU)
    assert [len(group.members) for group in groups] == [2, 1, 1, 1, 1, 1, 1]


class Projected(Images):
    """A linear layer that no member owns, in network, loss and error."""

    weights = (
        torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)),
        torch.zeros(3).double(),
    )

    def network(self, activation, gain):
        return RandomFeatures(activation, gain)

    def loss(self, outputs, targets):
        return super().loss(nn.functional.linear(outputs, *self.weights), targets)

    def error(self, outputs, targets):
        return super().error(nn.functional.linear(outputs, *self.weights), targets)


class RandomFeatures(nn.Module):
    def __init__(self, activation, _):
        super().__init__()
        self.register_buffer("weight", torch.randn(24, 192, generator=torch.Generator().manual_seed(0)))
        self.register_buffer("bias", torch.zeros(24))
        self.inner = nn.Sequential(nn.Linear(24, 12), activation(), nn.Linear(12, 3))

    def forward(self, x):
        return self.inner(nn.functional.linear(x.flatten(1), self.weight, self.bias))


def test_linear_layers_that_no_member_owns_are_those_of_torch():
    assert same_as_alone(Projected()) == {""}
    assert same_as_alone(Projected(), seeds=(0,)) == {""}


def test_an_activation_of_the_inputs_themselves_is_told():
    def make(activation, gain):
        return nn.Sequential(activation(), nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))

    assert all("what all members share" in reason for reason in same_as_alone(images(make), seeds=(0,)))


def test_batches_of_different_shapes_are_no_fault_of_ours():
    class Cut(Images):
        def batch(self, data, rows, generator):
            inputs, targets = super().batch(data, rows, generator)
            longest = 192 if generator is None else 90 + 6 * int(rows.max())
            return inputs.flatten(1)[:, : min(192, longest)], targets

        def network(self, activation, gain):
            return Longest(activation)

    class Longest(nn.Module):
        def __init__(self, activation):
            super().__init__()
            self.inner, self.weight = (
                nn.Sequential(activation(), nn.Linear(12, 3)),
                nn.Parameter(torch.randn(192, 12) / 9),
            )

        def forward(self, x):
            return self.inner(x @ self.weight[: x.shape[1]])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reasons = same_as_alone(Cut())
    assert reasons <= {"", "batches of different seeds differ in shape"}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_loss_for_one_precision_does_not_keep_networks_out_of_a_stack(precision):
    class Weighted(Images):
        def loss(self, outputs, targets):
            return nn.functional.cross_entropy(outputs.float(), targets, weight=torch.tensor([1.0, 2.0, 0.5]))

        def network(self, activation, gain):
            return nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))

    task = Weighted()
    task.recipe = dataclasses.replace(Images.recipe, precision=precision)
    assert why_not_stacked(task, CPU) is None


def test_values_that_are_not_finite_are_equal_only_where_both_are_not():
    one = {"its outputs in training": torch.tensor([1.0, math.inf, math.nan], dtype=torch.float64)}
    other = {"its outputs in training": torch.tensor([1.0, math.nan, 2.0], dtype=torch.float64)}
    assert difference(one, one) is None
    assert "inf from those" in difference(one, other)


def test_a_weight_that_one_member_s_loss_does_not_depend_on_is_told(monkeypatch):
    """The optimiser leaves such a weight alone, and would let it decay in a stack."""

    class Skipping(nn.Module):
        def __init__(self, activation, gain):
            super().__init__()
            self.one, self.act, self.extra, self.out = nn.Linear(192, 8), activation(), nn.Linear(8, 8), nn.Linear(8, 3)
            nn.init.zeros_(self.extra.weight)
            nn.init.zeros_(self.extra.bias)
            self.uses = gain < 1.5

        def forward(self, x):
            h = self.act(self.one(x.flatten(1)))
            return self.out(h + self.extra(h) if self.uses else h)

    reasons = same_as_alone(images(Skipping, weight_decay=0.5))
    assert any("the weights that its loss depends on" in reason for reason in reasons)


def test_telling_rows_are_a_batch_with_the_extreme_symbols_and_then_the_first():
    inputs = torch.full((40, 3), 5)
    inputs[17, 1], inputs[29, 2] = 0, 9
    data = Data(inputs, torch.zeros(40))
    assert telling_rows(data, 8).tolist() == [17, 29, 0, 1, 2, 3, 4, 5]
    assert len(telling_rows(data, 500)) == 32
    assert sorted(telling_rows(Data(inputs[:3], torch.zeros(3)), 8).tolist()) == [0, 1, 2]


# --- what is told -----------------------------------------------------------------------------


def test_a_stack_leaves_out_only_those_that_differ():
    task = images(ByActivation)
    groups = make_groups(jobs(seeds=(0,), forms=[*FORMS, ("sin(x)", 1.0), ("tanh(2*x)", 1.0)]), task, CPU)
    (stack,) = (group for group in groups if isinstance(group, Stack))
    alone = {member.job.expression for group in groups if isinstance(group, Lone) for member in group.members}
    assert {member.job.expression for member in stack.members} == {"tanh(x)", "tanh(2*x)"}
    assert len(alone) == 4


def test_a_fault_of_ours_is_never_hidden_behind_training_one_by_one(monkeypatch):
    monkeypatch.setattr(kernels, "_BLOCK", "a slip")
    with pytest.warns(StackFault, match="TypeError"):
        answers = run_cohort(Cohort(jobs()), Perceptron(), CPU)
    (told,) = {e.unstacked for found in answers for e in found}
    assert told.startswith("a fault of actsearch, please report it: TypeError: ")
    alone = [run_job(job, Perceptron(), CPU) for job in jobs()]
    assert losses(answers) == losses(alone)


def test_a_fault_of_the_users_in_the_middle_of_a_stack_is_no_fault_of_ours():
    class Late(nn.Module):
        def __init__(self, activation, gain):
            super().__init__()
            self.inner = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), activation(), nn.Linear(8, 3))
            self.register_buffer("passes", torch.zeros(()))

        def forward(self, x):
            if len(x) == 8 and x.dim() == 4 and torch.is_grad_enabled():
                return self.inner(x) * (1.0 if bool(self.inner[1].weight.sum() < math.inf) else 0.0)
            return self.inner(x)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same_as_alone(images(Late)) == {"its forward or its loss turns data into numbers or branches on them"}


def test_a_formula_that_nobody_can_read_costs_its_own_row_only():
    some = [*jobs(), dataclasses.replace(jobs()[0], candidate=9, expression="no_such(x)")]
    groups = make_groups(some, Perceptron(), CPU)
    assert [len(group.members) for group in groups] == [8, 1, 1]
    assert parse(some[0].expression)
    assert len(one_by_one(some, Perceptron(), CPU)) == 10


def test_networks_whose_step_would_leave_the_cache_train_one_by_one_and_say_so():
    class Wide(Perceptron):
        def network(self, activation, gain):
            return nn.Sequential(nn.Flatten(), nn.Linear(64, 20_000), activation(), nn.Linear(20_000, 10))

    groups = make_groups(jobs(), Wide(), CPU)
    assert {group.why_alone for group in groups} == {grouping.TOO_LARGE}
