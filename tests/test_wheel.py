"""The package as it is installed: a wheel, unpacked, used from a folder whose files are named like ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.helpers import lay_foreign_files

ROOT = Path(__file__).parent.parent
FLOORS = ("primitives", "evaluators", "runs", "search")
COMMANDS = [
    ["--help"],
    ["config", "--preset", "quick"],
    ["primitives", "--format", "csv"],
    ["tasks", "--format", "json"],
    ["derive", "relu"],
    ["export", "--expr", "crrelu", "-o", "act.py"],
    ["launch", "--preset", "smoke", "--task", "digits-mlp", "--trainings", "1", "--run", "campaigns/run", "--quiet"],
    ["list"],
    ["pareto", "campaigns/run", "--plot", "front.svg"],
]
EACH = """
import sys
from search.cli.main import main
for words in {commands}:
    sys.argv = ["actsearch", *words]
    try:
        main()
    except SystemExit as done:
        assert not done.code, (words, done.code)
for name in ("primitives", "evaluators", "runs", "search"):
    assert sys.modules[name].__file__.startswith({site!r}), name
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder that an installer would fill, and the wheel's names."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, source / floor, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    code = "from setuptools import build_meta; build_meta.build_wheel('.')"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (wheel,) = source.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def python(site, folder, *words):
    """Run Python in a folder, with what the wheel holds and without the folder itself on its path."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_every_file_of_ours_that_the_code_reads(site):
    wanted = {p.relative_to(ROOT) for floor in FLOORS for p in (ROOT / floor).rglob("*") if p.suffix in (".py", ".pyi")}
    wanted = {path for path in wanted if path.parts[:2] != ("search", "studies")}  # they belong to the repository
    wanted |= {Path(floor) / "py.typed" for floor in FLOORS}
    wanted |= {Path("evaluators/tasks") / name for name in ("reference.csv", "agreement.csv")}
    wanted |= {p.relative_to(ROOT) for p in (ROOT / "search/presets").iterdir()}
    wanted |= {p.relative_to(ROOT) for p in (ROOT / "runs/report").glob("page.*")}
    wanted.add(Path("primitives/reading/formula.lark"))
    held = {p.relative_to(site) for p in site.rglob("*") if p.is_file() and p.parts[len(site.parts)] in FLOORS}
    assert held == wanted
    (entry,) = [line for p in site.glob("*/entry_points.txt") for line in p.read_text().splitlines() if "=" in line]
    assert entry == "actsearch = search.cli.main:main"


@pytest.mark.slow
def test_installed_it_works_from_a_folder_with_packages_named_like_ours(site, tmp_path):
    lay_foreign_files(tmp_path)
    done = python(site, tmp_path, "-c", EACH.format(commands=COMMANDS, site=str(site)))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "digits-mlp" in done.stdout
    assert {"act.py", "front.svg", "campaigns"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("floor", ["primitives", "evaluators", "search"])
def test_contract_tests_say_what_they_need(site, tmp_path, floor):
    code = f"import sys; sys.modules['pytest'] = None; import {floor}.testing"
    done = python(site, tmp_path, "-c", code)
    last = done.stderr.splitlines()[-1]
    assert last == f"ImportError: {floor}.testing needs pytest: pip install 'actsearch[test]'"
