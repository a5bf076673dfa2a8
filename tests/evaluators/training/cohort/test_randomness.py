"""What a cohort draws is what each of its members draws alone, from whichever generator."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from evaluators import Cohort
from evaluators.training.cohort.trainer import run_cohort, run_job
from tests.cohorts import CPU
from tests.images import Cached, Images, images, jobs, losses, same_as_alone


class Dropped(nn.Module):
    """Stochastic depth by the generator of somebody."""

    def __init__(self, activation, draw):
        super().__init__()
        self.one, self.act, self.two, self.out = nn.Linear(192, 8), activation(), nn.Linear(8, 8), nn.Linear(8, 3)
        self.draw = draw

    def forward(self, x):
        h = self.act(self.one(x.flatten(1)))
        return self.out(h if self.training and self.draw() < 0.5 else h + self.two(h))


DRAWS = {"Python": random.random, "NumPy": np.random.rand, "torch": lambda: float(torch.rand(()))}


@pytest.mark.parametrize("by", DRAWS)
def test_every_generator_that_a_network_can_reach_is_seeded_and_left_alone(by):
    task = images(lambda activation, gain: Dropped(activation, DRAWS[by]))
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    same_as_alone(task)
    again = [losses(run_cohort(Cohort(jobs()), task, CPU)) for _ in range(2)]
    assert again[0] == again[1]
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before


def test_members_that_are_to_draw_for_themselves_are_not_stacked_where_a_stack_draws_once():
    task = images(lambda activation, gain: Dropped(activation, random.random), randomness="member")
    assert any("Python's and NumPy's" in reason for reason in same_as_alone(task))


class Jittered(Images):
    """Augmented by NumPy's generator, not by the one that it is given."""

    recipe = Images.recipe

    def network(self, activation, gain):
        return nn.Sequential(nn.Flatten(), nn.Linear(192, 12), activation(), nn.Linear(12, 3))

    def batch(self, data, rows, generator):
        inputs, targets = super().batch(data, rows, generator)
        return (inputs if generator is None else inputs + 0.2 * np.random.randn()), targets


class NoisyLoss(Jittered):
    """A penalty that counts by what some generator says."""

    def __init__(self, draw):
        self.draw = draw

    def batch(self, data, rows, generator):
        return Images.batch(self, data, rows, generator)

    def loss(self, outputs, targets):
        share = 0.3 * self.draw()
        return (1 - share) * super().loss(outputs, targets) + share * outputs.square().mean()


@pytest.mark.parametrize("by", DRAWS)
def test_a_loss_that_draws_is_that_of_training_alone(by):
    same_as_alone(NoisyLoss(DRAWS[by]))


class NoisyError(Jittered):
    """An error that draws."""

    def batch(self, data, rows, generator):
        return Images.batch(self, data, rows, generator)

    def error(self, outputs, targets):
        return super().error(outputs + torch.randn_like(outputs), targets)


def test_an_error_that_draws_is_that_of_training_alone():
    some = jobs()
    together = run_cohort(Cohort(some), NoisyError(), CPU)
    alone = [run_job(job, NoisyError(), CPU) for job in some]
    assert [[e.error for e in found] for found in together] == [[e.error for e in found] for found in alone]


def test_what_is_drawn_for_whole_batches_only_is_seen():
    class WholeBatches(Cached):
        def forward(self, x):
            if self.training and len(x) >= 8:
                x = x + 0.5 * torch.randn(1, 3, 8, 8, dtype=x.dtype)
            return super().forward(x)

    assert same_as_alone(images(WholeBatches)) == {""}


def test_augmentation_by_a_global_generator_is_that_of_training_alone():
    same_as_alone(Jittered())
