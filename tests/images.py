"""Random images through networks that tests make, and how a cohort of them is compared with each alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from evaluators import Classification, Cohort, Data, Job, Recipe
from evaluators.training.cohort.trainer import run_cohort, run_job
from tests.cohorts import CPU

STEPS = 8
FORMS = (("relu(x)", 1.0), ("tanh(x)", 1.6), ("gelu(x)", 0.7), ("x*sigmoid(beta*x); beta=1.2", 1.3))
G = torch.Generator().manual_seed(0)
IMAGES = torch.randn(96, 3, 8, 8, generator=G)
CLASSES = IMAGES.flatten(1)[:, :3].argmax(1)
TOKENS = torch.randint(1, 20, (96, 7), generator=G).masked_fill(torch.arange(7) >= 5, 0)


def jobs(seeds=(0, 1), forms=FORMS, candidates=0):
    return tuple(Job(candidates + n, text, gain, "t", STEPS, seeds) for n, (text, gain) in enumerate(forms))


class Images(Classification):
    """Random images in 3 classes through a network that a test makes."""

    name = "images"
    recipe = Recipe(steps=STEPS, batch_size=8, learning_rate=1e-2, precision="float64")
    inputs, make = IMAGES, None

    def data(self, part):
        rows = {"train": slice(0, 64), "validation": slice(64, 80), "test": slice(80, 96)}[part]
        return Data(self.inputs[rows], CLASSES[rows])

    def network(self, activation, gain):
        return self.make(activation, gain)


def images(make, **recipe):
    task = Images()
    task.make, task.recipe = make, dataclasses.replace(Images.recipe, **recipe)
    return task


def tokens(make):
    task = images(make)
    task.inputs = TOKENS
    return task


def losses(answers):
    return [[e.loss for e in found] for found in answers]


def same_as_alone(task, seeds=(0, 1), within=1e-9):
    """Train in a cohort and alone, compare, and return the reasons why some were not stacked."""
    some = jobs(seeds)
    together, alone = run_cohort(Cohort(some), task, CPU), [run_job(job, task, CPU) for job in some]
    assert [[e.status for e in found] for found in together] == [["ok"] * len(seeds)] * len(some)
    for mine, theirs in zip(losses(together), losses(alone), strict=True):
        assert mine == pytest.approx(theirs, abs=within)
    return {e.unstacked for found in together for e in found}


class Cached(nn.Module):
    """Something that is made in the first pass and stays as it is."""

    def __init__(self, activation, _):
        super().__init__()
        self.inner, self.scale = nn.Sequential(nn.Linear(192, 12), activation(), nn.Linear(12, 3)), None

    def forward(self, x):
        x = x.flatten(1)
        if self.scale is None:
            self.scale = torch.linspace(0.5, 1.5, x.shape[1], dtype=x.dtype, device=x.device)
        return self.inner(x * self.scale)
