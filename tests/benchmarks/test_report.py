"""What reading 100,000 candidates and 300,000 evaluations costs: the report, the front, and ``show``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

import pytest

from runs import folder, pareto
from tests.runs.big import big_run

pytestmark = pytest.mark.bench

MOST_SECONDS, MOST_MEMORY, MOST_BYTES = 20.0, 2**30, 6_000_000
ROUNDS = 5
REPORT = """
import json, resource, sys, time
from pathlib import Path
from runs.report.page import write_report
started = time.perf_counter()
file = write_report(Path(sys.argv[1]))
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    "bytes": file.stat().st_size,
}))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return big_run(tmp_path_factory.mktemp("big") / "run")


def process(*command):
    """Run Python in a process of its own; return what it printed and the seconds that all of it took."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True)
    return done.stdout, time.perf_counter() - started


def test_the_report_of_a_large_run_stays_within_its_time_memory_and_size(run):
    out, whole = process("-c", REPORT, str(run))
    found = json.loads(out)
    print(
        f"\nreport: {found['seconds']:.1f} s, {whole:.1f} s with the start of Python, "
        f"{found['memory'] / 2**20:.0f} MiB at the peak, {found['bytes'] / 1e6:.2f} MB"
    )
    assert found["seconds"] <= MOST_SECONDS
    assert found["memory"] <= MOST_MEMORY
    assert found["bytes"] <= MOST_BYTES


def test_the_front_of_a_large_run(run):
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with folder.reading(run) as store:
            frame = pareto(store)
        times.append(time.perf_counter() - started)
    size = (run / folder.DATABASE).stat().st_size
    print(
        f"\nfront of {len(frame)} rows: {median(times):.2f} s, median of {ROUNDS}; the run file has {size / 1e6:.0f} MB"
    )


def test_show_of_a_large_run(run):
    start = median(process("-c", "import search.cli.commands.show")[1] for _ in range(ROUNDS))
    times = [process("-m", "search.cli.main", "show", str(run))[1] for _ in range(ROUNDS)]
    print(f"\nshow: {median(times):.2f} s, of which {start:.2f} s before it reads, medians of {ROUNDS}")
