"""The shape of the house: floors, lengths, and text that is never evaluated."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
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


def modules():
    """Return every module's file by name, a package by its own."""
    named = {}
    for file in FILES:
        parts = file.relative_to(ROOT).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return named


def public_names():
    """Return the module that defines each name of a package's stub."""
    found = {}
    for floor in FLOORS:
        for node in ast.walk(ast.parse((ROOT / floor / "__init__.pyi").read_text())):
            if isinstance(node, ast.ImportFrom):
                found |= {(floor, alias.name): f"{floor}.{node.module}" for alias in node.names}
    return found


def imported(tree):
    """Yield module and name of every import, inside functions too; those for the type checker alone run nothing."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)
        todo += ast.iter_child_nodes(node)


def imports_by_module():
    """Return which of our modules each of them imports."""
    ours, public, found = modules(), public_names(), {}
    for module, file in ours.items():
        targets = set()
        for base, name in imported(ast.parse(file.read_text())):
            inner = f"{base}.{name}"
            targets.add(inner if inner in ours else public.get((base, name), base))
        found[module] = (targets & ours.keys()) - {module}
    return found


def test_no_module_imports_itself_through_others():
    graph = imports_by_module()
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
    assert len(graph) > 150
    TopologicalSorter(graph).prepare()


ROOMS = {
    "evaluators": ["theory", "judging", "training", "instruments", "tasks"],
    "search": [
        "space",
        "strategies",
        "configuration",
        "campaign",
        "live",
        "logs",
        "loading",
        "session",
        "cli",
        "studies",
    ],
}
"""Rooms from the ground up."""
ALLOWED = {
    ("evaluators.training.executors", "evaluators.tasks"),  # a worker of Ray checks the tasks that it was sent
}


def test_rooms_of_a_floor_know_only_those_below():
    for module, targets in imports_by_module().items():
        for target in targets:
            floor, *rest = module.split(".")
            other, *inner = target.split(".")
            rooms = ROOMS.get(floor, [])
            if floor != other or not rest or not inner or rest[0] not in rooms or inner[0] not in rooms:
                continue
            if any(module.startswith(a) and target.startswith(b) for a, b in ALLOWED):
                continue
            assert rooms.index(inner[0]) <= rooms.index(rest[0]), f"{module} imports {target}"


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
    # A worker unpickles what its own driver sent, as Ray does with every argument; a study what it has just pickled,
    # or exported.
    compilers = {("module.py", "exec"), ("numeric.py", "exec")}
    assert found == compilers | {("sending.py", "loads"), ("trial.py", "loads"), ("edges.py", "exec")}


INHERITED = ("Options", "ExecutorOptions", "StrategyOptions", "ActsearchError")
"""What is neither abstract nor final: kinds of options and of errors."""


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
                    assert base.__name__ in INHERITED, (
                        value,
                        base,
                    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['actsearch', '--help']\n"
        "from search.cli.main import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sympy', 'pandas', 'ray', 'numpy', 'scipy', 'matplotlib', 'deap', 'pydantic'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_package_says_what_it_is_for_what_it_refuses_and_how_to_extend_it():
    for floor in FLOORS:
        text = (ROOT / floor / "README.md").read_text()
        for heading in ("## What it is for", "## What it refuses", "## How to extend it"):
            assert heading in text, (floor, heading)
