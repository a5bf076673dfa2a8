"""What it costs to see a campaign while it runs: its share of a quick campaign's wall time."""

from __future__ import annotations

import time

import pytest

from evaluators.training.pulse import Beat
from search import Campaign
from search.campaign.loop import Search
from search.cli.progress import frames

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]


def test_progress_costs_a_hundredth_of_a_quick_campaign_at_most(tmp_path, monkeypatch):
    """What the listener does, frames, lines, events and the live file, and what every step of a training pays."""
    spent, trainings = [], Search._trainings

    def timed(self, executor, *others):
        audience = executor.audience

        def hear(hearings):
            started = time.perf_counter()
            audience(hearings)
            spent.append(time.perf_counter() - started)

        executor.audience = hear
        return trainings(self, executor, *others)

    monkeypatch.setattr(Search, "_trainings", timed)
    options = {"budget": {"trainings": 40}, "confirm": {"automatic": False}, "execution": {"executor": "serial"}}
    campaign = Campaign("quick", options, run=tmp_path / "run")
    campaign.run([frames(False, str(tmp_path / "events.jsonl"))])
    wall, steps = campaign.progress.wall_seconds, campaign.progress.steps_spent
    beat, count = Beat(), 100_000
    started = time.perf_counter()
    for step in range(count):
        beat.step(step, 8)
    each = (time.perf_counter() - started) / count
    share = (sum(spent) + each * steps) / wall
    print(
        f"\n{len(spent)} times {1000 * sum(spent) / len(spent):.1f} ms, and {1e6 * each:.2f} microseconds a step: "
        f"{share:.2%} of {wall:.0f} s"
    )
    assert share <= 0.01
