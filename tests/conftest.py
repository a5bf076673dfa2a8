"""Settings that every test shares."""

from __future__ import annotations

import os
import tempfile

import pytest
import torch
from hypothesis import settings

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="actsearch-state-")  # what is trusted here is the test's alone
settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _one_thread():
    """Keep two test processes on two cores out of each other's way."""
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Start with the longest test: at the end it would keep one process waiting for the other."""
    items.sort(key=lambda item: "every_actsearch_command" not in item.nodeid)
