from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from evaluators.training.user_code import importing
from evaluators.training.user_code.importing import import_code, imported
from evaluators.training.user_code.place import place_of
from primitives import ActsearchError
from tests.evaluators.training.user_code.test_sources import write

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    """Leave no user's code behind."""
    path, finders = list(sys.path), list(sys.meta_path)
    monkeypatch.setattr(importing, "_IMPORTED", {})
    monkeypatch.setattr(importing, "_FINDERS", {})
    yield
    for name, module in list(sys.modules.items()):
        held = vars(module) if isinstance(module, ModuleType) else {}  # lazy ones would answer, and import
        if str(tmp_path) in f"{held.get('__file__')}{held.get('__path__')}":
            del sys.modules[name]
    sys.path[:], sys.meta_path[:] = path, finders


def code(folder, given="a_task.py"):
    return import_code(place_of(str(folder / given), "task file"), "task file")


def test_a_file_imports_what_lies_beside_it_now_and_later(tmp_path):
    write(tmp_path, {"a_task.py": "import a_net\ndef later():\n    import a_late\n    return a_late.x + a_net.x\n"})
    write(tmp_path, {"a_net.py": "x = 1\n", "a_late.py": "x = 2\n"})
    assert code(tmp_path).module.later() == 3


def test_it_is_imported_once_and_anew_when_something_of_it_changed(tmp_path):
    write(tmp_path, {"a_task.py": "import a_net\nx = a_net.x\n", "a_net.py": "x = 1\n"})
    first = code(tmp_path)
    assert code(tmp_path) is first
    (tmp_path / "a_net.py").write_text("x = 22\n")
    assert code(tmp_path).module.x == 22
    assert len(imported()) == 1


@pytest.mark.parametrize("name", ["search.py", "random.py", "2nd-try.py", "torch.py"])
def test_a_file_may_have_any_name(name, tmp_path):
    import random

    import search

    write(tmp_path, {name: "x = 5\n"})
    assert code(tmp_path, name).module.x == 5
    assert sys.modules["search"] is search
    assert sys.modules["random"] is random


def test_two_files_of_one_name_are_two_modules(tmp_path):
    write(tmp_path, {"one/a_task.py": "x = 1\n", "two/a_task.py": "x = 2\n"})
    assert [code(tmp_path, f"{folder}/a_task.py").module.x for folder in ("one", "two")] == [1, 2]


def test_another_module_than_the_one_beside_it_is_never_taken_in_silence(tmp_path):
    task = "import a_net\nx = a_net.x\n"
    write(tmp_path, {"one/a_task.py": task, "one/a_net.py": "x = 1\n"})
    write(tmp_path, {"two/b_task.py": task, "two/a_net.py": "x = 2\n"})
    code(tmp_path, "one/a_task.py")
    with pytest.raises(ActsearchError, match=r"'b_task.py' imports 'a_net', which is both .*two.* and .*one.*; rename"):
        code(tmp_path, "two/b_task.py")


def test_a_module_that_is_imported_later_is_never_another_task_s_unless_it_says_the_same(tmp_path):
    late = "def later():\n    import a_net\n    return a_net.x\n"
    write(
        tmp_path, {"one/a_task.py": late, "one/a_net.py": "x = 1\n", "two/b_task.py": late, "two/a_net.py": "x = 2\n"}
    )
    code(tmp_path, "one/a_task.py")
    with pytest.raises(ActsearchError, match=r"'b_task.py' imports 'a_net', which is both"):
        code(tmp_path, "two/b_task.py")
    write(tmp_path, {"three/c_task.py": late, "three/a_net.py": "x = 1\n"})
    assert code(tmp_path, "three/c_task.py").module.later() == 1


def test_a_module_lies_in_folders_without_init_files_and_reads_what_lies_beside_it(tmp_path, monkeypatch):
    text = "from importlib.resources import files\nimport pkgutil\n"
    text += "x = files('a_zoo').joinpath('w.txt').read_text() + pkgutil.get_data('a_zoo', 'w.txt').decode()\n"
    write(tmp_path, {"a_zoo/__init__.py": "", "a_zoo/w.txt": "1", "a_zoo/deep/t.py": text, "n1/n2/t.py": "x = 2\n"})
    monkeypatch.chdir(tmp_path)
    found = [import_code(place_of(name, "task file"), "task file") for name in ("a_zoo.deep.t", "n1.n2.t")]
    assert [one.module.x for one in found] == ["11", 2]
    assert relatives(found[0]) == ["a_zoo/__init__.py", "a_zoo/deep/t.py", "a_zoo/w.txt"]


@pytest.mark.parametrize(("name", "attribute"), [("search", "anything"), ("statistics", "mean"), ("runs", "Store")])
def test_a_neighbour_with_the_name_of_another_package_is_told(name, attribute, tmp_path):
    write(tmp_path, {"a_task.py": f"from {name} import {attribute}\n", f"{name}.py": f"{attribute} = 1\n"})
    with pytest.raises(ActsearchError, match=rf"task file 'a_task.py' .*'{name}"):
        code(tmp_path)


def test_a_neighbour_that_the_code_does_not_import_is_no_module_to_anybody(tmp_path):
    write(tmp_path, {"a_task.py": "x = 1\n", "mnist1d.py": "raise RuntimeError('foreign')\n", "a_plugin.py": ""})
    code(tmp_path)
    sys.modules.pop("mnist1d", None)
    import mnist1d

    assert Path(mnist1d.__file__).parents[1] != tmp_path
    assert importlib.util.find_spec("a_plugin") is None  # as a library tries that works without it


def relatives(found):
    return sorted(source.relative for source in found.sources)


def test_what_it_reads_of_its_folder_belongs_to_it_and_a_change_imports_it_anew(tmp_path):
    task = "from pathlib import Path\nx = (Path(__file__).parent / 'weights.json').read_text()\n"
    write(tmp_path, {"a_task.py": task, "weights.json": "1", "unread.json": "1"})
    first = code(tmp_path)
    assert relatives(first) == ["a_task.py", "weights.json"]
    assert code(tmp_path) is first
    (tmp_path / "weights.json").write_text("2")
    assert code(tmp_path).module.x == "2"
    assert [source.relative for source in imported()[0].sources] == ["a_task.py"]  # a worker reads it where it lies


def test_what_it_imports_by_a_call_belongs_to_it(tmp_path):
    task = "from importlib import import_module\nx = import_module('a_net').x\n"
    write(tmp_path, {"a_task.py": task, "a_net.py": "x = 1\n"})
    assert relatives(code(tmp_path)) == ["a_net.py", "a_task.py"]


def test_what_a_package_finds_in_its_own_folder_belongs_to_it(tmp_path):
    found_there = "import importlib, pkgutil\nnames = [m.name for m in pkgutil.iter_modules(__path__)]\n"
    found_there += "nets = [importlib.import_module(f'{__name__}.{name}') for name in names]\n"
    write(tmp_path, {"a_task.py": "import a_zoo\nx = len(a_zoo.nets)\n", "a_zoo/__init__.py": found_there})
    write(tmp_path, {"a_zoo/one.py": "", "a_zoo/two.py": ""})
    found = code(tmp_path)
    assert (found.module.x, relatives(found)) == (2, ["a_task.py", "a_zoo/__init__.py", "a_zoo/one.py", "a_zoo/two.py"])
    assert [source.module for source in imported()[0].sources[2:]] == ["a_zoo.one", "a_zoo.two"]


def test_files_of_an_environment_in_the_same_folder_are_not_its_own(tmp_path):
    task = "from pathlib import Path\nhere = Path(__file__).parent\n"
    for name in (".venv/x.txt", "env/lib/site-packages/x.txt", "x.txt"):
        write(tmp_path, {name: "1"})
        task += f"(here / {name!r}).read_text()\n"
    write(tmp_path, {"a_task.py": task})
    assert relatives(code(tmp_path)) == ["a_task.py", "x.txt"]


def test_our_packages_are_ours_whatever_lies_beside_a_task_file(tmp_path):
    names = ("runs", "search", "evaluators", "primitives", "tests")
    write(tmp_path, {f"{name}/__init__.py": "raise RuntimeError('foreign')\n" for name in names})
    write(tmp_path, {"a_task.py": "from evaluators import Task\nfrom primitives import parse\n"})
    script = (
        "from pathlib import Path\n"
        "from evaluators.training.user_code.importing import import_code\n"
        "from evaluators.training.user_code.place import place_of\n"
        f"import_code(place_of({str(tmp_path / 'a_task.py')!r}, 'task file'), 'task file')\n"
        "import runs, search, search.configuration.config\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_thing\n", "fails on import: ModuleNotFoundError"),
        ("__import__('a_' + 'net')\n", r"No module named 'a_net'; '.*a_net.py' belongs .* as in import a_net"),
        ("raise SystemExit(3)\n", "fails on import: SystemExit: 3"),
        ("def (:\n", "fails on import: SyntaxError"),
        ("from .net import x\n", r"part of a package: name it as '.*\.a_task' from the folder above"),
    ],
)
def test_a_file_that_fails_says_so_and_is_forgotten(text, message, tmp_path):
    write(tmp_path, {"a_task.py": text, "a_net.py": ""})
    with pytest.raises(ActsearchError, match=message):
        code(tmp_path)
    assert "a_task" not in sys.modules
    assert not imported()


def test_a_file_deep_in_a_package_is_told_its_whole_name(tmp_path):
    write(
        tmp_path, {"a_zoo/__init__.py": "", "a_zoo/deep/__init__.py": "", "a_zoo/deep/t.py": "from ..base import x\n"}
    )
    with pytest.raises(ActsearchError, match=r"name it as 'a_zoo\.deep\.t' from the folder above 'a_zoo'"):
        code(tmp_path, "a_zoo/deep/t.py")


def test_a_worker_imports_from_what_was_sent_although_the_folder_is_gone(tmp_path):
    write(tmp_path, {"a_task.py": "import a_net, pack.deep\nfrom flat import low\nx = (a_net.x, pack.deep.x, low.x)\n"})
    write(
        tmp_path,
        {"a_net.py": "x = __file__\n", "pack/__init__.py": "", "pack/deep.py": "x = 2\n", "flat/low.py": "x = 3\n"},
    )
    found = code(tmp_path)
    sent = tmp_path.parent / "sent"
    sent.write_bytes(pickle.dumps((found,)))
    for file in sorted(tmp_path.rglob("*.py")):
        file.unlink()
    script = (
        "import pickle, sys\n"
        "from evaluators.training.user_code.importing import imported, install\n"
        f"install(pickle.load(open({str(sent)!r}, 'rb')))\n"
        f"import a_task; assert a_task.x == ({str(tmp_path / 'a_net.py')!r}, 2, 3), a_task.x\n"
        "assert len(imported()) == 1"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
