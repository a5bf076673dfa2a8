from __future__ import annotations

import inspect
from pathlib import Path

import pandas as pd
import pytest

from evaluators.tasks.catalogue import OFFLINE, load_task
from evaluators.tasks.reference import reference, trainings
from search.studies import task_reference
from search.studies.task_reference import SEEDS, measure


def test_measuring_a_task_again_replaces_its_rows_and_keeps_those_of_the_others(tmp_path, monkeypatch, capsys):
    def measured(task, name, seed):
        errors = {"validation_error": 0.5 + 0.01 * (seed - SEEDS[0]), "test_error": 0.25}
        return {"task": task.name, "activation": name, "seed": seed, **errors, "seconds": 1.0}

    before = trainings()
    monkeypatch.setattr(task_reference, "OUT", tmp_path / "reference.csv")
    monkeypatch.setattr(task_reference, "measure", measured)
    before.to_csv(tmp_path / "reference.csv", index=False)
    task_reference.main(["digits-mlp"])
    after = pd.read_csv(tmp_path / "reference.csv")
    pd.testing.assert_frame_equal(*(t[t["task"] != "digits-mlp"].reset_index(drop=True) for t in (before, after)))
    assert list(after["task"]) == list(before["task"])
    monkeypatch.setattr("evaluators.tasks.reference.trainings", lambda: after)
    for row in reference().query("task == 'digits-mlp'").itertuples():
        assert (row.seeds, row.test_error, row.test_se) == (5, 0.25, 0.0)
        assert row.validation_error == pytest.approx(0.52)
        assert row.validation_se == pytest.approx(0.01 * (2.5 / 5) ** 0.5)
    assert "digits-mlp gelu {'validation_error': 0.52" in capsys.readouterr().out


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


def test_the_readme_shows_what_was_measured_where_the_activation_decides():
    text = (Path(task_reference.__file__).parents[2] / "evaluators/tasks/README.md").read_text(encoding="utf-8")
    for task, favourites in task_reference.FAVOURITES.items():
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{task}` |") and line.count("|") == 8)
        found = reference().query("task == @task").set_index("activation")["validation_error"]
        assert row.split(" | ")[1:6] == [f"{found[name]:.2g}" for name in ("relu", "gelu", "tanh", "sine", "gaussian")]
        others = [f"{name} {found[name]:.2g}" for name in favourites if name not in ("tanh", "sine", "gaussian")]
        assert all(other in row for other in others)
