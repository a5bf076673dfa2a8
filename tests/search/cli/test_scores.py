"""A task's score, from its class to the last table."""

from __future__ import annotations

import json

import pytest

from tests.search.cli.test_cli import invoke
from tests.test_readme import TINY

TASK = """
import torch
from torch import nn

from evaluators import Data, Recipe, Task
from evaluators.tasks.networks import mlp


class Line(Task):
    recipe = Recipe(steps=6, batch_size=16)
    score = "worst_decile"

    def data(self, part):
        generator = torch.Generator().manual_seed(["train", "validation", "test"].index(part))
        x = torch.randn(60, 1, generator=generator)
        return Data(x, x.square())

    def network(self, activation, gain):
        return mlp([1, 8, 1], activation, gain)

    def loss(self, outputs, targets):
        return nn.functional.mse_loss(outputs, targets)

    def error(self, outputs, targets):
        return (outputs - targets).abs().mean(1)

    def metrics(self, outputs, targets):
        assert len(outputs) == len(targets)
        return {"worst_decile": float((outputs - targets).abs().quantile(0.9))}
"""


@pytest.fixture
def launch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "line.py").write_text(TASK)

    def launched(extra=""):
        (tmp_path / "campaign.toml").write_text('task = "line.py:Line"\n' + extra + TINY)
        return invoke("launch", "campaign.toml", "--run", "run")

    return launched


def test_everything_goes_by_the_score_of_a_users_task_and_says_so(launch):
    code, out, error = launch()
    assert code == 0, error
    assert "search on line.py:Line by validation worst decile" in error
    assert "confirmation on line.py:Line by test worst decile" in error
    for part in ("validation worst decile", "test worst decile minus", "(by test worst decile, 2 paired seeds)"):
        assert part in out
    assert "lowest fresh-seed validation worst decile" in out
    rows = json.loads(invoke("pareto", "run", "--format", "json")[1])
    assert [row["worst_decile"] for row in rows] == sorted(row["worst_decile"] for row in rows)
    assert all({"error", "error_se", "worst_decile_se"} <= set(row) for row in rows)
    assert any(abs(row["worst_decile"] - row["error"]) > 1e-3 for row in rows)
    (row,) = json.loads(invoke("list", ".", "--format", "json")[1])
    found = [one["worst_decile"] for one in rows if not one["baseline"]]
    assert (row["score"], row["best_score"]) == ("worst_decile", min(found, default=row["best_score"]))
    shown = json.loads(invoke("show", "run", "relu", "--format", "json")[1])["evaluations"]
    confirmed = next(e for e in shown if e["purpose"] == "confirm")
    assert set(confirmed["test_metrics"]) == set(confirmed["metrics"]) == {"worst_decile"}
    assert "worst decile" in invoke("show", "run", "relu")[1]
    differences = json.loads(invoke("confirm", "run", "--format", "json", "--quiet")[1])
    assert {row["score"] for row in differences} == {"worst_decile"}
    assert "test worst decile" in invoke("export", "run", "relu")[1]


def test_a_campaign_may_go_by_another_score_and_confirmation_does_too(launch):
    code, out, error = launch('score = "loss"\n')
    assert code == 0, error
    assert "by validation loss" in error
    assert "test loss minus" in out
    assert "worst decile" not in out


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ('score = "accuracy"\n', "unknown score 'accuracy'"),
        ('score = "worst_decil"\n', "did you mean 'worst_decile'"),
        ('score = "no score"\n', "key 'score' cannot be 'no score'"),
        (
            'score = "error"\nobjectives = ["score", "error"]\n',
            "the score of the task is 'error', which",
        ),
    ],
)
def test_a_score_that_cannot_be_is_refused_before_anything_is_made(launch, tmp_path, extra, message):
    code, _, error = launch(extra)
    assert code == 2
    assert message in error
    assert not (tmp_path / "run").exists()
