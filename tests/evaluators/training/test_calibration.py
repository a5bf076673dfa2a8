from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from evaluators.training.calibration import brier_score, calibrated_loss


def made(seed=0, count=400, classes=5, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(count, classes, generator=generator)
    truth = torch.distributions.Categorical(logits=logits / scale)
    torch.manual_seed(seed)
    return logits, truth.sample()


@given(st.floats(0.02, 50), st.integers(0, 5))
def test_the_calibrated_loss_does_not_depend_on_how_sure_a_network_is(factor, seed):
    logits, targets = made(seed)
    assert calibrated_loss(factor * logits, targets) == pytest.approx(calibrated_loss(logits, targets), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_calibrated_loss_is_the_least_over_temperatures_and_at_most_that_of_a_guess(seed):
    logits, targets = made(seed)

    def loss(logarithm):
        return float(torch.nn.functional.cross_entropy(logits.double() * math.exp(logarithm[0]), targets))

    assert calibrated_loss(logits, targets) == pytest.approx(minimize(loss, [0.0], method="Nelder-Mead").fun, rel=1e-6)
    assert calibrated_loss(logits, targets) < loss([0.0])
    against = logits.argmin(dim=1)
    assert calibrated_loss(logits, against) == pytest.approx(math.log(5), rel=1e-3)


def test_logits_that_are_not_finite_have_no_calibrated_loss():
    assert math.isnan(calibrated_loss(torch.tensor([[math.inf, 0.0]]), torch.tensor([0])))


def test_the_brier_score_is_0_for_the_truth_2_for_its_opposite_and_that_of_sklearn_for_two_classes():
    from sklearn.metrics import brier_score_loss

    sure, targets = 100 * torch.eye(3), torch.arange(3)
    assert brier_score(sure, targets) == pytest.approx(0.0)
    assert brier_score(sure, targets.roll(1)) == pytest.approx(2.0)
    logits, targets = made(classes=2)
    wanted = 2 * brier_score_loss(targets, torch.softmax(logits, 1)[:, 1])
    assert brier_score(logits, targets) == pytest.approx(wanted, rel=1e-5)
