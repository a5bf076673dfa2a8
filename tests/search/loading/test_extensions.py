"""One of each kind of extension, registered from outside the package by one file, in a serial and in a Ray campaign."""

from __future__ import annotations

import contextlib
import json
import re
import sys

import pytest

from evaluators.training.user_code import importing
from primitives import ActsearchError, PrimitiveError, Registry, unregister
from search.cli.main import main
from search.loading.extensions import REGISTRIES
from tests.search.cli.test_cli import invoke

EXTENSION = '''
import random
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from evaluators import (
    EXECUTORS, FEATURES, OBJECTIVES, PROPERTIES, TASKS, Data, ExecutorOptions, Feature, Objective, Property, Recipe,
    Task,
)
from evaluators.tasks.networks import mlp
from primitives import DIALECTS, Dialect, Kernels, Maker, named
from search import STRATEGIES, Proposal, Strategy, StrategyOptions

named("dent", lambda x: x/(1+x**2), [lambda x: (1-x**2)/(1+x**2)**2],
      kernels=Kernels(*["{0} / (1 + {0}**2)"]*3), cost=6, parity="odd", growth="bounded")


class SweepOptions(StrategyOptions):
    name: Literal["sweep"] = "sweep"
    largest: int = Field(4, ge=2, le=8, description="nodes of a tree")


class Sweep(Strategy):
    """Trees of random size; remembers how many it was told."""

    def __init__(self, grammar, options):
        self.grammar, self.options, self.told = grammar, options, 0

    def ask(self, count):
        return [Proposal(self.grammar.random_tree(2, self.options.largest), "sweep") for _ in range(count)]

    def tell(self, told):
        assert len(told.objectives) == 2
        self.told += 1


class BorrowedOptions(ExecutorOptions):
    executor: Literal["borrowed"] = "borrowed"
    engine: Literal["serial", "ray"] = "serial"


def borrowed(tasks, options):
    entry = EXECUTORS[options.engine]
    size = {"workers": 1} if options.engine == "ray" else {}
    return entry.make(tasks, entry.options(device=options.device, cohort=options.cohort, **size))


class Line(Task):
    """A noisy line."""

    recipe = Recipe(steps=6, batch_size=16)
    name = "line"

    def data(self, part):
        generator = torch.Generator().manual_seed(["train", "validation", "test"].index(part))
        x = torch.randn(60, 1, generator=generator)
        return Data(x, x + 0.1 * torch.randn(60, 1, generator=generator))

    def network(self, activation, gain):
        return mlp([1, 8, 1], activation, gain)

    def loss(self, outputs, targets):
        return nn.functional.mse_loss(outputs, targets)

    def error(self, outputs, targets):
        return (outputs - targets).square().mean(1)


STRATEGIES.register("sweep", Maker(Sweep, SweepOptions))
EXECUTORS.register("borrowed", Maker(borrowed, BorrowedOptions))
TASKS.register("line", Maker(lambda _: Line()))
FEATURES.register(
    "steepness", Feature("steepness", "1", "largest slope", lambda s: np.abs(s.samples.slopes).max(), predicts=True)
)
OBJECTIVES.register("lift", Objective("lift", "1", "steep loss", lambda f: f["loss"] * f["steepness"]))
PROPERTIES.register("tame", Property("tame", "", "it is not tame", lambda c: bool(np.abs(c.values).max() < 1e6)))
DIALECTS.register("words", Dialect(lambda exported: f"f(x) is {exported.expression.formula}\\n", "txt"))
'''
CAMPAIGN = """
extensions = ["everything.py"]
task = "line"
objectives = ["lift", "complexity"]
[grammar]
primitives = ["add", "mul", "dent", "tanh", "sin"]
[wishes]
properties = ["tame"]
[strategy]
name = "sweep"
largest = 6
[fidelity]
steps = 6
seeds = 1
rungs = [0.5]
[budget]
trainings = 4
[prior]
evidence = 4
[confirm]
top = 1
seeds = 2
steps = 4
measure = false
[execution]
executor = "borrowed"
cohort = 4
engine = "ENGINE"
"""


@pytest.fixture(scope="module", autouse=True)
def _as_before():
    """Leave the registries to the tests of other files as they were."""
    before = {id(registry): dict(registry) for registry in REGISTRIES}
    yield
    for registry in REGISTRIES:
        registry._entries = before[id(registry)]
    forget()


def forget():
    """Be a new process: nothing of the user's is imported."""
    importing._IMPORTED.clear()
    sys.modules.pop("everything", None)
    for registry in REGISTRIES:
        for name in [name for name in registry if not registry.is_ours(name)]:
            registry.unregister(name)
    with contextlib.suppress(PrimitiveError):
        unregister("dent")


def run(folder, *words):
    """Run a command in a folder as a new process would."""
    forget()
    with contextlib.chdir(folder):
        return invoke(*words)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder in which the same campaign ran with each engine, and what the last one said."""
    folder = tmp_path_factory.mktemp("everything")
    (folder / "everything.py").write_text(EXTENSION)
    for engine in ("serial", "ray"):
        (folder / f"{engine}.toml").write_text(CAMPAIGN.replace("ENGINE", engine))
        code, out, error = run(folder, "launch", f"{engine}.toml", "--run", engine, "--quiet")
        assert code == 0, error
    return folder, out, error


def read(folder, *words):
    code, out, error = run(folder, *words, "--format", "json")
    assert code == 0, error
    return json.loads(out)


def test_one_file_adds_one_of_each_and_says_what(runs):
    _, out, error = runs
    assert (
        "imported extension everything.py, which registers dent, strategy sweep, executor borrowed, task line, "
        "objective lift, feature steepness, property tame, export target words"
    ) in error
    assert "largest slope against measured steep loss: Spearman" in out


def test_a_serial_and_a_ray_campaign_with_all_of_them_find_the_same(runs):
    folder, *_ = runs
    serial, ray = (read(folder, "pareto", engine) for engine in ("serial", "ray"))
    for front in (serial, ray):
        assert {"lift", "complexity", "steepness"} <= front[0].keys()
        assert [row["lift"] for row in front] == sorted(row["lift"] for row in front)
    names = ("id", "expression", "complexity", "origin", "on_front")
    assert [[row[n] for n in names] for row in serial] == [[row[n] for n in names] for row in ray]
    assert [row["lift"] for row in serial] == pytest.approx([row["lift"] for row in ray], rel=1e-4)


def test_the_objective_of_a_run_is_what_its_function_says_and_reading_needs_no_code(runs):
    folder, *_ = runs
    for row in read(folder, "pareto", "serial"):
        shown = read(folder, "show", "serial", str(row["id"]))
        (loss,) = [e["loss"] for e in shown["evaluations"] if e["purpose"] == "search" and e["steps"] == 6]
        assert row["lift"] == pytest.approx(loss * row["steepness"])
        assert shown["steepness"] == row["steepness"]
    assert "everything" not in sys.modules
    code, out, _ = run(folder, "pareto", "serial")
    assert code == 0
    assert "steep loss  complexity  validation error  prior  steepness" in out


def test_a_finished_run_is_confirmed_on_with_its_extension(runs):
    folder, *_ = runs
    code, _, error = run(folder, "confirm", "serial", "--seeds", "3", "--quiet")
    assert code == 0, error
    assert "imported extension everything.py" in error


def test_a_dialect_of_ones_own_writes_a_candidate_and_needs_its_extension(runs):
    folder, *_ = runs
    words = ("export", "serial", "relu", "--to", "words")
    assert run(folder, *words, "--extension", "everything.py")[:2] == (0, "f(x) is relu(x)\n")
    code, _, error = run(folder, *words)
    assert code == 2
    assert "unknown export target 'words'" in error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('STRATEGIES.register("nsga2", Maker(Sweep, SweepOptions))', "strategy 'nsga2' is already registered"),
        ('STRATEGIES.register("a b", Maker(Sweep, SweepOptions))', "'a b' cannot name a strategy"),
        ('STRATEGIES.register("bad", Sweep)', "strategy 'bad' must be a Maker, not <class"),
        ('STRATEGIES.register("bad", Maker(Sweep, BorrowedOptions))', "derived from StrategyOptions"),
        ('FEATURES.register("bad", lambda s: 1.0)', "feature 'bad' must be a Feature"),
        ('FEATURES.register("id", Feature("id", "1", "", lambda s: 1.0))', "a feature cannot be called 'id'"),
        ('OBJECTIVES.register("bad", Objective("bad", "1", "", len, digits=15))', "they go from 0 to 12"),
        (
            'OBJECTIVES.register("steepness", Objective("steepness", "1", "", lambda f: -f["steepness"]))',
            "objective 'steepness' is called like a feature",
        ),
        ("Sweep.ask = lambda self, count: []", "strategy 'sweep' was asked for 96 proposals and returned []"),
        ('Sweep.ask = lambda self, count: [Proposal(None, "a")]', "strategy 'sweep' was asked for 96 proposals"),
        (
            'EXECUTORS._entries["borrowed"] = Maker(lambda t, o: None, BorrowedOptions)',
            "returned None, which is no Executor",
        ),
        ('STRATEGIES.register("other", Maker(Sweep, SweepOptions))', "the options of strategy 'other' must have"),
        (
            'FEATURES.register("flaw", Feature("flaw", "1", "", lambda s: float("nan"), formula=True))',
            "its feature 'flaw' is nan",
        ),
        ('FEATURES.register("odd", Feature("flaw", "1", "", lambda s: 1.0))', "feature 'odd' calls itself 'flaw'"),
        ('OBJECTIVES.register("bad", Objective("bad", "1", "", lambda f: f["loose"]))', "there is no 'loose'"),
    ],
)
def test_what_cannot_be_registered_or_computed_is_one_sentence(tmp_path, line, message):
    (tmp_path / "everything.py").write_text(EXTENSION + line)
    first = next((f'"{name}"' for name in ("bad", "steepness") if f'OBJECTIVES.register("{name}"' in line), '"lift"')
    (tmp_path / "c.toml").write_text(CAMPAIGN.replace("ENGINE", "serial").replace('"lift"', first))
    code, _, error = run(tmp_path, "launch", "c.toml", "--run", "run", "--quiet")
    assert code == 2, error
    assert message in error
    assert "\n" not in error.partition("error: ")[2].strip()


def test_what_fails_in_a_strategy_of_ones_own_is_told_with_its_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "everything.py").write_text(EXTENSION.replace("        self.told += 1", "        self.tells += 1"))
    (tmp_path / "c.toml").write_text(CAMPAIGN.replace("ENGINE", "serial"))
    forget()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["actsearch", "launch", "c.toml", "--run", "run", "--quiet"])
    with pytest.raises(SystemExit, match="2"):
        main()
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.match(r"error: everything\.py, line \d+ in tell: AttributeError: .*; mend it", last)


def test_a_registry_gives_back_what_was_registered_and_keeps_ours():
    registry = Registry("thing", {"ours": 1}, int)
    assert registry.register("mine", 2) == 2
    assert dict(registry) == {"ours": 1, "mine": 2}
    registry.unregister("mine")
    assert "mine" not in registry
    assert registry.get("mine", 7) == 7
    for name, said in (("ours", "is part of actsearch"), ("mine", "unknown thing 'mine'; known: ours")):
        with pytest.raises(ActsearchError, match=said):
            registry.unregister(name)
