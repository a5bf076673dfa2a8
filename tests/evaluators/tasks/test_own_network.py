"""The worked example of the README: a user's own task around a network of timm."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evaluators import Job, load_task
from evaluators.tasks.check import check_task
from evaluators.testing import TaskContract
from evaluators.training.cohort.trainer import run_job
from evaluators.training.pieces import pick_device

pytest.importorskip("timm")
EXAMPLE = Path(__file__).parents[2] / "examples" / "own_timm_task.py"


class TestOwnTimmTask(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def task(cls):
        return load_task(f"{EXAMPLE}:DigitsTimm")


def test_the_example_passes_the_check_and_learns_more_than_chance():
    task = load_task(f"{EXAMPLE}:DigitsTimm")
    check_task(task)
    (evaluation,) = run_job(Job(1, "x*sigmoid(x)", math.sqrt(2), task.name, 60, (0,)), task, pick_device("cpu"))
    assert evaluation.status == "ok"
    assert evaluation.error < 0.5
    assert len(EXAMPLE.read_text().splitlines()) < 40
