from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import runs
from primitives import ActsearchError
from runs import package
from tests.runs.helpers import made_run
from tests.search.cli.test_cli import invoke

IMPORTED = """
import sys
sys.path.insert(0, sys.argv[1])
import found, torch
x = torch.linspace(-3, 3, 7)
assert torch.equal(found.Act3()(x), x * torch.tanh(x))
assert found.GAINS[found.Act3] == 1.4
assert set(found.__all__) == {"GAINS", "Act3", "Act4"}
from found.act3 import check
assert check() > 0
assert not {name.partition(".")[0] for name in sys.modules} & {"primitives", "evaluators", "runs", "search"}
"""


@pytest.fixture
def made(tmp_path):
    return made_run(tmp_path / "made")


def test_a_front_is_exported_as_a_package_that_needs_torch_alone(made, tmp_path):
    code, out, _ = invoke("export", made, "--all", "-o", tmp_path / "found")
    assert (code, "Act3" in out) == (0, True)
    done = subprocess.run([sys.executable, "-I", "-c", IMPORTED, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    readme = (tmp_path / "found/README.md").read_text()
    assert "| `Act3` | `x*tanh(x)` | 0.2100 |" in readme
    assert "None of them was confirmed" in readme


def test_a_package_is_written_anew_in_one_piece_or_is_as_it_was(made, tmp_path, monkeypatch):
    target = tmp_path / "found"
    target.mkdir()
    assert invoke("export", made, "--all", "-o", target)[0] == 0  # an empty folder
    (target / "act99.py").write_text("")  # of an earlier front
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(package.os, "rename", full_disk_at(2, package.os.rename))
        code, _, error = invoke("export", made, "--all", "-o", target)
    assert code == 2
    assert re.search("cannot write.*No space left", error)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert invoke("export", made, "--all", "-o", target)[0] == 0
    assert not (target / "act99.py").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"made", "found"}


def full_disk_at(number, function):
    calls = []

    def called(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            raise OSError(28, "No space left on device")
        return function(*arguments)

    return called


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--all", "-o", "my-front"], "cannot be imported"),
        (["--all", "-o", "class"], "cannot be imported"),
        (["--all", "-o", "taken"], "is no package of 'export --all'"),
        (["--all"], "say which run and where to"),
        (["3", "--all", "-o", "found"], "ID has no effect"),
        (["--all", "-o", "found", "--name", "MyAct"], "--name has no effect"),
        (["--all", "-o", "found", "--to", "onnx"], "not --to onnx"),
        (["--all", "-o", "found", "--to", "torhc"], "did you mean 'torch'"),
    ],
)
def test_what_cannot_be_a_package_is_refused_and_nothing_is_written(made, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    Path("taken").mkdir()
    Path("taken/act1.py").write_text("mine")
    code, _, error = invoke("export", made, *options)
    assert code == 2
    assert said in error
    assert {path.name for path in tmp_path.iterdir()} == {"made", "taken"}


def test_a_run_without_a_function_of_its_own_on_the_front_is_told(tmp_path):
    empty = tmp_path / "new"
    runs.folder.create(empty, "", {"state": "searching"})
    code, _, error = invoke("export", empty, "--all", "-o", tmp_path / "found")
    assert (code, "no function but baselines" in error) == (2, True)
    with pytest.raises(ActsearchError, match="no package"):
        package.check_target(tmp_path / "new")
