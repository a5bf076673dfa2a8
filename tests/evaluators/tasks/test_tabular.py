from __future__ import annotations

import pytest
import torch

from evaluators.tasks.catalogue import load_task
from evaluators.tasks.offline.tabular import FEATURES
from evaluators.testing import PARTS


@pytest.fixture(scope="module")
def task():
    return load_task("tabular")


@pytest.mark.parametrize("part", PARTS)
def test_each_table_counts_the_same_and_its_error_is_wrong_answers_or_unexplained_variance(task, part):
    data = task.data(part)
    table, (answer, is_number, _) = data.inputs[:, 0], data.targets.unbind(dim=1)
    number = is_number > 0
    constant = torch.zeros(len(data), 3)
    constant[number, 0] = answer[number].mean()
    errors = task.error(constant, data.targets)
    of_tables = []
    for place, _ in enumerate(FEATURES):
        rows = table == place
        share = 1.0 if number[rows].all() else (answer[rows] != 0).float().mean().item()
        of_tables.append(share)
        assert errors[rows].sum().item() / len(data) == pytest.approx(share / len(FEATURES), rel=1e-4)
    assert errors.mean().item() == pytest.approx(sum(of_tables) / len(FEATURES), rel=1e-4)
    assert max(of_tables) <= 1


def test_the_right_answers_cost_nothing(task):
    data = task.data("test")
    answer, is_number, _ = data.targets.unbind(dim=1)
    right = torch.nn.functional.one_hot((answer * (1 - is_number)).long(), 3).float()
    right[is_number > 0, 0] = answer[is_number > 0]
    assert task.error(right, data.targets).max() == 0


def test_features_are_standardised_by_the_training_part_and_padded_with_zeros(task):
    data = task.data("train")
    for place, count in enumerate(FEATURES.values()):
        features = data.inputs[data.inputs[:, 0] == place, 1:]
        assert not features[:, count:].any()
        assert features[:, :count].mean(dim=0).abs().max() < 1e-5
        assert (features[:, :count].std(dim=0, correction=0) - 1).abs().max() < 1e-5


def test_an_example_goes_through_the_perceptron_of_its_table_alone(task):
    network = task.network(torch.nn.GELU, 1.5)
    data = task.data("train")
    before = network(data.inputs)
    with torch.no_grad():
        next(network.parameters())[2] += 1  # iris
    changed = (network(data.inputs) != before).any(dim=1)
    assert torch.equal(changed, data.inputs[:, 0] == 2)
