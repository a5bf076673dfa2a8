from __future__ import annotations

import sqlite3
import threading
from functools import cached_property

import pytest
import torch

from evaluators import Classification, Data, Recipe, load_task
from evaluators.tasks.networks import mlp
from evaluators.training.user_code.sending import packed, refuse_unsendable, unpacked
from primitives import ActsearchError


class Plain(Classification):
    name, recipe = "plain", Recipe(steps=5)

    def data(self, part):
        return Data(torch.ones(4, 3), torch.zeros(4, dtype=torch.long))

    def network(self, activation, gain):
        return mlp([3, 4, 2], activation, gain)


def holding(**attributes):
    task = Plain()
    vars(task).update(attributes)
    return task


class Unfinished:
    def __reduce__(self):
        return (int, ("no number",))  # goes out, and does not come back


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (threading.Lock(), "lock"),
        ((number for number in range(3)), "generator"),
        (sqlite3.connect(":memory:"), "Connection"),
        ([{"deep": threading.Event()}], "list"),
        (Unfinished(), "Unfinished"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_sent_is_named_with_the_way_out(value, kind):
    with pytest.raises(ActsearchError, match=rf"task 'plain': its attribute 'held' of type {kind} .*data\(\).*serial"):
        packed({"plain": holding(fine=3, held=value)})


def test_a_task_that_cannot_be_sent_at_all_says_why():
    class Stubborn(Plain):
        def __getstate__(self):
            raise ValueError("stays here")

    with pytest.raises(ActsearchError, match=r"task 'plain': it \(ValueError: stays here\) cannot be sent"):
        refuse_unsendable(Stubborn())


def test_lambdas_local_classes_and_cached_properties_come_through():
    class Local(Plain):  # no file holds it, so it goes by value, lock of its cached property and all
        @cached_property
        def rows(self):
            return torch.arange(3)

    task = Local()
    task.scale = lambda x: 2 * x
    first = task.rows
    again = unpacked(packed({"local": task}))["local"]
    assert torch.equal(again.rows, first)
    del again.rows
    assert torch.equal(again.rows, first)
    assert again.scale(4) == 8


def test_a_task_of_ours_comes_through_with_its_data():
    task = load_task("digits-mlp")
    task.data("train")
    again = unpacked(packed({task.name: task}))[task.name]
    assert torch.equal(again.data("test").inputs, task.data("test").inputs)
