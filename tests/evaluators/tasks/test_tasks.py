from __future__ import annotations

import subprocess
import sys

import pytest

from evaluators import TASKS, load_task
from evaluators.testing import TaskContract
from primitives import ActsearchError

OWN = '''
import torch
from torch import nn
from evaluators import Classification, Data, Recipe
from evaluators.tasks.networks import mlp


class Blobs(Classification):
    """Two noisy blobs, enough to show the shape of a task."""

    name = "blobs"
    recipe = Recipe(steps=50, batch_size=32)

    def data(self, part):
        generator = torch.Generator().manual_seed(["train", "validation", "test"].index(part))
        targets = torch.randint(0, 2, (200,), generator=generator)
        inputs = torch.randn(200, 2, generator=generator) + 2.0 * targets[:, None]
        return Data(inputs, targets)

    def network(self, activation, gain):
        return mlp([2, 16, 2], activation, gain)


class Broken(Classification):
    def __init__(self):
        raise RuntimeError("no data here")


class NotATask:
    pass
'''


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "own_task.py"
    file.write_text(OWN)
    return file


class TestAUsersOwn(TaskContract):
    @pytest.fixture
    def task(self, own):
        return load_task(f"{own}:Blobs")


def test_every_task_documents_itself():
    for name in TASKS:
        task = load_task(name)
        assert task.name == name
        assert task.__doc__


def test_naming_the_tasks_imports_none_of_them():
    code = (
        "import sys\n"
        "from evaluators import TASKS\n"
        "assert 'digits-vit' in TASKS\n"
        "named = {'evaluators.tasks.offline.digits', 'evaluators.tasks.vision.task', "
        "'evaluators.tasks.language.gpt2_dpo'}\n"
        "heavy = (named | {'sklearn', 'mlxtend', 'mnist1d', 'torchvision', 'timm'}) & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits-vti", "unknown task 'digits-vti'; did you mean 'digits-vit'"),
        ("nowhere.py:Task", "does not exist"),
        ("{own}:Blob", "did you mean 'Blobs'"),
        ("{own}:NotATask", "must subclass"),
        ("{own}:Broken", "cannot be made: TypeError"),
        ("{own}", "must name a file and a class"),
        (":Blobs", "unknown task"),
    ],
)
def test_a_wrong_task_is_refused_in_one_sentence(name, message, own):
    with pytest.raises(ActsearchError, match=message):
        load_task(name.format(own=own))


def test_a_task_file_that_fails_on_import_says_so(tmp_path):
    (tmp_path / "bad.py").write_text("import no_such_module\n")
    with pytest.raises(ActsearchError, match="fails on import: ModuleNotFoundError"):
        load_task(f"{tmp_path / 'bad.py'}:Anything")
