"""This build against a named commit: ``python -m tests.benchmarks.against COMMIT [WORKLOAD...]``.

The commit is checked out into a temporary folder, and both run a workload in turn, 15 pairs of fresh
processes, the order changing from pair to pair. A workload counts seconds of its own processor time and
leaves imports and preparations out. The ratio is new over old, its interval a 95 % t interval of the mean
of its logarithm. Slower means that the interval's lower end exceeds 1.05.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

PAIRS = 15
SLOWER = 1.05
HERE = Path(__file__).resolve().parents[2]

_TIMED = """
import time
started = time.process_time()
work()
print("seconds", time.process_time() - started)
"""

WORKLOADS = {
    "cohort-of-32": """
import torch
from evaluators import Cohort, Job, assess, load_task
from evaluators.training.cohort.trainer import run_cohort
from primitives import library, resolve
torch.set_num_threads(1)
task, cpu = load_task("mnist1d-mlp"), torch.device("cpu")
found = [(str(resolve(name)), assess(resolve(name))) for name in list(library())[:32]]
def cohort(steps, first):
    jobs = (Job(first + n, text, a.gain or 1.0, task.name, steps, (0,)) for n, (text, a) in enumerate(found))
    return Cohort(tuple(jobs))
run_cohort(cohort(2, 0), task, cpu)
work = lambda: run_cohort(cohort(400, 100), task, cpu)  # the steps of the preset quick
""",
    "quick-search": """
import pathlib, tempfile, torch
from evaluators import load_task
from evaluators.training.executors.serial import SerialExecutor
from runs import folder
from search.campaign.loop import Campaign
from search.configuration.config import from_dict, load_preset, merge, to_toml
from evaluators.training.pieces import warm_up
warm_up()
small = {"budget": {"trainings": 16}, "execution": {"executor": "serial"}, "confirm": {"automatic": False}}
config = from_dict(merge(load_preset("quick"), small), "bench", stored=True)
path, text = pathlib.Path(tempfile.mkdtemp()) / "run", to_toml(config)
folder.create(path, text, {"config": text, "seed": "0"})
task = load_task("mnist1d-mlp")
def work():
    with folder.writing(path) as store, SerialExecutor({task.name: task}, "cpu") as executor:
        Campaign(config, store).run(executor)
""",
}


@dataclass(frozen=True)
class Ratio:
    """Seconds of the new build over those of the old one.

    Attributes:
        each: of every pair.
        middle: their median.
        low, high: 95 % interval of their geometric mean.
    """

    each: tuple[float, ...]
    middle: float
    low: float
    high: float

    @property
    def is_slower(self) -> bool:
        """Whether the new build is slower beyond what chance and 5 % explain."""
        return self.low > SLOWER

    def __str__(self) -> str:
        """Return a line for a report."""
        return f"{self.middle:.3f} ({self.low:.3f} to {self.high:.3f}) over {len(self.each)} pairs"


def ratio_of(new: Sequence[float], old: Sequence[float]) -> Ratio:
    """Return the ratio of paired seconds."""
    each = tuple(a / b for a, b in zip(new, old, strict=True))
    logs = [math.log(value) for value in each]
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
    mean = statistics.fmean(logs)
    return Ratio(each, statistics.median(each), math.exp(mean - half), math.exp(mean + half))


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit of this repository; a plain copy, gone afterwards."""
    packed = subprocess.run(["git", "archive", commit], cwd=HERE, check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory(prefix="actsearch-against-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def seconds(build: Path, workload: str) -> float:
    """Run a workload in a fresh process on a build's files and return the seconds that it counted."""
    environment = {**os.environ, "PYTHONPATH": str(build)}
    command = [sys.executable, "-c", workload + _TIMED]
    done = subprocess.run(command, cwd=build, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout.split("seconds")[-1])


def against(commit: str, workload: str, pairs: int = PAIRS) -> Ratio:
    """Run a workload on both builds in turn."""
    new, old = [], []
    with checked_out(commit) as before:
        for pair in range(pairs):
            turns = [(HERE, new), (before, old)]
            for build, found in turns if pair % 2 else reversed(turns):
                found.append(seconds(build, workload))
    return ratio_of(new, old)


def main() -> None:
    """Compare and print a line a workload."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.against", description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("workload", nargs="*", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--pairs", type=int, default=PAIRS)
    chosen = parser.parse_args()
    for name in chosen.workload:
        ratio = against(chosen.commit, WORKLOADS[name], chosen.pairs)
        print(f"{name} against {chosen.commit}: {ratio}{'; slower' if ratio.is_slower else ''}", flush=True)


if __name__ == "__main__":
    main()
