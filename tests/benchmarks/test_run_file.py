"""What a large run file takes: its size and how long readers wait, beside the schema and the build before."""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runs import folder, pareto
from search.cli.commands.show import show
from tests.benchmarks.against import checked_out, ran
from tests.runs.big import big_run
from tests.runs.old import as_version_8

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

BEFORE = "ae62be4"
"""The last build of schema 8."""
CANDIDATES, EVALUATIONS, TIMES = 100_000, 300_000, 5

READ = """
import contextlib, io, os, time
from pathlib import Path
from runs import folder, pareto
from search.cli.commands.show import show
run = Path(os.environ["RUN"])
def front():
    with folder.reading(run) as store:
        pareto(store)
for read in (front, lambda: show(run, None, "table")):
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        read()
    print("seconds", time.perf_counter() - started)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    started = time.perf_counter()
    made = big_run(tmp_path_factory.mktemp("big") / "run", CANDIDATES, EVALUATIONS)
    print(
        f"\na run of {CANDIDATES:,} candidates and {EVALUATIONS:,} evaluations: {time.perf_counter() - started:.0f} s"
    )
    return made


@pytest.fixture(scope="module")
def old(run, tmp_path_factory):
    """The same run as the schema before has it."""
    there = tmp_path_factory.mktemp("old") / "run"
    there.mkdir()
    as_version_8(run / folder.DATABASE, there / folder.DATABASE)
    return there


def test_a_run_file_is_at_most_half_as_large_as_before(run, old):
    new, before = (os.path.getsize(each / folder.DATABASE) for each in (run, old))
    print(f"\n{new / 1e6:.1f} MB, before {before / 1e6:.1f} MB: {new / before:.3f}")
    assert new <= before / 2


def test_the_front_of_a_large_run_takes_a_second_and_so_does_showing_it(run, old):
    seconds = {"front": median(lambda: front(run)), "show": median(lambda: show(run, None, "table"))}
    with checked_out(BEFORE) as build:
        lines = ran(build, READ, {"RUN": str(old)}).splitlines()
    earlier = [float(line.split()[1]) for line in lines if line.startswith("seconds")]
    for (name, taken), other in zip(seconds.items(), earlier, strict=True):
        print(f"\n{name}: {taken:.2f} s, median of {TIMES}; once in build {BEFORE}: {other:.1f} s")
    assert max(seconds.values()) <= 1.0


def front(run: Path) -> None:
    with folder.reading(run) as store:
        pareto(store)


def median(read: Callable[[], None]) -> float:
    """Return the median of seconds, after one time that is not counted."""
    taken = []
    for _ in range(TIMES + 1):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            read()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])
