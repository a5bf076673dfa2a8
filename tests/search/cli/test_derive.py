from __future__ import annotations

import json

import numpy as np
import pytest

from primitives import parse, resolve
from search.configuration.reading import read
from tests.search.cli.test_cli import invoke

CRRELU = str(resolve("crrelu"))
ELU = "epsilon*(x + step(-x))*gaussian(x) + elu(x); epsilon=0.01"


def test_the_text_goes_from_the_functional_to_crrelu_within_the_width():
    code, out, _ = invoke("derive", "relu")
    assert code == 0
    for part in ("H[y]", "E = p'(y)*y' + p(y)*y''/y'", "0.5*erf(", "T(x) = x*gaussian(x)", f"result: {CRRELU}"):
        assert part in out, part
    assert max(map(len, out.splitlines())) <= 118


def test_json_is_one_document_with_the_result_and_the_sign():
    code, out, _ = invoke("derive", "relu", "--format", "json", "--epsilon", "-0.1")
    made = json.loads(out)
    assert code == 0
    assert parse(made["corrected"]).parameters == {"epsilon": -0.1}
    assert made["descending"] == {"theory": -1, "raw": -1, "standardised": -1}
    assert made["raw_variation_exact"] == "sqrt(2)/4"


def test_latex_is_a_fragment():
    code, out, _ = invoke("derive", "tanh", "--input", "logistic(0, 0.7)", "--format", "latex")
    assert code == 0
    assert out.startswith("\\paragraph{")
    assert "\\begin{align*}" in out


def test_the_plot_is_a_picture(tmp_path):
    code, out, _ = invoke("derive", "softplus", "--plot", tmp_path / "a.png")
    assert code == 0
    assert (tmp_path / "a.png").stat().st_size > 20_000
    assert "a.png" in out
    code, _, err = invoke("derive", "softplus", "--plot", tmp_path / "no" / "a.png")
    assert (code, "cannot write the plot" in err) == (2, True)


def test_the_plot_marks_the_sign_that_descends_and_the_step_it_is_drawn_at(tmp_path):
    invoke("derive", "relu", "--plot", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    for part in (
        "epsilon = -0.3 (descends)",
        "drawn at epsilon = ±0.3 to be seen, it starts at 0.01",
        "entropy 0.7420",
    ):
        assert f"<!-- {part}" in text or part in text, part
    assert "epsilon = 0.3 (descends)" not in text


def test_a_fixed_point_is_shown_and_leaves_nothing_to_add(tmp_path):
    code, out, _ = invoke("derive", "sigmoid", "--input", "logistic", "--plot", tmp_path / "a.png")
    assert code == 0
    assert "vanishes identically" in out
    assert "result: none" in out
    assert (tmp_path / "a.png").exists()
    code, out, _ = invoke("derive", "sigmoid", "--input", "logistic", "--format", "json")
    assert (code, json.loads(out)["corrected"]) == (0, None)
    code, out, err = invoke("derive", "sigmoid", "--input", "logistic", "--add", tmp_path / "c.toml")
    assert (code, out, "there is nothing to add" in err) == (2, "", True)
    assert not (tmp_path / "c.toml").exists()


def test_add_leaves_out_what_every_campaign_trains_anyway(tmp_path):
    code, out, _ = invoke("derive", "relu", "--add", tmp_path / "c.toml")
    assert code == 0
    assert "crrelu is a baseline of every campaign already" in out
    assert not (tmp_path / "c.toml").exists()


def test_a_mixture_and_a_sample_are_inputs(tmp_path):
    assert invoke("derive", "relu", "--input", "0.5*normal(-2, 1) + 0.5*normal(2, 1)")[0] == 0
    np.save(tmp_path / "s.npy", np.random.default_rng(0).normal(size=500))
    code, out, _ = invoke("derive", "relu", "--input", tmp_path / "s.npy")
    assert code == 0
    assert "fitted to the sample" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["relu", "--input", "norml"], "did you mean 'normal'"),
        (["relu", "--input", "1"], "does not integrate"),
        (["relu", "--input", "exp(x)"], "input density 'exp"),
        (["relu", "--input", "1/(1 + abs(x))"], "does not integrate"),
        (["log(x)"], "not finite at x"),
        (["x**3", "--input", "student"], "no finite variance"),
        (["alpha*relu(x); alpha=0"], "is constant where"),
        (["relu", "--format", "table"], "unknown format 'table'"),
        (["relu", "--epsilon", "0"], "is no step"),
    ],
)
def test_bad_input_is_one_sentence(arguments, reason):
    code, out, err = invoke("derive", *arguments)
    assert code == 2
    assert reason in err
    assert not out


def test_a_sample_with_nan_is_refused(tmp_path):
    np.save(tmp_path / "bad.npy", np.array([1.0, np.nan] * 100))
    code, _, err = invoke("derive", "relu", "--input", tmp_path / "bad.npy")
    assert code == 2
    assert "100 values that are not finite" in err


def test_add_keeps_the_file_and_appends_the_seed_once(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text('# mine\nname = "c"  # keep\n\n[budget]\ntrainings = 5 # few\n')
    code, out, _ = invoke("derive", "elu", "--add", file)
    assert code == 0
    assert f"actsearch launch {file}" in out
    assert read(file).seeds == (ELU,)
    assert read(file).budget.trainings == 5
    assert all(comment in file.read_text() for comment in ("# mine", "# keep", "# few"))
    before = file.read_text()
    assert "already a seed" in invoke("derive", "elu", "--add", file)[1]
    assert file.read_text() == before
    invoke("derive", "softplus", "--add", file)
    assert [seed.split(";")[0] for seed in read(file).seeds][1] == "epsilon*(x + sigmoid(-x))*gaussian(x) + softplus(x)"


def test_add_makes_a_missing_file_and_json_stays_alone_on_stdout(tmp_path):
    file = tmp_path / "new.toml"
    code, out, err = invoke("derive", "elu", "--add", file, "--format", "json")
    assert code == 0
    assert json.loads(out)["corrected"] == ELU
    assert "added to the seeds" in err
    assert read(file).seeds == (ELU,)


def test_add_refuses_a_file_that_is_no_campaign_and_a_function_that_cannot_be_trained(tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("trainings = 5\n")
    code, _, err = invoke("derive", "relu", "--add", wrong)
    assert (code, "unknown key 'trainings'" in err) == (2, True)
    file = tmp_path / "c.toml"
    code, _, err = invoke("derive", "golu", "--add", file)
    assert (code, "cannot be trained" in err) == (2, True)
    assert not file.exists()
    code, _, err = invoke("derive", "elu", "--add", tmp_path / "no" / "c.toml")
    assert (code, "cannot write" in err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wrong.toml"]
