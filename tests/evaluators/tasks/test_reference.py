from __future__ import annotations

import inspect

import pytest

from evaluators.tasks import OFFLINE, load_task
from evaluators.tasks.reference import reference, trainings
from tests.benchmarks.task_reference import ACTIVATIONS, SEEDS, measure


def test_every_offline_task_has_every_training():
    rows = trainings()
    found = {tuple(row) for row in rows[["task", "activation", "seed"]].itertuples(index=False)}
    assert found == {(task, name, seed) for task in OFFLINE for name in ACTIVATIONS for seed in SEEDS}
    assert len(rows) == len(found)
    assert (reference()["seeds"] == len(SEEDS)).all()


@pytest.mark.parametrize("name", OFFLINE)
def test_a_task_tells_what_relu_and_gelu_reach_as_measured(name):
    found = reference().query("task == @name").set_index("activation")["validation_error"]
    told = " ".join(inspect.getdoc(type(load_task(name))).split())
    assert f"Validation error after training: ReLU {found['relu']:.4f}, GELU {found['gelu']:.4f}." in told


def test_a_training_repeated_gives_the_error_in_the_file():
    """Within two images of 359: another processor rounds otherwise."""
    stored = trainings().query("task == 'digits-mlp' and activation == 'relu' and seed == 10000").iloc[0]
    again = measure(load_task("digits-mlp"), "relu", 10_000)
    assert again["validation_error"] == pytest.approx(stored["validation_error"], abs=2.1 / 359)
    assert again["test_error"] == pytest.approx(stored["test_error"], abs=2.1 / 360)
