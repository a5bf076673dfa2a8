from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

import runs
from evaluators import Classification, Data, Recipe
from primitives import ActsearchError
from search import Campaign, Watcher
from search.configuration.reading import from_toml
from tests.search.cli.test_cli import invoke

SMALL = {
    "fidelity": {"steps": 8, "seeds": 1, "rungs": []},
    "budget": {"trainings": 12},
    "strategy": {"name": "nsga2", "population": 4, "eafo": 0.0},
    "prior": {"pool": 2},
    "confirm": {"seeds": 2, "top": 1, "steps": 8, "measure": False},
    "execution": {"executor": "serial", "device": "cpu"},
}
TOML = """
name = "small"
task = "digits-mlp"
[fidelity]
steps = 4
seeds = 1
rungs = []
[budget]
trainings = 4
[confirm]
top = 1
seeds = 2
steps = 4
measure = false
[execution]
executor = "serial"
device = "cpu"
"""


class Rings(Classification):
    """A task as in a notebook: no configuration can find its class again."""

    recipe = Recipe(steps=20, batch_size=32)

    def data(self, part):
        generator = torch.Generator().manual_seed(("train", "validation", "test").index(part))
        inputs = torch.randn(100, 2, generator=generator)
        return Data(inputs, (inputs.square().sum(1) > 1.4).long())

    def network(self, activation, gain):
        return nn.Sequential(nn.Linear(2, 8), activation(), nn.Linear(8, 2))


class Wider(Rings):
    name = "Rings"

    def network(self, activation, gain):
        return nn.Sequential(nn.Linear(2, 16), activation(), nn.Linear(16, 2))


class Seen(Watcher):
    """Notes what a watcher is told, and may press Ctrl-C."""

    def __init__(self, interrupt_at=None):
        self.events, self.trained, self._interrupt_at = [], [], interrupt_at

    def _note(self, event):
        if self.events[-1:] != [event]:
            self.events.append(event)

    def started(self, run, config):
        self._note(f"started {run.name} {config.task}")

    def __call__(self, progress):
        self._note("progress")
        self.trained.append(progress.trained)
        if self._interrupt_at is not None and progress.trained >= self._interrupt_at:
            self._interrupt_at = None
            os.kill(os.getpid(), signal.SIGINT)

    def confirming(self, confirming):
        self._note("confirming")

    def finished(self, run):
        self._note(f"finished {len(run.comparisons)}")

    def closed(self):
        self._note("closed")


def front(run):
    return run.front.to_csv(), run.comparisons.to_csv()


def test_a_program_gets_what_the_command_line_leaves(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(TOML)
    code, _, error = invoke("launch", file, "--run", tmp_path / "shell/run", "--quiet")
    assert code == 0, error
    campaign = Campaign(file, run=tmp_path / "program/run")
    assert "search on digits-mlp by validation calibrated loss: 4 steps" in campaign.notes[0]
    ours, theirs = campaign.run(), runs.load(tmp_path / "shell/run")
    assert front(ours) == front(theirs)
    assert (ours.config, ours.state) == (theirs.config, "finished")
    left = files_in(ours.path)
    assert left == files_in(theirs.path)
    assert campaign.outcome.exported in [ours.path / name for name in left]


def files_in(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*.??*") if "sqlite" not in path.name)


def test_stopped_by_ctrl_c_and_resumed_it_is_the_uninterrupted_campaign(tmp_path):
    whole, plain = Seen(), []
    expected = Campaign(SMALL, run=tmp_path / "whole", task=Rings()).run([whole, lambda p: plain.append(p.trained)])
    assert whole.events == ["started whole Rings", "progress", "confirming", "finished 8", "closed"]
    assert plain == whole.trained
    assert max(plain) == 12
    seen, path = Seen(interrupt_at=4), tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        Campaign(SMALL, run=path, task=Rings()).run(seen)
    assert seen.events == ["started stopped Rings", "progress", "closed"]
    assert runs.load(path).state == "stopped"
    with pytest.raises(ActsearchError, match="'Rings' was an object of a Python program"):
        Campaign.resume(path).run()
    code, _, error = invoke("resume", path)
    assert (code, "search.Campaign.resume" in error) == (2, True)
    with pytest.raises(ActsearchError, match=r"not what it was.*Wider.network changed"):
        Campaign.resume(path, task=Wider()).run()
    assert front(Campaign.resume(path, task=Rings()).run()) == front(expected)


def test_a_stop_criterion_ends_the_search_as_if_its_budget_were_spent(tmp_path):
    campaign = Campaign(SMALL, run=tmp_path / "run", task=Rings())
    assert "object of this program" in campaign.notes[-1]
    asked = []

    def enough(progress):
        asked.append(progress.trained)
        return progress.trained >= 4

    run = campaign.run(stop=enough)
    assert asked[-1] == 4 == campaign.progress.trained
    assert campaign.progress.ended_by_request
    assert (run.state, len(run.comparisons)) == ("finished", 8)
    again = Campaign.resume(run.path)  # of a finished one nothing is needed
    assert front(again.run()) == front(run)
    assert again.progress is None


def test_every_form_of_a_configuration_means_the_same(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(TOML)
    checked = from_toml(TOML, "test")
    budget = {"budget": {"trainings": 7}}
    nested = {**checked.model_dump(mode="json", exclude_none=True), "strategy": {"name": "guided"}}
    forms = [(file, budget), (str(file), budget), (checked, budget), (nested, budget)]
    found = [Campaign(form, options, run=tmp_path / "run").config for form, options in forms]
    assert found[0].budget.trainings == 7
    assert all(config == found[0] for config in found)
    assert Campaign("smoke").config == Campaign(preset="smoke").config
    assert Campaign({"task": "digits-mlp"}, preset="smoke", run=tmp_path / "run").config.budget.trainings == 4
    assert not Path("campaigns").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"small.toml"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"config": "nope.toml"}, r"cannot read config 'nope.toml'"),
        ({"config": {"tsk": "digits-mlp"}}, r"unknown key 'tsk'; did you mean 'task'"),
        ({"config": "smoke", "preset": "quick"}, "two presets"),
        ({"config": {"task": "tabular"}, "task": Rings()}, "'Rings' is not used: the configuration names tabular"),
        ({"task": "tabular"}, "a task must be an object of a subclass"),
        ({"task": [Rings(), Rings()]}, "cannot be called 'Rings'"),
        ({"config": "smoke", "run": "taken"}, "'taken' exists already"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_before_anything_is_written(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("taken").mkdir()
    with pytest.raises(ActsearchError, match=said):
        Campaign(**arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_only_a_run_can_be_resumed(tmp_path):
    with pytest.raises(ActsearchError, match="is a folder but not a run"):
        Campaign.resume(tmp_path)
