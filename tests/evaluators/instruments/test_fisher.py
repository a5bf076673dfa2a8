from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from evaluators import Classification, Data, Recipe, load_task
from evaluators.instruments import fisher
from evaluators.instruments.fisher import FLOOR, LEVELS, log_quantiles, log_spectrum, spectrum
from evaluators.instruments.network_features import NETWORK_FEATURES, NetworkFeature, Start, described
from evaluators.instruments.proxies import proxies
from evaluators.tasks.networks import mlp
from primitives.errors import ActsearchError


class Blobs(Classification):
    name = "blobs"
    recipe = Recipe(steps=2, precision="float64")

    def data(self, part):
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(60, 3, generator=generator, dtype=torch.float64)
        return Data(inputs, torch.randint(0, 3, (60,), generator=generator))

    def network(self, activation, gain):
        return mlp([3, 4, 3], activation, gain)


def start(task, examples, activation=nn.Tanh, seed=4):
    torch.manual_seed(seed)
    network = task.network(activation, 1.0).to(torch.float64 if task.recipe.precision == "float64" else torch.float32)
    rows = torch.randperm(len(task.data("train")), generator=torch.Generator().manual_seed(seed))[:examples]
    data = task.data("train")
    return network.eval(), Data(data.inputs[rows], data.targets[rows])


def singles(task, network, batch):
    """Return the gradient of each example, one backward pass each, shape (n, parameters)."""
    rows = []
    for x, y in zip(batch.inputs, batch.targets, strict=True):
        found = torch.autograd.grad(task.loss(network(x[None]), y[None]), list(network.parameters()))
        rows.append(torch.cat([g.flatten() for g in found]).double())
    return torch.stack(rows)


@pytest.mark.parametrize("examples", [12, 50])
def test_the_eigenvalues_are_those_of_the_whole_information_matrix(examples):
    task = Blobs()
    network, batch = start(task, examples)
    gradients = singles(task, network, batch)
    whole = torch.linalg.eigvalsh(gradients.T @ gradients / examples).numpy()
    found = spectrum(task, network, batch)
    assert len(found) == min(examples, gradients.shape[1])
    assert found == pytest.approx(whole[-len(found) :], rel=1e-8, abs=1e-12 * whole.max())
    quantiles = np.quantile(np.log10(np.maximum(whole[-len(found) :], FLOOR * whole.max())), LEVELS)
    assert log_spectrum(task, nn.Tanh, 1.0, [4], examples) == pytest.approx(quantiles, rel=1e-6)


@pytest.mark.parametrize("name", ["mnist1d-mlp", "text-gpt"])
def test_it_is_that_of_the_offline_tasks_too(name):
    task = load_task(name)
    network, batch = start(task, 10, nn.GELU)
    gradients = singles(task, network, batch)
    whole = torch.linalg.eigvalsh(gradients @ gradients.T / 10).numpy()
    assert spectrum(task, network, batch) == pytest.approx(whole, rel=1e-4, abs=1e-7 * whole.max())


def test_gradients_in_blocks_make_the_same_matrix(monkeypatch):
    task = Blobs()
    network, batch = start(task, 20)
    once = fisher.gram(task, network, batch)
    monkeypatch.setattr(fisher, "_NUMBERS", 20 * 13)
    assert torch.allclose(fisher.gram(task, network, batch), once, rtol=1e-12)


def test_quantiles_of_the_logarithm_know_rounding_and_what_is_not_finite():
    assert log_quantiles(np.array([1e-3, 1e-3])) == pytest.approx([-3.0] * len(LEVELS))
    assert log_quantiles(np.array([-1e-18, 0.0, 10.0])).min() >= 1 + math.log10(FLOOR)
    assert log_quantiles(np.zeros(3)) == pytest.approx([-30.0] * len(LEVELS))
    assert np.isnan(log_quantiles(np.array([1.0, np.inf]))).all()

    class Hole(nn.Module):
        def forward(self, x):
            return x / 0

    assert np.isnan(log_spectrum(Blobs(), Hole, 1.0, [0], 8)).all()


def test_the_trace_is_the_sum_and_the_global_generator_is_left_alone():
    task, before = Blobs(), torch.get_rng_state()
    network, batch = start(task, 30)
    trace = proxies(task, nn.Tanh, 1.0, [4], 30).fisher_trace
    assert spectrum(task, network, batch).sum() == pytest.approx(trace, rel=1e-6)
    torch.set_rng_state(before)
    log_spectrum(task, nn.Tanh, 1.0, [0, 1])
    assert torch.equal(before, torch.get_rng_state())


def test_features_of_a_network_are_registered_by_name_and_an_extension_adds_one():
    begun = Start(Blobs(), nn.Tanh, 1.0, seeds=[4], examples=20)
    found = described(begun)
    assert list(found) == list(NETWORK_FEATURES)
    assert found["gradient_norm"] == pytest.approx(math.log10(begun.proxies.gradient_norm))
    assert [found[f"fisher_{round(100 * level)}"] for level in LEVELS] == pytest.approx(list(begun.log_spectrum))
    NETWORK_FEATURES.register("width", NetworkFeature("width", "of the spectrum", lambda s: np.ptp(s.log_spectrum)))
    try:
        assert described(begun)["width"] > 0
        with pytest.raises(ActsearchError, match="already registered"):
            NETWORK_FEATURES.register("width", NETWORK_FEATURES["width"])
    finally:
        NETWORK_FEATURES.unregister("width")
