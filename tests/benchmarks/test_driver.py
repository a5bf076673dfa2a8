"""What the driver costs, and how fast help answers."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

from search.campaign.loop import Campaign
from search.configuration.config import CampaignConfig
from search.configuration.writing import to_toml
from tests.search.campaign.test_campaign import Imagined

pytestmark = pytest.mark.bench


def spread(values):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"median {middle:.2f}, from {low:.2f} to {high:.2f} over {len(values)} runs"


def test_the_driver_takes_under_20_ms_a_candidate(tmp_path):
    """Propose, canonicalise, screen, score, store and tell, with the default grammar, without training."""
    from runs import folder

    each = []
    for seed in range(5):
        config = CampaignConfig.model_validate({"seed": seed, "budget": {"trainings": 150}})
        text = to_toml(config)
        folder.create(tmp_path / str(seed), text, {"config": text, "seed": str(seed)})
        with folder.writing(tmp_path / str(seed)) as store:
            campaign = Campaign(config, store)
            with Imagined() as executor:
                campaign.run(executor)
            progress = campaign.progress
        each.append(1e3 * progress.driver_seconds / progress.proposed)
    print(f"\ndriver, ms a candidate: {spread(each)}")
    assert statistics.median(each) < 20


def test_help_answers_in_under_half_a_second():
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "search.cli.main", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    print(f"\nactsearch --help, seconds: {spread(seconds)}")
    assert statistics.median(seconds) < 0.5
