"""A large run file, made in less than a minute: what readers of a run are measured on."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np

from evaluators import Evaluation
from evaluators.training.places import Place
from primitives import BASELINES, Mark, resolve
from runs import Candidate, folder

TASK, RUNGS, SEEDS = "mnist1d-mlp", (100, 200, 400), 2
CONFIG = f'name = "big"\ntask = "{TASK}"\nscore = "error"\n'
BATCH = 1000
"""Candidates a transaction."""

_OPERATORS = ("mutation", "crossover", "tune", "insert", "eafo", "join", "hybrid", "random", "library")
_UNARY = ("tanh", "sigmoid", "sin", "cos", "atan", "erf", "gaussian", "softsign", "softplus", "square", "abs", "relu")
_INFIX = {"add": "{} + {}", "sub": "{} - ({})", "mul": "({})*({})", "max": "max({}, {})", "min": "min({}, {})"}
_PASSED_OVER = (
    ("cached", "the same function as candidate {}"),
    ("cached", "written like candidate {}"),
    ("rejected", "it is constant"),
    ("rejected", "not finite at x = -8.25"),
    ("outranked", "another proposal for the same training slot was preferred"),
)


def big_run(path, candidates=100_000, evaluations=300_000, seed=0):
    """Make a finished run: two in five candidates trained to the end, half stopped at a rung, a tenth passed over.

    Each training has two seeds and leaves an evaluation at every rung, with a curve, an error, a loss, and two more
    metrics; five finalists and the baselines are confirmed on two tasks.
    """
    meta = {
        "config": CONFIG,
        "seed": "0",
        "state": "finished",
        "passed_over": json.dumps({"another child was preferred": 40 * candidates, "proposed before": 3 * candidates}),
    }
    folder.create(path, CONFIG, meta)
    luck, noise = random.Random(seed), np.random.default_rng(seed)
    confirmed = [*_confirmation(luck, noise)]
    reached = _reached(luck, candidates, evaluations - len(confirmed))
    with folder.writing(path) as store:
        for first in range(0, candidates, BATCH):
            numbers = range(first + 1, min(first + BATCH, candidates) + 1)
            rows = [_candidate(luck, number, reached[number - 1]) for number in numbers]
            store.add_candidates(rows)
            trained = [(row, reached[row.id - 1]) for row in rows if reached[row.id - 1]]
            store.record("search", [each for row, rungs in trained for each in _trained(luck, noise, row.id, rungs)])
        store.record("confirm", confirmed)
    return path


def _reached(luck, candidates, evaluations):
    """Return how many rungs each candidate came to, so that there are about so many evaluations; all of the first."""
    ended = min(int(0.4 * candidates), evaluations // (SEEDS * len(RUNGS)))
    left = evaluations // SEEDS - ended * len(RUNGS)
    stopped = max(0, min(candidates // 2, candidates - ended, left))
    second = max(0, min(stopped, left - stopped))
    first = len(BASELINES) + 5
    kinds = [3] * (ended - first) + [2] * second + [1] * (stopped - second) + [0] * (candidates - ended - stopped)
    luck.shuffle(kinds)
    return [3] * first + kinds


def _candidate(luck, number, rungs):
    facts = {"cost": float(luck.randint(2, 300)), "complexity": luck.randint(2, 24), "prior": luck.gauss(0.9, 0.1)}
    facts |= {"correction": luck.gauss(2.0, 0.3), "gain": luck.uniform(0.1, 2.5)}
    if number <= len(BASELINES):
        name = BASELINES[number - 1]
        return Candidate(number, str(resolve(name)), "baseline", name=name, facts=facts, status="ok")
    text, tree = _formula(luck, luck.choice((2, 3, 3, 4)))
    parents = tuple(luck.randint(1, number - 1) for _ in range(luck.choice((0, 1, 1, 2))))
    row = Candidate(number, text, luck.choice(_OPERATORS), parents, number, json.dumps(tree), None, facts)
    if not rungs:
        status, reason = luck.choice(_PASSED_OVER)
        return row.stopped(status, reason.format(luck.randint(1, number)))
    mark = Mark(f"{luck.getrandbits(64):016x}", luck.choice((117, 819)), luck.random())
    row = dataclasses.replace(row, mark=mark)
    if rungs == len(RUNGS):
        return row.stopped("ok", "")
    return row.stopped("stopped", f"not among the best after {RUNGS[rungs - 1]} steps")


def _formula(luck, depth):
    """Return a formula and the tree that says it."""
    if depth <= 0 or luck.random() < 0.15:
        if luck.random() < 0.7:
            return "x", ["x"]
        value = round(luck.uniform(0.1, 4), 2)
        return f"{value}*x", ["mul", {"constant": value}, "x"]
    if luck.random() < 0.5:
        name, (text, tree) = luck.choice(_UNARY), _formula(luck, depth - 1)
        return f"({text})**2" if name == "square" else f"{name}({text})", [name, *tree]
    name, (left, tree), (right, more) = luck.choice([*_INFIX]), _formula(luck, depth - 1), _formula(luck, depth - 2)
    return _INFIX[name].format(left, right), [name, *tree, *more]


def _trained(luck, noise, identifier, rungs):
    quality, seconds = luck.gauss(0.0, 0.03), luck.uniform(0.2, 3.0)
    for steps in RUNGS[:rungs]:
        for seed in range(SEEDS):
            error = 0.4 + quality + 10 / steps + luck.gauss(0.0, 0.004)
            yield _evaluation(luck, noise, identifier, TASK, steps, seed, error, seconds)


def _confirmation(luck, noise):
    for identifier in range(1, len(BASELINES) + 6):
        for task in (TASK, "text-gpt"):
            for seed in range(10_000, 10_005):
                error = 0.4 - 0.01 * (identifier > len(BASELINES)) + luck.gauss(0.0, 0.004)
                yield _evaluation(luck, noise, identifier, task, 1500, seed, error, 3.0501321149090885, test=True)


def _evaluation(luck, noise, identifier, task, steps, seed, error, seconds, test=False):
    losses = np.geomspace(2.3, 5.0 / steps, 20) * noise.normal(1.0, 0.05, 20)
    curve = tuple(float(f"{loss:.6g}") for loss in losses.tolist())
    metrics = {"calibrated_loss": _rounded(error + luck.random()), "brier": _rounded(error + luck.random())}
    more = {}
    if test:
        more = {"test_error": round(error, 4), "test_loss": _rounded(luck.random()), "test_metrics": metrics}
        more["validation_curve"] = tuple((100 * at, _rounded(luck.random())) for at in range(1, 11))
        sees = tuple(float(f"{value:.5g}") for value in np.sort(noise.normal(size=33)).tolist())
        more["places"] = tuple(Place(f"layers.{at}.act", {"alpha": 0.25}, sees) for at in range(3))
    loss = _rounded(error + luck.random())
    return Evaluation(
        identifier, task, steps, seed, "ok", "", round(error, 4), loss, seconds=seconds, curve=curve, metrics=metrics,
        **more,
    )  # fmt: skip


def _rounded(value):
    return float(f"{value:.8g}")
