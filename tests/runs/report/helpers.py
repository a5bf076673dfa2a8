"""Run files made by hand that have something for every section of a report."""

from __future__ import annotations

import dataclasses
import json

from evaluators import Evaluation
from evaluators.training.places import Place
from runs import Candidate, folder
from runs.costs import COLUMNS, as_meta
from runs.folder import reading
from runs.report.material import Material
from runs.report.page import page
from runs.snapshot import Snapshot
from tests.runs.helpers import opened

CONFIG = 'name = "rich"\ntask = "mnist1d-mlp"\n[strategy]\npopulation = 4\n'
FACTS = {"prior": 0.7, "correction": 1.6, "gain": 1.4}
FORMULAS = {
    1: ("relu(x)", "baseline", (), 2.0), 2: ("gelu(x)", "baseline", (), 108.0), 3: ("silu(x)", "baseline", (), 56.0),
    4: ("x*tanh(x)", "random", (), 15.0), 5: ("x**2 + x", "library", (), 4.0),
    6: ("alpha*x + x*tanh(x); alpha=0.25", "join", (4,), 18.0),
    7: ("alpha*x + x**2; alpha=0.25", "crossover", (6, 5), 7.0),
    8: ("sin(x)", "random", (), 18.0), 9: ("exp(x)", "random", (), 20.0), 10: ("x**2", "mutation", (5,), 2.0),
}  # fmt: skip
ERRORS = {1: 0.44, 2: 0.41, 3: 0.42, 4: 0.38, 5: 0.33, 6: 0.36, 7: 0.28, 10: 0.39}
"""At the end; 8 stops at the rung, 9 diverges."""


def training(candidate, steps, seed, error, test=None, curve=(2.0, 1.0)):
    tested = {} if test is None else {"test_error": test, "test_loss": 1.0}
    return Evaluation(
        candidate, "mnist1d-mlp", steps, seed, "ok", error=error, loss=1.0, seconds=0.1, curve=curve, **tested
    )


def rich_run(path, state="finished", change=lambda candidate: candidate, meta=None):
    """Make a run of ten candidates, two rungs and two seeds; 7 and 5 are confirmed on five seeds, and 7 is better.

    Args:
        path: of the run folder.
        state: that it says.
        change: what to do to each candidate before it is stored.
        meta: further values of the run's own dictionary.
    """
    costs = {**dict.fromkeys(COLUMNS), "eager_microseconds": 900.0, "eager_to_relu": 2.5, "eager_saved_bytes": 4.0}
    costs |= {"eager_to_relu_low": 2.25, "eager_to_relu_high": 2.75, "compiled_reason": "no compiler"}
    about = {"config": CONFIG, "seed": "7", "state": state, "search_seconds": "12.5"}
    about |= {"passed_over": json.dumps({"another child was preferred": 1234})} | as_meta(
        [7], [costs], "a test machine"
    )
    folder.create(path, CONFIG, about | (meta or {}))
    with opened(path) as store:
        store.add_candidates(change(each) for each in _candidates())
        for identifier, error in ERRORS.items():
            store.record("search", [training(identifier, 100, s, error + 0.1 + 0.01 * s) for s in range(2)])
            store.record("search", [training(identifier, 400, s, error + 0.01 * s) for s in range(2)])
        store.record("search", [training(8, 100, s, 0.6) for s in range(2)])
        store.record("search", [Evaluation(9, "mnist1d-mlp", 100, 0, "diverged", "the loss is not finite")])
        store.record("confirm", confirmation())
    return path


def _candidates():
    for identifier, (text, origin, parents, cost) in FORMULAS.items():
        name = text.split("(")[0] if origin == "baseline" else None
        status, reason = {
            8: ("stopped", "not among the best after 100 steps"),
            9: ("diverged", "seed 0: the loss is not finite"),
        }.get(identifier, ("ok", ""))
        facts = {**FACTS, "prior": 0.7 + 0.01 * identifier**2, "cost": cost, "complexity": len(text)}
        yield Candidate(identifier, text, origin, parents, 0 if name else identifier, "[]", name, facts, status, reason)
    yield Candidate(11, "x + 1 - 1", "mutation", (4,), 11, None, None, {}, "rejected", "it is affine at x = 3.5")


def confirmation():
    curve = tuple(2.0 - 0.05 * n for n in range(20))
    for identifier, error in {1: 0.44, 2: 0.41, 3: 0.42, 5: 0.34, 7: 0.29}.items():
        for seed in range(1000, 1005):
            noise = 0.002 * ((seed * identifier) % 5)
            yield training(identifier, 400, seed, error + noise, error + 0.01 + noise, curve)


def place(name, alpha, scale):
    """Return what a training keeps of an activation: a constant, and the quantiles of a uniform input."""
    return Place(name, {"alpha": alpha}, tuple(scale * (2 * n / 32 - 1) for n in range(33)))


def with_places(evaluation):
    """Return a training of candidate 7 that kept what its two layers saw, and validation losses on the way."""
    shift = 0.1 * (evaluation.seed - 1002)
    places = (place("layers.0", -1.0 + shift, 2.0), place("layers.1", 1.5 + shift, 3.0))
    return dataclasses.replace(evaluation, places=places, validation_curve=((200, 0.5), (400, 0.3)))


def page_of(path, seen=False):
    """Return the report of a run as text, without writing it.

    Args:
        path: of the run folder.
        seen: whether the trainings of candidate 7 kept what its layers saw.
    """
    with reading(path) as store:
        snapshot = Snapshot(store)
        if seen:
            found = [with_places(e) if e.candidate == 7 else e for e in snapshot.evaluations("confirm")]
            snapshot._evaluations["confirm"] = found
        return page(Material(path, snapshot))
