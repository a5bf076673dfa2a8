"""All checks here need a card, see numbers as warnings and not as errors, and write into one table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tests.gpu.table import Table

HERE = Path(__file__).parent
TABLE = Table()


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            item.add_marker(pytest.mark.filterwarnings("default"))  # other releases of torch warn of other things


@pytest.fixture(autouse=True)
def _card():
    """Skip without a card; compute in true float32 and give back what a test held."""
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU that CUDA can use")
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    torch.cuda.empty_cache()


@pytest.fixture
def table(request):
    """The table that ``make gpu`` writes."""
    TABLE.test = request.node.nodeid
    return TABLE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" and HERE in item.path.parents and not report.skipped:
        TABLE.test = item.nodeid
        if call.excinfo:
            lines = str(call.excinfo.value).strip().splitlines() or [""]
            TABLE.failed(f"{call.excinfo.typename}: {lines[0]}")
        if path := os.environ.get("ACTSEARCH_GPU_TABLE"):
            TABLE.write(Path(path))
    return report
