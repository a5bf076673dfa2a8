"""Where workers import from: where this process does, and never first from the folder it happens to run in."""

from __future__ import annotations

import itertools
import os
import site
import sys
import sysconfig
from pathlib import Path
from typing import Any


def job(ray: Any) -> Any:
    """Return the settings of our job on a cluster.

    Ray would put the current folder in front of every worker's path, where a folder named ``evaluators`` or a file
    ``random.py`` of the user's would win; it does not where a job brings a folder of its own to work in.
    """

    class Job(ray.job_config.JobConfig):
        def _runtime_env_has_working_dir(self) -> bool:
            return True

    return Job(_py_driver_sys_path=import_path()[::-1])  # each worker puts them in front one after another


def import_path() -> list[str]:
    """Return the folders this process imports from before the standard library, and ours if it is not installed.

    The rest of the path every worker has of itself.
    """
    standard = (sysconfig.get_path("stdlib"), f"python{sys.version_info.major}{sys.version_info.minor}.zip")
    before = itertools.takewhile(lambda entry: not entry.endswith(standard), sys.path)
    ours, installed = str(Path(__file__).resolve().parents[2]), (sysconfig.get_path(k) for k in ("purelib", "platlib"))
    own = [] if ours in (*installed, site.getusersitepackages()) else [ours]
    return list(dict.fromkeys([*map(os.path.abspath, before), *own]))
