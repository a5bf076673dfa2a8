from __future__ import annotations

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli.main import COMMANDS, PANELS, app, command
from tests.evaluators.tasks.test_tasks import OWN
from tests.runs.helpers import made_run


def invoke(*arguments):
    """Run a command in this process the way main() does; returns exit code, stdout, stderr."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        from primitives import ActsearchError

        if isinstance(error, ActsearchError):
            return 2, result.stdout, f"error: {error}"
        raise error
    return result.exit_code, result.stdout, result.stderr


def shell(*arguments, **options):
    """Run the real command in a process of its own."""
    command = [sys.executable, "-m", "search.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_a_command_what_the_command_says_of_itself(name):
    first, _, _ = (command(name).help or "").partition("\n\n")
    assert " ".join(first.split()) == PANELS[COMMANDS[name]][name]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_an_option_is_otherwise_stands_in_its_help(name):
    shown = " ".join(re.sub("[^!-~]", " ", invoke(name, "--help")[1]).split())
    for option in command(name).params:
        for otherwise in re.findall(r"\\(\[[^]]+\])", option.help or ""):
            assert otherwise.split()[0] in shown


MINUS = [("score", "-x*tanh(x)"), ("score", "-x"), ("derive", "-tanh(x)"), ("export", "--expr", "-x^2sigmoid(x)")]


@pytest.mark.parametrize("words", MINUS)
def test_a_formula_may_begin_with_a_minus(words):
    code, out, error = invoke(*words)
    assert (code, error) == (0, "")
    assert "-" in out


def test_what_a_formula_is_taken_for_is_said_before_it_is_used():
    code, out, error = invoke("score", "sigma(z)", "--format", "json")
    assert code == 0
    assert json.loads(out)[0]["expression"] == "sigmoid(x)"
    assert error.splitlines() == ["note: sigma(...) is the logistic function, sigmoid", "note: 'z' is read as x"]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """A real campaign, the smallest one: searched, confirmed, exported."""
    run = tmp_path_factory.mktemp("cli") / "smoke"
    done = shell("launch", "--preset", "smoke", "--run", run)
    assert done.returncode == 0, done.stderr
    return run, done


@pytest.fixture
def made(tmp_path):
    return made_run(tmp_path / "made")


def test_launch_prints_front_evidence_and_the_exported_file_that_runs(smoke):
    run, done = smoke
    for part in (
        "Front of",
        "fresh seeds",
        "95 % interval",
        "paired seeds",
        "exported:",
        "next:",
        "proposals were looked at",
    ):
        assert part in done.stdout, part
    (exported,) = (run / "exports").glob("act*.py")
    check = subprocess.run([sys.executable, exported], capture_output=True, text=True, check=False)
    assert "agrees with finite differences" in check.stdout
    assert (run / "front.png").stat().st_size > 10_000
    assert "Confirmed on ood-regression" in exported.read_text()


def test_a_launch_says_which_recipe_applies_and_progress_shows_the_best_formula(smoke):
    assert (
        "search on ood-regression by validation error: 10 steps (preset smoke; its recipe has 1500)" in smoke[1].stderr
    )
    assert "best 0." in smoke[1].stderr


def test_pareto_json_is_a_list_with_the_promised_keys(smoke):
    code, out, _ = invoke("pareto", smoke[0], "--format", "json")
    rows = json.loads(out)
    assert code == 0
    keys = {"id", "expression", "error", "error_se", "cost", "complexity", "prior", "baseline"}
    assert all(keys <= set(row) for row in rows)
    assert {row["name"] for row in rows if row["baseline"]} == {
        "relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "mish", "crrelu",
    }  # fmt: skip
    assert all(("name" in row) == row["baseline"] for row in rows)


def test_pareto_csv_and_plot(smoke, tmp_path):
    code, out, _ = invoke("pareto", smoke[0], "--format", "csv", "--plot", tmp_path / "front.png")
    assert code == 0
    assert len(list(csv.DictReader(io.StringIO(out)))) >= 8
    assert (tmp_path / "front.png").exists()


def test_resuming_a_finished_run_trains_nothing_and_prints_the_same_front(smoke):
    code, out, _ = invoke("resume", smoke[0])
    assert code == 0
    assert "nothing was left to search" in out
    assert smoke[1].stdout.split("plot:")[0] == out.split("plot:")[0]


def test_confirming_again_answers_at_once_and_more_seeds_add_to_what_is_there(smoke):
    code, out, _ = invoke("confirm", smoke[0], "--format", "json", "--quiet")
    rows = json.loads(out)
    assert code == 0
    assert {row["pairs"] for row in rows} == {2}
    code, out, _ = invoke("confirm", smoke[0], "--seeds", 3, "--executor", "serial", "--format", "csv", "--quiet")
    assert {row["pairs"] for row in csv.DictReader(io.StringIO(out))} == {"3"}


def test_list_shows_state_and_best(smoke):
    code, out, _ = invoke("list", smoke[0].parent, "--format", "json")
    (row,) = json.loads(out)
    assert code == 0
    assert (row["state"], row["task"], row["trained"]) == ("finished", "ood-regression", 4)


def test_show_tells_a_run_and_a_candidate(smoke, made):
    _, out, _ = invoke("show", smoke[0])
    assert "passed over" in out
    assert "another child was preferred" in out
    assert "what each operator brought" in out
    _, out, _ = invoke("show", made, "3")
    assert "#3 crossover: x*tanh(x)" in out
    assert "  #1 baseline: relu" in out
    assert "●" in out
    _, out, _ = invoke("show", made, "relu", "--format", "json")
    assert json.loads(out)["name"] == "relu"


def test_score_says_prior_cost_complexity_screen_and_the_known_name():
    _, out, _ = invoke("score", "crrelu", "x*sigmoid(x)", "exp(x)", "--format", "json")
    crrelu, silu, exp = json.loads(out)
    assert (crrelu["nearest"], crrelu["same"]) == ("crrelu", True)
    assert (silu["nearest"], silu["same"], silu["right_tail"]) == ("silu", True, "x")
    assert silu["screen"] == "passes"
    assert "not finite" in exp["screen"]
    assert exp["prior"] is None


def test_export_of_a_candidate_and_of_a_formula(made, tmp_path):
    code, out, _ = invoke("export", made, "3", "-o", tmp_path / "a.py", "--name", "Tanhish")
    assert (code, out) == (0, f"wrote {tmp_path / 'a.py'}\n")
    assert "class Tanhish(nn.Module)" in (tmp_path / "a.py").read_text()
    code, _, error = invoke("export", made, "3", "-o", tmp_path / "a.py")
    assert (code, "exists already; --force" in error) == (2, True)
    assert invoke("export", "--expr", "x*tanh(softplus(x))", "-o", tmp_path / "a.py", "--force")[0] == 0
    assert invoke("export", "--expr", "gelu", "--to", "latex")[1] == "\\operatorname{gelu}{\\left(x \\right)}\n"


@pytest.mark.parametrize("command", ["tasks", "library", "primitives"])
@pytest.mark.parametrize("format_", ["table", "json", "csv"])
def test_catalogues_in_every_format(command, format_):
    code, out, _ = invoke(command, "--format", format_)
    assert code == 0
    if format_ == "json":
        assert json.loads(out)


def test_config_prints_what_launch_reads(tmp_path):
    for options in (["--defaults"], ["--preset", "quick"]):
        code, out, _ = invoke("config", *options)
        assert code == 0
        (tmp_path / "c.toml").write_text(out)
        from search.configuration.reading import read

        read(tmp_path / "c.toml")


BAD = [
    (["launch", "--preset", "quik"], "unknown preset 'quik'; did you mean 'quick'?"),
    (["launch", "--preset", "smoke", "--task", "digit-vit"], "unknown task 'digit-vit'; did you mean 'digits-vit'?"),
    (["launch", "{tmp}/none.toml"], "cannot read config"),
    (["launch", "{tmp}/broken.toml"], "is not valid TOML"),
    (["launch", "{tmp}/key.toml"], "unknown key 'budget.training'; did you mean 'trainings'?"),
    (["launch", "{tmp}/value.toml"], "key 'seed' cannot be 'one'"),
    (["launch", "{tmp}/seeds.toml"], "did you mean 'relu'?"),
    (["launch", "{tmp}/affine.toml"], "seed '2*x' cannot be trained: it is affine"),
    (["launch", "--preset", "smoke", "--run", "{tmp}/taken"], "exists already; 'actsearch resume"),
    (["launch", "--preset", "smoke", "--run", "{tmp}/key.toml/run"], "cannot write run folder"),
    (["launch", "--preset", "smoke", "--executor", "dask"], "unknown executor 'dask'; known: ray, serial"),
    (["launch", "--preset", "smoke", "--executor", "serial", "--workers", "2"], "belongs to executor 'ray'"),
    (["launch", "--preset", "smoke", "--seed", "-4"], "key 'seed' cannot be -4"),
    (["launch", "--preset", "smoke", "--workers", "2"], "belongs to executor 'ray'"),
    (["launch", "{tmp}/scalar.toml", "--preset", "smoke"], "key 'fidelity' cannot be 3"),
    (["launch", "{tmp}/truth.toml", "--preset", "smoke"], "true and false are no value"),
    (
        ["launch", "--preset", "smoke", "--executor", "ray", "--address", "127.0.0.1:1", "--run", "{tmp}/ad"],
        "cannot reach",
    ),
    (["launch", "--preset", "smoke", "--task", "cifar10-vit-tiny", "--data", "{tmp}"], "CIFAR-10 is not in '{tmp}"),
    (["launch", "--preset", "smoke", "--task", "gpt2-dpo-hh", "--data", "{tmp}"], "{tmp}"),
    (
        ["launch", "--preset", "smoke", "--task", "{tmp}/bad.py:Bad"],
        "network(activation, gain) raises ValueError: no network",
    ),
    (["pareto", "{tmp}/made", "--plot", "{tmp}"], "ends in .png"),
    (["launch", "--preset", "smoke", "--device", "gpu"], "should be 'auto', 'cpu', 'cuda' or 'mps'"),
    (["score", "relu", "--task", "digits-vit", "--device", "gpu"], "unknown device 'gpu'"),
    (["score", "relu", "--device", "cpu"], "--device belongs to --task"),
    (["resume", "{tmp}/mode"], "did you mean '{tmp}/made'?"),
    (["resume", "{tmp}/taken"], "is a folder but not a run"),
    (["pareto", "{tmp}/made", "--format", "jsn"], "unknown format 'jsn'; did you mean 'json'?"),
    (["pareto", "{tmp}/made", "--plot", "{tmp}/no/front.png"], "cannot write the plot"),
    (["show", "{tmp}/made", "77"], "no candidate '77' in '{tmp}/made'; ids run from 1 to 5"),
    (["show", "{tmp}/made", "rleu"], "did you mean 'relu'?"),
    (["export", "{tmp}/made", "9"], "no candidate '9'"),
    (["export", "{tmp}/made"], "say which candidate"),
    (["export"], "say what to export"),
    (["export", "{tmp}/made", "3", "--to", "tensorflow"], "unknown export target 'tensorflow'"),
    (["export", "--expr", "rleu"], "did you mean 'relu'?"),
    (["export", "--expr", "exp(x)"], "no usable activation: the value is not finite"),
    (["export", "--expr", "relu", "--name", "class"], "cannot be the class name"),
    (["export", "--expr", "relu", "-o", "{tmp}/no/act.py"], "cannot write '{tmp}/no/act.py'"),
    (["score", "__import__('os').system('touch {tmp}/pwned')"], "is no part of a formula"),
    (["score", "x.__class__"], "is unknown"),
    (["score", "9**9**9**9"], "exponents beyond 16"),
    (["score", "(" * 10_000], "more than the limit of 2000"),
    (["score", "relu", "--data", "{tmp}"], "--data belongs to --task"),
    (["export", "--expr", "relu", "--to", "numpy", "--name", "Mine"], "target 'numpy' has no class for --name"),
    (["export", "{tmp}/made", "3", "--to", "latex", "--name", "Mine"], "target 'latex' has no class for --name"),
    (["export", "--expr", "relu", "--force"], "--force replaces a file"),
    (["derive", "sigmoid", "--input", "logistic", "--epsilon", "0.5"], "--epsilon has no effect"),
    (
        ["launch", "{tmp}/idle.toml"],
        "key 'strategy.crossover' belongs to strategy 'nsga2'; leave it out or set strategy.name",
    ),
    (["launch", "{tmp}/rungs.toml", "--steps", "3"], "key 'fidelity.rungs' has no effect"),
    (["list", "{tmp}/nowhere"], "there is no folder"),
    (["confirm", "{tmp}/made", "--task", "digits-vitt"], "did you mean 'digits-vit'?"),
    (["config"], "say which"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "")
def test_bad_input_is_one_sentence_exit_2_and_nothing_half_written(arguments, message, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "broken.toml").write_text("[budget\n")
    (tmp_path / "key.toml").write_text("[budget]\ntraining = 1\n")
    (tmp_path / "value.toml").write_text("seed = 'one'\n")
    (tmp_path / "seeds.toml").write_text("seeds = ['rleu(x)']\n")
    (tmp_path / "scalar.toml").write_text("fidelity = 3\n")
    (tmp_path / "truth.toml").write_text("[fidelity]\nsteps = true\n")
    bad = OWN.replace("return mlp([2, 16, 2], activation, gain)", "raise ValueError('no network')")
    (tmp_path / "bad.py").write_text(bad.replace("Blobs", "Bad"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "idle.toml").write_text("[strategy]\nname = 'random'\ncrossover = 0.9\n")
    (tmp_path / "rungs.toml").write_text("[fidelity]\nrungs = [0.1]\n")
    (tmp_path / "affine.toml").write_text("seeds = ['2*x']\n")
    before = sorted(str(p) for p in tmp_path.rglob("*") if not p.name.startswith(("run.sqlite", "lock")))
    code, out, error = invoke(*(a.format(tmp=tmp_path) for a in arguments))
    assert code == 2
    assert out == ""
    assert error.startswith("error: ")
    assert message.format(tmp=tmp_path) in error
    assert "\n" not in error
    assert sorted(str(p) for p in tmp_path.rglob("*") if not p.name.startswith(("run.sqlite", "lock"))) == before


def test_the_real_command_prints_the_sentence_to_stderr_and_exits_2():
    done = shell("launch", "--preset", "quik")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: unknown preset 'quik'; did you mean 'quick'?\n"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a place where even root cannot write")
def test_an_unwritable_place_is_refused():
    code, _, error = invoke("launch", "--preset", "smoke", "--run", "/proc/run")
    assert code == 2
    assert "cannot write run folder '/proc/run'" in error


def test_names_that_look_like_markup_are_shown_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = made_run(Path("[red]x"))
    for words in (["show", run], ["pareto", run], ["list", "."]):
        code, out, _ = invoke(*words)
        assert code == 0
        assert "[red]x" in out.replace("\n", "")


def test_a_damaged_run_does_not_hide_the_others(made):
    (made.parent / "bad").mkdir()
    (made.parent / "bad" / "run.sqlite").write_text("junk")
    rows = {Path(row["run"]).name: row for row in json.loads(invoke("list", made.parent, "--format", "json")[1])}
    assert rows["bad"]["state"].startswith("unreadable")
    assert rows["made"]["state"] == "stopped"


@pytest.mark.parametrize("signal_", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_saves_prints_the_resume_command_and_exits_130(tmp_path, signal_):
    run = tmp_path / "run"
    options = ["--preset", "smoke", "--trainings", "10000", "--run", str(run)]  # more than end by themselves
    command = [sys.executable, "-m", "search.cli.main", "launch", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not _trained(run):
        time.sleep(0.1)
    process.send_signal(signal_)
    _, error = process.communicate()
    assert process.returncode == 130
    assert f"actsearch resume {run}" in error
    assert "Traceback" not in error
    assert _trained(run)


def _trained(run: Path) -> int:
    from runs import folder

    if not (run / folder.DATABASE).exists():
        return 0
    with folder.reading(run) as store:
        return len(store.evaluations("search"))


def test_a_baseline_can_be_added_to_a_finished_run_and_one_that_is_there_is_not_added_again(smoke, tmp_path):
    shutil.copytree(smoke[0], tmp_path / "run")
    options = ("--baseline", "sine", "--baseline", "relu", "--baseline", "max(x, 0)", "--format", "json", "--quiet")
    code, out, error = invoke("confirm", tmp_path / "run", "--executor", "serial", *options)
    assert code == 0, error
    before = {row["baseline"] for row in json.loads(invoke("confirm", smoke[0], "--format", "json")[1])}
    rows = json.loads(out)
    assert {row["baseline"] for row in rows} == before | {"sine"}
    assert all(row["pairs"] >= 2 for row in rows)
    code, _, error = invoke("confirm", tmp_path / "run", "--baseline", "exp(exp(exp(x)))")
    assert (code, "baseline 'exp(exp(exp(x)))' cannot be trained" in error) == (2, True)
    assert "sine" in invoke("show", tmp_path / "run", "sine")[1]
