from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluators import Classification, Data, Recipe, load_task
from evaluators.tasks.fingerprint import TaskPrint, print_of
from evaluators.tasks.networks import mlp
from evaluators.training.user_code.sources import Source


class Rows(Classification):
    """Made data; ``inputs`` and ``targets`` are put in by a test."""

    name, recipe = "rows", Recipe(steps=40)

    def __init__(self, inputs, targets):
        self.inputs, self.targets = inputs, targets

    def data(self, part):
        return Data(self.inputs, self.targets)

    def network(self, activation, gain):
        return mlp([3, 4, 2], activation, gain)


INPUTS = torch.randn(3000, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.arange(3000) % 2


def found(inputs=INPUTS, targets=TARGETS):
    return print_of(Rows(inputs, targets))


def test_equal_tasks_are_equal_after_a_way_through_json():
    again = TaskPrint(**json.loads(json.dumps(dataclasses.asdict(found()), allow_nan=False)))
    assert again.difference(found()) is None
    assert again.short == found().short


@given(st.integers(0, 2999), st.integers(0, 2), st.floats(0.01, 100), st.booleans())
def test_one_changed_value_is_noticed(row, column, by, up):
    inputs = INPUTS.clone()
    inputs[row, column] += by if up else -by
    assert found().difference(found(inputs)) == "its data changed (test inputs, train inputs, validation inputs)"


def test_rounding_as_of_another_processor_is_no_change():
    noise = torch.randn(INPUTS.shape, generator=torch.Generator().manual_seed(1))
    assert found().difference(found(INPUTS * (1 + 1e-7 * noise))) is None


@pytest.mark.parametrize(
    "inputs",
    [INPUTS.flip(0), INPUTS[:, [1, 0, 2]], INPUTS[:-1], INPUTS.double(), INPUTS.reshape(3, -1).T.contiguous(), -INPUTS],
    ids=["order", "columns", "fewer", "type", "shape", "sign"],
)
def test_other_data_are_noticed(inputs):
    assert "its data changed" in found().difference(found(inputs, TARGETS[: len(inputs)]))


def test_one_changed_label_is_noticed():
    targets = TARGETS.clone()
    targets[77] = 1 - targets[77]
    assert (
        found().difference(found(INPUTS, targets))
        == "its data changed (test targets, train targets, validation targets)"
    )


def test_a_changed_recipe_is_told_key_by_key():
    task = Rows(INPUTS, TARGETS)
    task.recipe = Recipe(steps=80, clip=float("inf"))
    assert found().difference(print_of(task)) == ("its recipe changed: steps was 40 and is 80, clip was 1.0 and is inf")


def test_changed_code_is_told_file_by_file():
    def with_code(**texts):
        sources = [Source(name, f"/x/{name}.py", f"{name}.py", text, b"") for name, text in texts.items()]
        return print_of(Rows(INPUTS, TARGETS), sources)

    old, new = with_code(task="1", net="2", same="3"), with_code(task="4", same="3", other="2")
    assert old.difference(new) == "net.py, other.py, task.py changed"
    assert old.difference(with_code(renamed="1", net="2", same="3")) is None


def test_bytes_booleans_half_precision_and_holes_have_a_print():
    for values in (INPUTS.to(torch.uint8), INPUTS > 0, INPUTS.bfloat16(), INPUTS.masked_fill(INPUTS > 1, torch.nan)):
        assert found(values).difference(found(values.clone())) is None
        assert found(values).difference(found(values.roll(1, 0))) is not None


def test_of_a_task_of_ours_data_and_recipe_count():
    one, other = print_of(load_task("digits-mlp")), print_of(load_task("digits-vit"))
    assert one.code == {}
    assert "its recipe changed" in one.difference(other)
