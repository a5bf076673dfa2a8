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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from scipy import stats

PAIRS = 15
SLOWER = 1.05
HERE = Path(__file__).resolve().parents[2]

_TIMED = """
import resource, time
held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.process_time()
work()
print("seconds", time.process_time() - started)
print("megabytes", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024)
"""

BEFORE_ROOMS = {
    "from search.strategies.nsga2 import NSGA2Options": "from search.config import StrategyConfig as NSGA2Options",
    "from search.space.options import Grammar": "from search.config import Grammar",
    "evaluators.training.cohort.": "evaluators.cohort.",
    "evaluators.training.executors.serial": "evaluators.serial",
    "evaluators.training.pieces": "evaluators.train",
    "search.campaign.loop": "search.campaign",
    "search.configuration.config": "search.config",
    "search.configuration.reading": "search.config",
    "search.configuration.writing": "search.config",
    "search.loading.run": "search.session",
    "search.space.grammar": "search.grammar",
    "search.strategies.nsga2": "search.nsga2",
    "search.strategies.strategy": "search.strategy",
}
"""What a workload says, and what it says to a build whose packages had no rooms yet."""

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
import search.campaign.loop as loop
from search.configuration.reading import from_dict, load_preset, merge
from search.configuration.writing import to_toml
from evaluators.training.pieces import warm_up
warm_up()
Search = getattr(loop, "Search", None) or loop.Campaign  # as an older build calls it
small = {"budget": {"trainings": 16}, "execution": {"executor": "serial"}, "confirm": {"automatic": False}}
config = from_dict(merge(load_preset("quick"), small), "bench", stored=True)
if hasattr(config, "score"):
    config = config.model_copy(update={"score": "error"})
path, text = pathlib.Path(tempfile.mkdtemp()) / "run", to_toml(config)
folder.create(path, text, {"config": text, "seed": "0"})
task = load_task("mnist1d-mlp")
def work():
    with folder.writing(path) as store, SerialExecutor({task.name: task}, "cpu") as executor:
        Search(config, store).run(executor)
""",
    "tell-of-1000": """
import random
from search.campaign.loop import seeded
from search.space.grammar import Grammar
from search.space.options import Grammar as Options
from search.strategies.nsga2 import NSGA2
from search.strategies.nsga2 import NSGA2Options
from search.strategies.strategy import Told
grammar = Grammar(Options())
with seeded(0, 0):
    trees = [grammar.random_tree() for _ in range(40)]
    points = [(random.random(), float(random.randint(1, 200)), float(random.randint(2, 20))) for _ in range(1010)]
def filled(told):
    strategy = NSGA2(grammar, NSGA2Options(population=1000))
    for number, point in enumerate(told):
        strategy.tell(Told(number, trees[number % 40], point, number % 3))
    return strategy
size = 60  # a population is filled by copies of what it is, since filling it by tells takes minutes in an older build
strategy = filled(points[:size])
kept = type(strategy._population[0])
rows = [Told(n, trees[n % 40], point, n % 3) for n, point in enumerate(points[:1000])]
strategy._population = rows if kept is Told else [kept(row) for row in rows]
def work():
    for number in range(1000, 1005):
        strategy.tell(Told(number, trees[number % 40], points[number], number % 3))
""",
    "resume-of-20000": """
import os, pathlib
from evaluators import assess
from primitives import resolve
from runs import folder
import search.campaign.loop as loop
from search.loading.run import stored_config
assess(resolve("relu"))
path = pathlib.Path(os.environ["RUN"])
Search = getattr(loop, "Search", None) or loop.Campaign  # as an older build calls it
def work():
    with folder.writing(path) as store:
        Search(stored_config(store, path), store)
""",
}
"""By name; ``resume-of-20000`` needs a run folder of the build's own in the variable RUN."""


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


@dataclass(frozen=True)
class Measured:
    """What a workload took.

    Attributes:
        seconds: of its own processor time.
        megabytes: by which it raised the largest memory of its process.
    """

    seconds: float
    megabytes: float


def ran(build: Path, program: str, environment: Mapping[str, str] = MappingProxyType({})) -> str:
    """Run a program on a build's files in a fresh process and return what it prints."""
    if not (build / "evaluators/training").exists():
        for said, before in BEFORE_ROOMS.items():
            program = program.replace(said, before)
    everything = {**os.environ, **environment, "PYTHONPATH": str(build)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=build, env=everything, check=True, capture_output=True, text=True).stdout


def measured(build: Path, workload: str, environment: Mapping[str, str] = MappingProxyType({})) -> Measured:
    """Run a workload in a fresh process on a build's files."""
    *_, seconds, megabytes = (line.split()[1] for line in ran(build, workload + _TIMED, environment).splitlines()[-2:])
    return Measured(float(seconds), float(megabytes))


def in_turn(
    builds: tuple[Path, Path],
    workload: str,
    pairs: int,
    environments: tuple[Mapping[str, str], ...] = (MappingProxyType({}),) * 2,
) -> tuple[list[Measured], list[Measured]]:
    """Run a workload on two builds, each in its environment, in pairs whose order changes."""
    found: tuple[list[Measured], list[Measured]] = ([], [])
    for pair in range(pairs):
        for at in (0, 1) if pair % 2 else (1, 0):
            found[at].append(measured(builds[at], workload, environments[at]))
    return found


def against(commit: str, workload: str, pairs: int = PAIRS) -> Ratio:
    """Run a workload on both builds in turn and return the ratio of seconds."""
    with checked_out(commit) as before:
        new, old = in_turn((HERE, before), workload, pairs)
    return ratio_of([each.seconds for each in new], [each.seconds for each in old])


def main() -> None:
    """Compare and print a line a workload."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.against", description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("workload", nargs="*", help=f"of {', '.join(WORKLOADS)}; the first two when left out")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    chosen = parser.parse_args()
    if unknown := set(chosen.workload) - set(WORKLOADS):
        parser.error(f"no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    for name in chosen.workload or list(WORKLOADS)[:2]:
        ratio = against(chosen.commit, WORKLOADS[name], chosen.pairs)
        print(f"{name} against {chosen.commit}: {ratio}{'; slower' if ratio.is_slower else ''}", flush=True)


if __name__ == "__main__":
    main()
