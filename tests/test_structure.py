"""The shape of the house: floors, lengths, and text that is never evaluated."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ["primitives", "evaluators", "runs", "search"]
FILES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


UNSAFE = {"pickle", "torch", "sympy", "gp", "builtins", "cloudpickle", "joblib"}


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down_only(file):
    floor = FLOORS.index(file.relative_to(ROOT).parts[0])
    above = set(FLOORS[floor + 1 :]) | {"tests"}
    found = {name.split(".")[0] for name in imports(ast.parse(file.read_text()))}
    assert not found & above


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(file):
    text = file.read_text()
    assert len(text.splitlines()) <= 600
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 80, node.name


def test_nothing_evaluates_text_but_the_compiler_on_its_own_source_and_a_worker_what_it_was_sent():
    forbidden = {"eval", "exec", "sympify", "parse_expr", "lambdify", "loads", "load", "from_string"}
    found = set()
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else ""
                attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                owner = getattr(getattr(node.func, "value", None), "id", "")
                if name in forbidden or (attribute in forbidden and owner in UNSAFE):
                    found.add((file.name, name or attribute))
    # A worker unpickles what its own driver sent, as Ray does with every argument.
    assert found == {("module.py", "exec"), ("sending.py", "loads")}


def test_a_class_is_abstract_or_final():
    import importlib

    for file in FILES:
        if file.stem in ("__init__", "testing"):
            continue
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for _, value in inspect.getmembers(module, inspect.isclass):
            if value.__module__ != module.__name__:
                continue
            for base in value.__mro__[1:]:
                if base.__module__.split(".")[0] in FLOORS and not inspect.isabstract(base):
                    assert base.__name__ in ("_Section", "ActsearchError"), (value, base)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['actsearch', '--help']\n"
        "from search.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sympy', 'pandas', 'ray', 'numpy', 'scipy', 'matplotlib', 'deap'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_package_says_what_it_is_for_what_it_refuses_and_how_to_extend_it():
    for floor in FLOORS:
        text = (ROOT / floor / "README.md").read_text()
        for heading in ("## What it is for", "## What it refuses", "## How to extend it"):
            assert heading in text, (floor, heading)
