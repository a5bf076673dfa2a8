from __future__ import annotations

import os

import pytest

from evaluators.training.user_code.place import place_of
from evaluators.training.user_code.sources import fingerprint_of, sources_of
from primitives import ActsearchError

PROJECT = {
    "task.py": "import torch\nimport net\nfrom models.deep import tail\nfrom evaluators import Task\n",
    "net.py": "def build():\n    import late\n    from pkg import part\n",
    "late.py": "import net  # a circle\n",
    "models/deep.py": "tail = 1\n",  # a folder without __init__.py
    "pkg/__init__.py": "from . import sibling\nfrom .sibling import *\n",
    "pkg/part.py": "",
    "pkg/sibling.py": "",
    "pkg/unused.py": "",
    "unused.py": "import task\n",
    "evaluators.py": "raise RuntimeError('never ours')\n",
    "data.csv": "1,2\n",
}
BELONG = {"task.py", "net.py", "late.py", "models/deep.py", "pkg/__init__.py", "pkg/part.py", "pkg/sibling.py"}


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def project(tmp_path):
    return write(tmp_path / "project", PROJECT)


def relative(given, kind="task file"):
    return {source.relative for source in sources_of(place_of(str(given), kind))}


def print_of(file):
    return fingerprint_of(sources_of(place_of(str(file), "task file")))


def test_what_it_imports_from_its_own_folder_belongs_to_it_imports_in_functions_too(project):
    assert relative(project / "task.py") == BELONG


def test_a_module_is_told_like_its_file_and_nothing_runs(project, monkeypatch):
    monkeypatch.chdir(project)
    (project / "pkg" / "__init__.py").write_text("raise RuntimeError\nfrom . import sibling\n")
    assert relative("pkg.part") == {"pkg/part.py", "pkg/__init__.py", "pkg/sibling.py"}  # its package runs first
    assert relative("task") == BELONG
    assert place_of("pkg.part", "extension").root == project
    monkeypatch.chdir("/")
    assert place_of(f"{project}/pkg.part", "extension").where == f"{project}/pkg.part"


def test_of_an_installed_package_its_own_modules_belong_to_it_and_no_others():
    place = place_of("mnist1d.data", "task file")
    assert (place.package, place.where) == ("mnist1d", "mnist1d.data")
    assert {source.module.partition(".")[0] for source in sources_of(place)} == {"mnist1d"}


def test_the_fingerprint_follows_what_belongs_to_it_and_not_where_it_lies(project):
    before = print_of(project / "task.py")
    (project / "unused.py").write_text("changed = True\n")
    assert print_of(project / "task.py") == before
    moved = project.rename(project.with_name("elsewhere"))
    assert print_of(moved / "task.py") == before
    for name in BELONG:
        text = (moved / name).read_text()
        (moved / name).write_text(text + "\nchanged = True\n")
        assert print_of(moved / "task.py") != before
        (moved / name).write_text(text)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("tusk.py", r"task file 'tusk.py' does not exist; looked for .*; did you mean 'task.py'"),
        ("data/task.txt", r"task file 'task.txt' is not found: there is no module of that name in '.*data'"),
        ("models/task.py", r"does not exist; looked for .*models/task.py"),
        ("models/net", r"is not found"),  # it lies beside that folder
        ("no.such.module", r"task file 'no.such.module' is not found.*'package.module'"),
        ("sys", r"is not found"),  # it has no source
        ("pkg..part", r"is not found"),
    ],
)
def test_what_is_not_there_is_told_in_one_sentence(given, message, project, monkeypatch):
    monkeypatch.chdir(project)
    with pytest.raises(ActsearchError, match=message):
        place_of(given, "task file")


def test_a_file_is_looked_for_in_the_current_folder_and_then_beside_the_campaign_file(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place_of("task.py", "task file", [project]).file == project / "task.py"
    assert place_of(os.path.join("project", "task.py"), "task file").file == project / "task.py"


def test_a_file_that_says_nothing_readable_still_has_a_fingerprint(tmp_path):
    (tmp_path / "broken.py").write_bytes(b"def (:\n\x00")
    assert relative(tmp_path / "broken.py") == {"broken.py"}
