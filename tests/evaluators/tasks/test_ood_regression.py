from __future__ import annotations

import math

import pytest
import torch

from evaluators.tasks.catalogue import load_task
from evaluators.tasks.offline.formulas import FORMULAS
from evaluators.tasks.offline.ood_regression import RANGES
from evaluators.testing import PARTS


@pytest.fixture(scope="module")
def task():
    return load_task("ood-regression")


def test_the_ranges_of_the_parts_do_not_meet_and_lie_ever_farther_out(task):
    farthest = {part: task.data(part).inputs.abs().amax(dim=2) / math.sqrt(3) for part in PARTS}
    for part, (low, high) in RANGES.items():
        assert ((farthest[part] >= low - 1e-6) & (farthest[part] <= high + 1e-6)).all()
    assert (farthest["train"].amax(dim=0) <= farthest["validation"].amin(dim=0) + 1e-6).all()
    assert (farthest["validation"].amax(dim=0) <= farthest["test"].amin(dim=0) + 1e-6).all()
    for part in ("validation", "test"):  # on both sides of the training range
        out = task.data(part).inputs[:, :, 0]
        assert (out.amin(dim=0) < -math.sqrt(3)).all()
        assert (out.amax(dim=0) > math.sqrt(3)).all()


def test_targets_are_the_formulas_and_inputs_a_formula_lacks_are_zero(task):
    for number, formula in enumerate(FORMULAS):
        assert not task.data("test").inputs[:, number, formula.inputs :].any()
        raw, seen = [], []
        for part in PARTS:
            data = task.data(part)
            raw.append(formula(data.inputs[:, number, : formula.inputs].double() / math.sqrt(3)))
            seen.append(data.targets[:, number, 0].double())
        values, targets = torch.cat(raw), torch.cat(seen)
        expected = (values - raw[0].mean()) / raw[0].std()
        assert torch.allclose(targets, expected, rtol=1e-4, atol=1e-4), formula.name


def test_the_error_is_bounded_zero_when_right_and_below_a_half_for_the_mean(task):
    targets = task.data("validation").targets
    right = targets[..., :1]
    assert task.error(right, targets).max() == 0
    mean = right.mean(dim=0, keepdim=True).expand_as(right)
    assert 0.2 < task.error(mean, targets).mean() < 0.5
    exploded = right.clone()
    exploded[:, 3] = 1e15
    assert torch.allclose(task.error(exploded, targets), torch.full((len(targets),), 1 / len(FORMULAS)))


def test_the_perceptrons_of_two_formulas_do_not_touch(task):
    network = task.network(torch.nn.GELU, 1.5)
    inputs = task.data("train").inputs[:4]
    changed = inputs.clone()
    changed[:, 5, 0] += 1
    differs = (network(inputs) != network(changed)).any(dim=2)
    assert differs[:, 5].all()
    assert differs.sum() == 4
