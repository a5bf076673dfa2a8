from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from evaluators import assess
from evaluators.tasks.catalogue import OFFLINE, load_task
from evaluators.tasks.offline.mnist1d import _made
from evaluators.testing import TaskContract
from evaluators.training.cohort.trainer import why_not_stacked
from primitives import compile_expression, resolve


class TestOfflineTask(TaskContract):
    @pytest.fixture(scope="class", params=OFFLINE)
    @classmethod
    def task(cls, request):
        return load_task(request.param)

    def test_it_is_stacked(self, task):
        """Members of three functions, gains and seeds are what each is alone."""
        assert why_not_stacked(task, torch.device("cpu")) is None

    def test_signals_start_at_the_same_scale_for_every_activation(self, task):
        """With its gain, the outputs of a ReLU and a sigmoid network are of one size.

        Not where a function that is 0 at the edges multiplies them, nor after thirty layers of 40 units, in which
        chance adds up.
        """
        if task.name.startswith("pinn-") or task.name == "deep-mlp":
            return
        inputs = task.data("train").inputs
        inputs = inputs[:: len(inputs) // 256]
        scales = []
        for name in ("relu", "sigmoid"):
            torch.manual_seed(0)
            network = task.network(compile_expression(resolve(name)).module, assess(resolve(name)).gain)
            scales.append(network(inputs).square().mean().sqrt().item())
        assert min(scales) > 1 / 3
        assert max(scales) < min(2 * min(scales), 3)


def test_making_mnist1d_leaves_every_global_generator_alone():
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    _made.cache_clear()
    load_task("mnist1d-mlp").data("train")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
