from __future__ import annotations

import json

import numpy as np
import pytest

from evaluators import assess, load_task
from evaluators.instruments import timing
from evaluators.instruments.network_features import NETWORK_FEATURES, Start, described
from evaluators.instruments.timing import Spread, Timing
from primitives import compile_expression, resolve
from tests.search.cli.test_cli import invoke


def test_score_under_an_input_measures_there(tmp_path):
    np.save(tmp_path / "z.npy", np.random.default_rng(0).normal(0.2, 0.139, 5000))
    for density in ("student(7)", "0.5*normal(-2, 1) + 0.5*normal(2, 1)", "exp(-x**4)", str(tmp_path / "z.npy")):
        code, out, _ = invoke("score", "relu", "tanh", "--input", density, "--format", "json")
        relu, tanh = json.loads(out)
        assert code == 0
        assert relu["raw_entropy"] is None
        assert 0 < relu["atom"] < 1
        assert relu["input_deviation"] == tanh["input_deviation"] > 0
        assert tanh["entropy"] > tanh["limit"]


def test_score_of_a_task_has_a_row_a_layer_and_says_what_it_measured():
    code, out, _ = invoke("score", "gelu", "--task", "mnist1d-mlp", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert [row["input"] for row in rows] == ["1", "3"]
    assert rows[0]["entropy"] != rows[1]["entropy"]
    code, out, _ = invoke("score", "gelu", "--task", "mnist1d-mlp", "--steps", "5", "--seed", "1")
    assert code == 0
    assert "chi1: gradient growth a layer" in out


def test_score_with_gradients_tells_of_the_network_at_initialisation():
    arguments = ("score", "gelu", "tanh", "--task", "mnist1d-mlp", "--gradients", "--seed", "1")
    code, out, _ = invoke(*arguments, "--format", "json")
    rows = json.loads(out)
    assert code == 0
    start = Start(
        load_task("mnist1d-mlp"), compile_expression(resolve("gelu")).module, assess(resolve("gelu")).gain, [1]
    )
    expected = described(start)
    for row in rows[:2]:
        assert {name: row[name] for name in NETWORK_FEATURES} == pytest.approx(expected, rel=1e-4)
    assert rows[2]["gradient_norm"] == rows[3]["gradient_norm"] != rows[0]["gradient_norm"]
    code, out, _ = invoke(*arguments)
    assert code == 0
    assert "eigenvalues" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", "3"), "belong to --task"),
        (("--gradients",), "name a --task"),
        (("--gradients", "--task", "mnist1d-mlp", "--steps", "3"), "before training"),
        (("--input", "normal", "--task", "digits-vit"), "choose one"),
        (("--input", "1"), "does not integrate"),
        (("--input", "nomal"), "did you mean 'normal'"),
        (("--input", "nowhere.npy"), "cannot read the sample"),
        (("--input", "normal", "--time"), "leave out --input and --task"),
        (("--task", "digit-vit"), "did you mean 'digits-vit'"),
    ],
)
def test_score_refuses_in_one_sentence(arguments, message):
    code, _, error = invoke("score", "gelu", *arguments)
    assert code == 2
    assert message in error


def test_a_function_that_is_not_finite_under_the_input_is_refused():
    code, _, error = invoke("score", "log(x)", "--input", "normal")
    assert code == 2
    assert "where the input density 'normal' has mass" in error


def test_score_with_time_adds_measured_columns_and_leaves_the_others(monkeypatch):
    def fake(expressions, device):
        spread = Spread(2.0, 1.9, 2.3, 1.8)
        return [
            Timing(str(e), mode, spread, spread, spread, 4.0) for mode in ("compiled", "eager") for e in expressions
        ]

    monkeypatch.setattr(timing, "measure_cost", fake)
    _, plain, _ = invoke("score", "relu", "tanh", "--format", "json")
    code, out, _ = invoke("score", "relu", "tanh", "--time", "--format", "json")
    assert code == 0
    for row, known in zip(json.loads(out), json.loads(plain), strict=True):
        assert {key: row[key] for key in known} == known
        assert row["compiled_to_relu"] == row["eager_to_gelu"] == 2.0
    code, out, _ = invoke("score", "relu", "--time")
    assert code == 0
    assert "2.00 ±0.20" in out
    assert "prior: entropy" in out
