"""Settings that every test shares."""

from __future__ import annotations

import gc
import os
import signal
import tempfile

import pytest
import torch
from hypothesis import HealthCheck, settings

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 leaves its workers nothing beside two busy processes
STATE = tempfile.TemporaryDirectory(prefix="actsearch-state-")
os.environ["XDG_STATE_HOME"] = STATE.name  # what is trusted here is the test's alone
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background jobs ignore Ctrl-C, which some tests press
    signal.signal(signal.SIGINT, signal.default_int_handler)
# No health check by the clock: a busy machine is slow at drawing too.
settings.register_profile(
    "suite", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


LONG = (
    "test_readme",
    "test_cli",
    "test_own_code",
    "test_extensions",
    "test_executors",
    "test_ray_faults",
    "test_resume",
)
"""Files that take long for their number of tests, most of them since they wait for processes."""


def pytest_collection_modifyitems(items):
    """Begin with what takes long, so that none of it is left beside an idle core."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(autouse=True)
def _one_thread():
    """Keep two test processes on two cores out of each other's way."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def _old_objects_aside():
    """Spare the garbage collector what earlier modules left for good: it would look through it again and again."""
    gc.collect()
    gc.freeze()
