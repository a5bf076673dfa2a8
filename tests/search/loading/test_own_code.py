"""A user's own tasks and extensions, from the command line: wherever they lie, whatever has changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluators.training.user_code import importing
from primitives import PrimitiveError, unregister
from tests.evaluators.training.user_code.test_sources import write
from tests.search.cli.test_cli import invoke, shell

ROOT = Path(__file__).parents[3]
TINY = """
extensions = ["own_shapes.py"]
seeds = ["dent(x)"]
[grammar]
primitives = ["add", "mul", "dent", "tanh"]
[fidelity]
steps = 4
seeds = 1
rungs = []
[budget]
trainings = 2
[confirm]
top = 1
seeds = 2
steps = 4
measure = false
[execution]
executor = "serial"
"""
FILES = {
    "campaign.toml": TINY,
    "own_shapes.py": """
from primitives import Kernels, named
named("dent", lambda x: x/(1+x**2), [lambda x: (1-x**2)/(1+x**2)**2],
      kernels=Kernels(*["{0} / (1 + {0}**2)"]*3), cost=6, parity="odd", growth="bounded")
""",
    "own_numbers.py": "NOISE = 0.02\n",
    "own_width.txt": "8",
    "own_task.py": '''
from pathlib import Path

import torch
from torch import nn
from evaluators import Data, Recipe, Task
from evaluators.tasks.networks import mlp
from own_numbers import NOISE  # a file beside this one


class Line(Task):
    """A noisy line."""

    recipe = Recipe(steps=6, batch_size=16)

    def data(self, part):
        generator = torch.Generator().manual_seed(["train", "validation", "test"].index(part))
        x = torch.randn(60, 1, generator=generator)
        return Data(x, x + NOISE * torch.randn(60, 1, generator=generator))

    def network(self, activation, gain):
        return mlp([1, int(Path(__file__).with_name("own_width.txt").read_text()), 1], activation, gain)

    def loss(self, outputs, targets):
        return nn.functional.mse_loss(outputs, targets)

    def error(self, outputs, targets):
        return (outputs - targets).square().mean(1)
''',
}
LAUNCH = ("launch", "campaign.toml", "--task", "own_task.py:Line", "--run", "run")


@pytest.fixture
def place(tmp_path_factory, monkeypatch):
    """A folder with a campaign, a task, an extension and a file that the task imports."""
    folder = tmp_path_factory.getbasetemp() / "own_code"
    shutil.rmtree(folder, ignore_errors=True)
    monkeypatch.chdir(write(folder, FILES))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    path, finders = list(sys.path), list(sys.meta_path)
    yield folder
    forget()
    sys.path[:], sys.meta_path[:] = path, finders


def forget():
    """Be a new process: nothing of the user's is imported."""
    importing._IMPORTED.clear()
    for name in ("own_task", "own_shapes", "own_numbers", "line", "line.task", "line.numbers"):
        sys.modules.pop(name, None)
    with contextlib.suppress(PrimitiveError):
        unregister("dent")


def run(*arguments):
    forget()
    return invoke(*arguments, *(("--quiet",) if arguments[0] in ("launch", "resume", "confirm") else ()))


@pytest.fixture
def launched(place, tmp_path_factory):
    """The same after a launch, which is done once and put back for every test."""
    kept, said = place.with_name("own_code_launched"), place.with_name("own_code_said")
    if not kept.exists():
        code, out, error = run(*LAUNCH)
        assert code == 0, error
        said.write_text(json.dumps([out, error]))
        shutil.copytree(place, kept)
    shutil.copytree(kept, place, dirs_exist_ok=True)
    return json.loads(said.read_text())


def results(out):
    return {(row["task"], row["pairs"]) for row in json.loads(out)}


def test_a_launch_names_what_it_imports_and_calls_the_task_by_file_and_class(launched):
    out, error = launched
    assert "imported extension own_shapes.py, which registers dent" in error
    assert "own_task.py:Line, 4 steps: fresh seeds" in out


def test_a_run_keeps_the_code_that_belongs_to_it(launched, place):
    kept = {path.relative_to(place / "run/code").as_posix() for path in (place / "run/code").rglob("*.py")}
    assert kept == {"own_task/own_task.py", "own_task/own_numbers.py", "own_shapes/own_shapes.py"}
    assert (place / "run/code/own_task/own_numbers.py").read_text() == FILES["own_numbers.py"]


def test_reading_commands_import_nothing_and_show_unknown_primitives_as_text(launched, place):
    shutil.move(place / "own_shapes.py", place / "gone.py")
    (place / "own_task.py").write_text("raise RuntimeError('imported')\n")
    seed = 9  # after eight baselines
    assert run("pareto", "run", "--plot", "p.png")[0] == 0
    for command in (["list", "."], ["show", "run"], ["show", "run", str(seed)], ["pareto", "run"]):
        code, out, error = run(*command)
        assert (code, "RuntimeError" in error) == (0, False)
        assert "dent" in out or command[0] in ("list", "pareto")  # where the search may have found better ones
    assert "from an extension (own_shapes.py), which reading commands do not import" in run("show", "run", str(seed))[1]
    assert json.loads(run("show", "run", str(seed), "--format", "json")[1])["latex"] is None
    code, _, error = run("export", "run", str(seed))
    assert (code, f"actsearch export run {seed} --extension own_shapes.py" in error) == (2, True)
    code, out, _ = run("export", "run", str(seed), "--extension", "gone.py")
    assert (code, "x / (1 + x**2)" in out) == (0, True)


def test_moved_code_is_asked_for_and_its_results_belong_to_it(launched, place):
    write(place, {"new/keep": ""})
    for name in ("own_task.py", "own_numbers.py", "own_width.txt", "own_shapes.py"):
        shutil.move(place / name, place / "new" / name)
    assert "where the run's extension 'own_shapes.py' is now with --extension" in run("confirm", "run")[2]
    there = ("--extension", "new/own_shapes.py")
    assert results(run("confirm", "run", "--format", "json", *there)[1]) == {("own_task.py:Line", 2)}  # as stored
    assert "is now with --task 'PLACE/own_task.py:Line'" in run("confirm", "run", "--seeds", "3", *there)[2]
    there += ("--task", "new/own_task.py:Line", "--format", "json")
    assert results(run("confirm", "run", *there)[1]) == {("own_task.py:Line", 2)}
    assert results(run("confirm", "run", "--seeds", "3", *there)[1]) == {("own_task.py:Line", 3)}


def test_a_module_of_a_package_is_found_again_from_any_folder_and_in_its_copy(place, monkeypatch):
    package = {"line/__init__.py": "", "line/numbers.py": FILES["own_numbers.py"], "line/own_width.txt": "8"}
    package["line/task.py"] = FILES["own_task.py"].replace("from own_numbers", "from .numbers")
    write(place, package)
    options = ("--extension", "own_shapes.py", "--run", "run")
    code, _, error = run("launch", "campaign.toml", "--task", "line.task:Line", *options)
    assert code == 0, error
    unfinished()
    monkeypatch.chdir("/")
    code, out, error = run("resume", str(place / "run"))
    assert (code, "line.task:Line" in out) == (0, True), error
    shutil.move(place / "line", place / "moved")
    assert "is now with --task" in run("confirm", str(place / "run"), "--seeds", "3")[2]
    there = ("--task", f"{place}/run/code/line.task/line.task:Line", "--seeds", "3", "--format", "json")
    code, out, error = run("confirm", str(place / "run"), *there)
    assert code == 0, error
    assert results(out) == {("line.task:Line", 3)}


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("own_numbers.py", "0.02", "0.5", "own_numbers.py changed"),
        ("own_task.py", "steps=6", "steps=7", "own_task.py changed"),
        ("own_width.txt", "8", "9", "own_width.txt changed"),
    ],
)
def test_a_changed_task_is_refused_or_kept_apart_by_name(file, old, new, told, launched, place):
    (place / file).write_text((place / file).read_text().replace(old, new))
    for command in (["confirm", "run", "--seeds", "3"], ["resume", "run"]):
        code, _, error = run(*command)
        assert code == 2 if command[0] == "confirm" else code == 0  # a finished run trains nothing
        if code:
            assert told in error
            assert "keeps a copy of its code in run/code/own_task" in error
    code, out, error = run("confirm", "run", "--task", "own_task.py:Line", "--seeds", "3", "--format", "json")
    assert code == 0
    assert "kept apart as own_task.py:Line@" in error
    (one, other) = sorted(results(out))
    assert (one, other[1]) == (("own_task.py:Line", 2), 3)
    again = run("confirm", "run", "--task", "own_task.py:Line", "--seeds", "3", "--format", "json")
    assert (results(again[1]), "kept apart" in again[2]) == ({one, other}, False)
    assert any((place / "run/code").glob("own_task@*"))
    table = run("confirm", "run", "--task", "own_task.py:Line", "--seeds", "3")[1]
    same_data = "data of own_task.py:Line, which the search used with another recipe"
    assert (same_data in " ".join(table.split())) == (file != "own_numbers.py")
    assert ("a task the search never saw" in " ".join(table.split())) == (file == "own_numbers.py")
    old_one = run("confirm", "run", "--task", "run/code/own_task/own_task.py:Line", "--seeds", "4", "--format", "json")
    assert results(old_one[1]) == {("own_task.py:Line", 4), other}


def test_copies_are_never_written_out_of_the_run_folder(launched, place, tmp_path):
    (place / "own_numbers.py").write_text("NOISE = 0.5\n")
    shutil.rmtree(place / "run/code")
    (place / "run/code").symlink_to(tmp_path)
    code, _, error = run("confirm", "run", "--task", "own_task.py:Line")
    assert (code, "a link leads out of the run folder" in error) == (2, True)
    assert not list(tmp_path.iterdir())


def unfinished():
    """Set the run back to where its search was going on."""
    from runs import folder

    with folder.writing(Path("run")) as store:
        store.set_meta("state", "searching")


def test_a_search_goes_on_with_what_it_began_with_or_not_at_all(launched, place):
    unfinished()
    (place / "own_numbers.py").write_text("NOISE = 0.5\n")
    code, _, error = run("resume", "run")
    assert (code, "own_numbers.py changed" in error) == (2, True)
    code, _, error = run("resume", "run", "--task", "run/code/own_task/own_task.py:Line")
    assert code == 0, error


def test_a_changed_extension_is_refused(launched, place):
    unfinished()
    (place / "own_shapes.py").write_text(FILES["own_shapes.py"].replace("cost=6", "cost=7"))
    code, _, error = run("resume", "run")
    assert (code, "--extension run/code/own_shapes/own_shapes.py" in error) == (2, True)
    code, _, error = run("resume", "run", "--extension", "run/code/own_shapes/own_shapes.py")
    assert code == 0, error


def test_code_that_never_ran_on_this_machine_needs_trust(launched, place, monkeypatch):
    unfinished()
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "another_machine"))
    for options, missing in (([], "own_shapes.py"), (["--extension", "own_shapes.py"], "own_task.py:Line")):
        code, _, error = run("resume", "run", *options)
        assert code == 2
        assert f"needs the code '{missing}'" in error
        assert "never ran on this machine" in error
        assert "--trust" in error
    assert run("resume", "run", "--trust")[0] == 0
    unfinished()
    assert run("resume", "run")[0] == 0  # known from now on


def test_a_state_folder_that_cannot_be_written_is_said_and_hurts_nobody(place, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "campaign.toml"))
    code, _, error = run(*LAUNCH)
    assert code == 0
    assert "cannot be written (Not a directory), so resume will ask for --trust" in error


@pytest.mark.parametrize(
    ("file", "options", "search", "confirmation"),
    [
        (TINY, [], "4 steps (campaign.toml; its recipe has 6)", "4 steps (campaign.toml; its recipe has 6)"),
        (TINY, ["--steps", "5"], "5 steps (--steps; its recipe has 6)", "4 steps (campaign.toml; its recipe has 6)"),
        (TINY.replace("steps = 4", ""), [], "6 steps (its recipe)", "6 steps (its recipe)"),
        (TINY.replace("steps = 4", ""), ["--preset", "smoke"], "6 steps (its recipe)", "6 steps (its recipe)"),
    ],
)
def test_a_launch_says_which_recipe_applies_and_why(file, options, search, confirmation, place):
    (place / "campaign.toml").write_text(file)
    forget()
    code, _, error = invoke(*LAUNCH, *options)
    assert code == 0, error
    tail = "batches of 16 and learning rate 0.003 (its recipe)"
    assert f"search on own_task.py:Line by validation error: {search}, {tail}\n" in error
    assert f"confirmation on own_task.py:Line by test error: {confirmation}, {tail}\n" in error
    steps = int(search.split()[0])
    rows = json.loads(run("show", "run", "relu", "--format", "json")[1])["evaluations"]
    assert {row["steps"] for row in rows if row["purpose"] == "search"} == {steps}


@pytest.mark.slow
def test_an_installed_package_may_bring_an_extension(place):
    info = {"METADATA": "Metadata-Version: 2.1\nName: shapes\nVersion: 1.0\n"}
    info["entry_points.txt"] = "[actsearch.extensions]\nshapes = own_shapes\n"
    write(place, {f"shapes-1.0.dist-info/{name}": text for name, text in info.items()})
    (place / "campaign.toml").write_text(TINY.replace('extensions = ["own_shapes.py"]', ""))
    done = shell(*LAUNCH, "--quiet", env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{place}"}, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "imported extension own_shapes, which registers dent" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--extension", "own_shaped.py"], "extension 'own_shaped.py' does not exist; .*did you mean 'own_shapes.py'"),
        (["--extension", "own_numbers"], "did you mean|unknown primitive 'dent'"),
        (["--data", "."], "--data has no effect: own_task.py:Line"),
    ],
)
def test_wrong_code_options_are_one_sentence_and_nothing_is_written(options, message, place):
    import re

    code, _, error = run(*LAUNCH, *options)
    assert code == 2
    assert re.search(message, error), error
    assert not (place / "run").exists()


def test_a_wrong_place_of_a_run_s_code_is_told(launched, place):
    unfinished()
    assert "the run has no extension 'own_numbers.py'" in run("resume", "run", "--extension", "own_numbers.py")[2]
    write(place, {"another.py": FILES["own_task.py"].replace("Line", "Curve")})
    assert "the run has no task of that file and class" in run("resume", "run", "--task", "another.py:Curve")[2]


def test_a_task_that_workers_cannot_get_is_refused_before_one_starts(place):
    text = (
        FILES["own_task.py"]
        + "\n    def __init__(self):\n        import threading\n        self.log = threading.Lock()\n"
    )
    (place / "own_task.py").write_text(text)
    (place / "campaign.toml").write_text(TINY.replace('executor = "serial"', 'executor = "ray"'))
    code, _, error = run(*LAUNCH)
    assert code == 2
    assert "task 'own_task.py:Line': its attribute 'log' of type lock" in error
    assert "--executor serial" in error
    assert run(*LAUNCH, "--executor", "serial")[0] == 0


@pytest.mark.parametrize("draw", ["torch.randn(60, 1)", "torch.tensor(np.random.rand(60, 1)).float()"])
def test_data_that_nobody_could_make_again_are_refused_before_anything_is_written(draw, place):
    text = FILES["own_task.py"].replace("x = torch.randn(60, 1, generator=generator)", f"x = {draw}")
    (place / "own_task.py").write_text(text.replace("import torch\n", "import numpy as np\nimport torch\n", 1))
    torch.manual_seed(1), np.random.seed(1)  # the state in which it is asked again must not be this one by chance
    code, _, error = run(*LAUNCH)
    assert (code, (place / "run").exists()) == (2, False)
    assert "data() answers otherwise when it is asked again (test inputs, test targets, train inputs" in error
    assert "manual_seed(0)" in error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "    recipe =",
            "    def __init__(self):\n        global WIDTH\n        WIDTH = 8\n\n    recipe =",
            "network(activation, gain) raises NameError: name 'WIDTH' is not defined",
        ),
        (
            "class Line",
            "WIDTH = int(torch.randint(10_000, ()))\n\n\nclass Line",
            "loss or error of one network on the same examples differ in another process",
        ),
    ],
)
def test_a_task_that_is_another_one_in_a_worker_is_told_before_anything_is_written(old, new, told, place):
    text = FILES["own_task.py"].replace(old, new).replace("mlp([1, int", "mlp([1, WIDTH + 0 * int")
    (place / "own_task.py").write_text(text)
    done = shell(*LAUNCH, "--executor", "ray", "--workers", "1", "--quiet", cwd=place)
    assert (done.returncode, (place / "run").exists()) == (2, False)
    assert told in done.stderr
    assert "this is so in a Ray worker" in done.stderr
    assert "or use --executor serial" in done.stderr
    assert "Traceback" not in done.stderr


def errors(run_folder):
    """Return the search error of each baseline."""
    from runs import folder, scored

    with folder.reading(Path(run_folder)) as store:
        frame = scored(store)
    return frame[frame["baseline"]].set_index("name")["error"].to_dict()


def test_task_extension_and_neighbour_work_on_ray_with_the_numbers_of_a_serial_run(launched, place):
    options = ["--task", "own_task:Line", "--executor", "ray", "--workers", "1", "--run", "there", "--quiet"]
    done = shell("launch", "campaign.toml", *options, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "own_task:Line, 4 steps: fresh seeds" in done.stdout
    shown = json.loads(run("show", "there", "9", "--format", "json")[1])
    assert (shown["expression"], shown["status"]) == ("dent(x)", "ok")
    assert errors("there") == pytest.approx(errors("run"), rel=1e-6)
    assert len(errors("there")) == 8


def test_why_trainings_were_not_stacked_is_told_at_launch_at_the_end_and_by_show(place):
    text = (
        FILES["own_task.py"]
        .replace("return mlp(", "return Counting(")
        .replace("1], activation, gain", "1], activation")
    )
    counting = "class Counting(nn.Module):\n    def __init__(self, sizes, activation):\n        super().__init__()\n"
    counting += "        self.inner, self.steps = mlp(sizes, activation, 1.0), 0\n\n    def forward(self, x):\n"
    counting += "        self.steps += 1\n        return self.inner(x) / self.steps\n\n\nclass Line"
    (place / "own_task.py").write_text(text.replace("class Line", counting))
    why = "it keeps state outside of buffers, in 'steps'; register a buffer and write it in place"
    code, out, error = invoke(*LAUNCH)
    assert code == 0
    assert f"own_task.py:Line trains one candidate after another: {why}" in error
    (line,) = (line for line in out.splitlines() if "one by one" in line)
    assert line.endswith(f" trainings ran one by one, not in a stack: {why}")
    assert line in " ".join(invoke("show", "run")[1].split())
    _, out, _ = invoke("show", "run", "relu")
    assert f"trained by itself, not in a stack: {why}" in " ".join(out.split())
    evaluations = json.loads(invoke("show", "run", "relu", "--format", "json")[1])["evaluations"]
    assert {evaluation["unstacked"] for evaluation in evaluations if evaluation["purpose"] == "search"} == {why}
