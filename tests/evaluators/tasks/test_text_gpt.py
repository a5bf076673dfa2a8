from __future__ import annotations

import pytest
import torch

from evaluators.tasks.catalogue import load_task
from evaluators.testing import PARTS


@pytest.fixture(scope="module")
def task():
    return load_task("text-gpt")


def test_windows_of_all_parts_lie_side_by_side_in_one_text(task):
    """Each window's targets are its inputs moved by one place, and end where the next window begins."""
    for part in PARTS:
        data = task.data(part)
        assert torch.equal(data.inputs[:, 1:], data.targets[:, :-1])
        joined = (data.inputs[1:, 0] == data.targets[:-1, -1]).float().mean()
        assert joined > 0.98  # but where a repeated window was left out
    windows = torch.cat([task.data(part).inputs for part in PARTS])
    assert len(torch.unique(windows, dim=0)) == len(windows)
    assert "statement" in "".join(task.symbols[number] for number in windows.flatten().tolist())


def test_no_output_sees_a_later_character(task):
    network = task.network(torch.nn.GELU, 1.5)
    text = task.data("train").inputs[:2]
    changed = text.clone()
    changed[:, 20] = (changed[:, 20] + 1) % len(task.symbols)
    before, after = network(text), network(changed)
    assert torch.equal(before[:, :20], after[:, :20])
    assert (before[:, 20:] != after[:, 20:]).any(dim=2).all()


def test_the_loss_is_the_mean_of_the_errors_and_a_uniform_guess_costs_the_logarithm(task):
    targets = task.data("test").targets[:7]
    torch.manual_seed(0)
    outputs = torch.randn(7, 32, len(task.symbols))
    assert task.loss(outputs, targets).item() == pytest.approx(task.error(outputs, targets).mean().item(), rel=1e-5)
    even = task.error(torch.zeros(7, 32, len(task.symbols)), targets)
    assert even.tolist() == pytest.approx([torch.tensor(len(task.symbols)).log().item()] * 7)
