"""What a campaign over three tasks costs beyond its trainings."""

from __future__ import annotations

import statistics

import pytest

from evaluators import load_task
from evaluators.training.executors.serial import SerialExecutor
from runs import folder
from runs.scores import as_meta
from search.campaign.loop import Search
from search.configuration.reading import from_dict
from search.configuration.writing import to_toml

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

TASKS = ("mnist1d-mlp", "ood-regression", "pinn-burgers")


def test_three_tasks_cost_their_trainings_and_a_twentieth_at_most(tmp_path):
    """Wall time of the search over the seconds that its trainings took, serial, of three campaign seeds."""
    shares = []
    for seed in range(3):
        raw = {"tasks": TASKS, "seed": seed, "budget": {"trainings": 32}, "confirm": {"automatic": False}}
        raw |= {"fidelity": {"steps": 400, "further": (400, 400)}, "execution": {"executor": "serial"}}
        config = from_dict({**raw, "score": "error"}, "bench", stored=True)
        tasks, text, path = {name: load_task(name) for name in TASKS}, to_toml(config), tmp_path / f"run{seed}"
        scores = as_meta({name: task.score for name, task in tasks.items()})
        folder.create(path, text, {"config": text, "seed": str(seed), **scores})
        for task in tasks.values():
            task.data("train")
        with folder.writing(path) as store, SerialExecutor(tasks, "cpu") as executor:
            campaign = Search(config, store)
            campaign.run(executor)
        shares.append(campaign.progress.wall_seconds / campaign.progress.training_seconds)
        print(f"\n{campaign.progress.wall_seconds:.0f} s, {shares[-1]:.3f} of its trainings", flush=True)
    assert statistics.median(shares) <= 1.05
