from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from evaluators import assess
from evaluators.tasks import OFFLINE, load_task
from evaluators.tasks.mnist1d import _made
from evaluators.testing import TaskContract
from primitives import compile_expression, resolve


class TestOfflineTask(TaskContract):
    @pytest.fixture(scope="class", params=OFFLINE)
    @classmethod
    def task(cls, request):
        return load_task(request.param)

    def test_its_network_can_be_stacked(self, task):
        """Outputs and gradients of three members under vmap are those of each by itself."""
        networks = [task.network(torch.nn.GELU, 1.5).double().eval() for _ in range(3)]
        data = task.data("train")
        inputs, targets = (t[:8].double() if t.is_floating_point() else t[:8] for t in (data.inputs, data.targets))
        parameters, buffers = stack_module_state(networks)

        def loss(parameters, buffers):
            outputs = functional_call(networks[0], (parameters, buffers), (inputs,))
            return task.loss(outputs, targets), task.error(outputs, targets)

        with sdpa_kernel(SDPBackend.MATH):  # the fused one has no batching rule on a CPU
            together, errors = vmap(grad(loss, has_aux=True))(parameters, buffers)
        for number, network in enumerate(networks):
            outputs = network(inputs)
            task.loss(outputs, targets).backward()
            assert torch.allclose(task.error(outputs, targets), errors[number], atol=1e-12)
            for name, parameter in network.named_parameters():
                assert torch.allclose(parameter.grad, together[name][number], atol=1e-10), name

    def test_signals_start_at_the_same_scale_for_every_activation(self, task):
        """With its gain, the outputs of a ReLU and a sigmoid network are of one size."""
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
