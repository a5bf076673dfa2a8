"""Every command that the README shows is run, on the smallest preset."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.cli.test_cli import invoke

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Shrunk for the test: the smallest preset on the serial executor instead of minutes of training, and for a user's own
# task a campaign as small; on Ray, as a reader would run them, all of these tasks train together.
SHRINK = {
    "--repeats 20": "--repeats 2",
    "--trainings 200": "--trainings 6",
    "--steps 100": "--steps 4",
    "--preset quick --task": "tiny.toml --task",
    "--preset quick": "--preset smoke",
}
TINY = """
[fidelity]
steps = 4
seeds = 1
rungs = []
[budget]
trainings = 1
[confirm]
top = 1
seeds = 2
steps = 4
measure = false
[execution]
executor = "serial"
"""


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands(start):
    lines = [line.split("  #")[0].strip() for block in blocks("console") for line in block.splitlines()]
    return [line for line in lines if line.startswith(start)]


def shrunk(line):
    for long, short in SHRINK.items():
        line = line.replace(long, short)
    return line


EXAMPLES = {
    name[1]: block
    for kind in ("python", "toml")
    for block in blocks(kind)
    if (name := re.match(r"# (\w+\.(?:py|toml))\n", block))
}


def files_named(line):
    """Return the files and folders that a command names, less those that the README shows; `list` lists a campaign."""
    words = [word.rpartition(".py:")[0] or word for word in shlex.split(line)[1:]]
    if words == ["list"]:
        return {re.search(r"campaigns/\w+", "\n".join(commands("actsearch")))[0]}
    return {word for word in words if re.fullmatch(r"[\w./-]*[./][\w-]+", word) and f"{word}.py" not in EXAMPLES}


def chains():
    """Return the commands shown, in the order shown, those together that name the same file; the longest list first."""
    found = []
    for line in commands("actsearch"):
        names, lines = files_named(line), []
        for chain in [chain for chain in found if chain[0] & names]:
            found.remove(chain)
            names, lines = names | chain[0], lines + chain[1]
        found.append((names, [*lines, line]))
    return sorted((lines for _, lines in found), key=len, reverse=True)


def run(words, folder, monkeypatch):
    """Run a command in a folder, in its own process if it registers something; return exit code, stdout, stderr."""
    if "--extension" in words:
        command = [sys.executable, "-m", "search.cli.main", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr
    monkeypatch.chdir(folder)
    return invoke(*words)


@pytest.mark.parametrize("lines", chains(), ids=lambda lines: lines[0].removeprefix("actsearch "))
def test_the_actsearch_commands_work_in_the_order_shown(lines, tmp_path, monkeypatch):
    for name, text in {**EXAMPLES, "tiny.toml": TINY}.items():
        (tmp_path / name).write_text(text)
    for line in lines:
        code, out, error = run(shlex.split(shrunk(line))[1:], tmp_path, monkeypatch)
        assert code == 0, f"{line}\n{error}"
        assert out
    for file in {path.name for path in tmp_path.glob("*.py")} - set(EXAMPLES):
        check = subprocess.run([sys.executable, file], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "agrees with finite differences" in check.stdout


def test_commands_that_share_a_file_are_run_together():
    assert sum(len(lines) for lines in chains()) == len(commands("actsearch")) >= 16
    (campaign,) = [lines for lines in chains() if "actsearch list" in lines]
    assert [line.split()[1] for line in campaign[:2]] == ["launch", "resume"]


def test_the_tasks_shown_train_on_ray_as_they_train_here(tmp_path):
    from evaluators import Cohort, Job, load_task
    from evaluators.training.cohort.trainer import run_job
    from evaluators.training.executors.ray.executor import RayExecutor
    from evaluators.training.pieces import pick_device

    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    names = [
        words[words.index("--task") + 1] for words in map(str.split, commands("actsearch launch")) if "--task" in words
    ]
    assert len(names) == 4
    tasks = {task.name: task for task in (load_task(f"{tmp_path}/{name}") for name in names)}
    with RayExecutor(tasks, workers=1, device="cpu") as executor:
        for name in tasks:
            executor.submit(Cohort((Job(1, "relu(x)", 1.4, name, 5, (0,)),)))
        found = {}
        while done := executor.collect():
            found |= {cohort.task: answers[0][0] for cohort, answers in done}
    for name, task in tasks.items():
        (here,) = run_job(Job(1, "relu(x)", 1.4, name, 5, (0,)), task, pick_device("cpu"))
        assert (found[name].status, found[name].error) == ("ok", pytest.approx(here.error, rel=1e-5))


def test_the_campaign_file_shown_is_read_with_its_extension(tmp_path):
    for name, text in {
        **EXAMPLES,
        "own.toml": next(block for block in blocks("toml") if "my_shapes.py" in block),
    }.items():
        (tmp_path / name).write_text(text)
    script = (
        "from pathlib import Path\n"
        "from search.loading.extensions import import_named\n"
        "from search.configuration.layers import layers\n"
        "asked = layers(Path('own.toml'), 'quick', {})\n"
        "import_named(asked)\n"
        "assert 'dent' in asked.config().grammar.primitives"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_wishes_shown_can_be_fulfilled_and_every_key_has_an_effect(tmp_path):
    from search.campaign.loop import check_starters
    from search.campaign.reach import check_wishes
    from search.configuration.layers import layers

    (tmp_path / "steered.toml").write_text(EXAMPLES["steered.toml"])
    config = layers(tmp_path / "steered.toml", "quick", {}).config()
    assert config.fidelity.steps is not None, "so that the budget of steps is held against it"
    check_starters(config)
    check_wishes(config)


def test_the_campaign_of_a_notebook_runs_as_shown(tmp_path, monkeypatch):
    (script,) = [block for block in blocks("python") if "import Campaign" in block]
    shown = script.replace('"quick", {"budget": {"trainings": 40}}', '"smoke"')
    assert shown != script
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(shown, "README.md", "exec"), names)
    assert names["run"].state == "finished"
    assert callable(names["layer"])


@pytest.mark.parametrize("target", ["setup", "demo", "test", "lint", "bench"])
def test_every_make_target_exists(target):
    environment = {**os.environ, "MAKEFLAGS": ""}
    done = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


def test_the_make_commands_shown_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {line.split()[1] for line in commands("make")} <= targets


def test_every_command_of_the_program_is_shown():
    from search.cli.main import COMMANDS

    assert set(COMMANDS) == {line.split()[1] for line in commands("actsearch")}


def test_the_picture_and_the_files_linked_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_example_of_a_users_network_is_the_one_that_is_tested():
    assert (ROOT / "tests/examples/own_timm_task.py").read_text(encoding="utf-8") in README
