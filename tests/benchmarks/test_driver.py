"""What the driver costs, and how fast help answers."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.bench


def spread(values):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"median {middle:.2f}, from {low:.2f} to {high:.2f} over {len(values)} runs"


@pytest.mark.timeout(1200)
def test_the_driver_takes_a_tenth_of_a_quick_campaign_at_most(tmp_path):
    """The preset itself, three times, with Ray."""
    shares = []
    for seed in range(3):
        (tmp_path / "c.toml").write_text(f"seed = {seed}\n[confirm]\nautomatic = false\n")
        command = [sys.executable, "-m", "search.cli.main", "launch", tmp_path / "c.toml", "--preset", "quick"]
        done = subprocess.run(
            [*command, "--run", tmp_path / f"run{seed}"], check=True, capture_output=True, text=True, cwd=tmp_path
        )
        print("\n" + (line := next(line for line in done.stdout.splitlines() if "trained after" in line)))
        shares.append(int(re.search(r"the driver (\d+)%", line)[1]))
    print(f"driver, per cent of the wall time: {spread(shares)}")
    assert statistics.median(shares) <= 10


def test_help_answers_in_under_half_a_second():
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "search.cli.main", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    print(f"\nactsearch --help, seconds: {spread(seconds)}")
    assert statistics.median(seconds) < 0.5
