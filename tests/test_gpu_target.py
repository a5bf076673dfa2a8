"""``make gpu`` on a machine that has little, and the table it writes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.gpu.__main__ import main, missing
from tests.gpu.table import Table

ROOT = Path(__file__).parent.parent
WITHOUT = (
    "ray", "deap", "pydantic", "typer", "moocore", "mlxtend", "mnist1d", "tomlkit", "tomli_w", "timm", "torchvision",
    "transformers", "trl", "datasets", "jax", "onnx", "onnxscript",
)  # fmt: skip

BLOCKED = """
import sys
from importlib import import_module
from pathlib import Path

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {without}:
            raise ModuleNotFoundError(f"{{name}} is not here", name=name)

sys.meta_path.insert(0, Blocked())
for file in sorted(Path("tests/gpu").glob("*.py")):
    import_module(f"tests.gpu.{{file.stem}}")
from evaluators import load_task
from evaluators.training.executors.serial import SerialExecutor
from evaluators.training.cohort.size import member_bytes
for name in ("mnist1d-mlp", "digits-vit", "text-gpt"):
    load_task(name)
member_bytes(load_task("digits-vit"))
"""


def test_what_make_gpu_runs_needs_neither_ray_nor_deap_nor_any_of_the_command_line():
    code = BLOCKED.format(without=set(WITHOUT))
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["mnist1d", "scipy"])
def test_a_missing_package_is_named_in_one_sentence(name, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("tests.gpu.__main__.find_spec", lambda asked: None if asked == name else find(asked))
    assert missing().startswith(f"'make gpu' needs {name} beside torch")


def test_an_old_torch_and_a_missing_card_are_named_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main() == 2
    assert "needs a GPU" in capsys.readouterr().err
    monkeypatch.setattr(torch, "__version__", "2.9.1+cu128")
    assert "needs torch 2.11 or newer" in missing()


def test_a_failure_stands_in_the_table_with_what_was_measured_before_it(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    table = Table(test="file.py::first")
    table.measured("speed", 1.23456, "1 to 2")
    assert not table.holds("size", 7.0, "at most 6", holds=False)
    table.failed("said already")
    table.test = "file.py::second"
    table.failed("RuntimeError: a | b\nc")
    table.write(tmp_path / "gpu.md")
    assert (tmp_path / "gpu.md").read_text().splitlines()[-3:] == [
        "| speed | 1.23 | 1 to 2 |  | measured |",
        "| size | 7 |  | at most 6 | FAILS |",
        "| second | none |  |  | FAILS: RuntimeError: a / b c |",
    ]
