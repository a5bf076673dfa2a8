"""Every command that the README shows is run, on the smallest preset."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Shrunk for the test: the smallest preset on the serial executor instead of minutes of training.
SHRINK = {"--preset quick": "--preset smoke"}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands(start):
    lines = [line.split("  #")[0].strip() for block in blocks("console") for line in block.splitlines()]
    return [line for line in lines if line.startswith(start)]


def shrunk(line):
    for long, short in SHRINK.items():
        line = line.replace(long, short)
    return line


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    for block in blocks("python"):
        if name := re.match(r"# (\w+\.py)\n", block):
            (folder / name[1]).write_text(block)
    return folder


def test_every_actsearch_command_works_in_the_order_shown(place):
    shown = commands("actsearch")
    assert len(shown) >= 16
    for line in shown:
        command = [sys.executable, "-m", "search.cli", *shlex.split(shrunk(line))[1:]]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=250)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout
    for file in ("relu.py", "act.py"):
        check = subprocess.run([sys.executable, file], cwd=place, capture_output=True, text=True, check=False)
        assert "agrees with finite differences" in check.stdout


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
    import typer

    from search.cli import app

    known = set(typer.main.get_command(app).commands)
    assert known == {line.split()[1] for line in commands("actsearch")}


def test_the_picture_and_the_files_linked_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_no_placeholder_is_left():
    assert "@@" not in README
    assert (ROOT / "tests/examples/own_timm_task.py").read_text(encoding="utf-8") in README
