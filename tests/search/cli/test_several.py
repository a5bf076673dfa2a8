"""A campaign over several tasks, from its file to its last table."""

from __future__ import annotations

from runs import folder
from tests.search.cli.test_cli import invoke

FILE = """
tasks = ["pinn-burgers", "tabular"]

[fidelity]
steps = 4
seeds = 1

[budget]
trainings = 6

[strategy]
population = 8

[confirm]
seeds = 2
steps = 4
top = 1
measure = false
"""


def test_a_file_with_several_tasks_searches_and_confirms_on_each_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "both.toml").write_text(FILE)
    code, out, error = invoke("launch", "both.toml", "--preset", "smoke", "--executor", "serial", "--run", "run")
    assert code == 0, error
    assert "search on pinn-burgers by validation error: 4 steps" in error
    assert "search on tabular by validation brier: 4 steps" in error
    assert "functions must be twice_differentiable; baselines need not be" in error
    assert "mean relative score" in out
    assert "never saw" not in out
    assert "lowest fresh-seed mean relative score among the finalists" in out
    with folder.reading(tmp_path / "run") as store:
        tasks = {e.task for e in store.evaluations("search")}
        assert tasks == {e.task for e in store.evaluations("confirm")} == {"pinn-burgers", "tabular"}
        assert all("mean_score" in c.facts for c in store.candidates() if c.status == "ok")
    code, _, error = invoke("resume", "run")
    assert code == 0, error
    code, _, error = invoke("launch", "both.toml", "--from", "run", "--run", "other", "--trainings", 1)
    assert code == 0, error
    assert "scores of several tasks are relative to baselines of their own run" in error


def test_a_task_beside_tasks_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "both.toml").write_text(FILE)
    code, _, error = invoke("launch", "both.toml", "--task", "digits-vit", "--run", "run")
    assert code == 2
    assert "'task' has no effect: tasks says what the search trains on" in error
