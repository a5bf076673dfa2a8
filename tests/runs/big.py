"""A large run file, made in a moment: what readers of a run are measured on."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from functools import cache
from itertools import islice

from evaluators import Evaluation
from evaluators.judging.features.catalogue import kept
from primitives import BASELINES, Mark, resolve
from runs import Candidate, folder

TASK, STEPS, RUNGS, SEEDS = "mnist1d-mlp", 400, (100, 200), 2
CONFIG = f'name = "big"\ntask = "{TASK}"\n[strategy]\npopulation = 16\n'
BATCH = 5000
_OPERATORS = ("crossover", "subtree", "point", "random", "eafo", "library", "join", "hybrid")
_SHAPES = (
    "{a}*x + tanh({b}*x)",
    "x*sigmoid({a}*x) + {b}*sin(x)",
    "{a}*x**2 + {b}*x + atan(x)",
    "alpha*x*gaussian({a}*x)",
)


def big_run(path, candidates=100_000, evaluations=300_000, seed=0):
    """Make a finished run of so many candidates and evaluations; needs five evaluations a candidate at most.

    One in six proposals was rejected or is another's function, the others were trained on two seeds: to the first rung,
    to the second, or to the end, in shares that give the number of evaluations; five finalists were confirmed.
    """
    meta = {
        "config": CONFIG,
        "seed": "0",
        "state": "finished",
        "passed_over": json.dumps({"another child was preferred": 40 * candidates, "proposed before": 3 * candidates}),
    }
    folder.create(path, CONFIG, meta)
    luck = random.Random(seed)
    confirmed = list(_confirmation(luck))
    with folder.writing(path) as store:
        rows = _rows(luck, candidates, evaluations - len(confirmed))
        while batch := list(islice(rows, BATCH)):
            store.add_candidates(candidate for candidate, _ in batch)
            store.record("search", (evaluation for _, found in batch for evaluation in found))
        store.record("confirm", confirmed)
    return path


def _rows(luck, count, left) -> Iterator[tuple[Candidate, list[Evaluation]]]:
    for number in range(1, count + 1):
        candidate = _candidate(luck, number)
        if candidate.status != "pending":
            yield candidate, []
            continue
        most = min(SEEDS * (len(RUNGS) + 1), left)
        # What is left is spread over who is left: a sixth of those were not trained.
        share = left / (count - number + 1) * 6 / 5
        reached = len(RUNGS) + 1 if number <= len(BASELINES) + 5 else _reached(luck, share / SEEDS)
        if SEEDS * reached > most:
            yield candidate.stopped("rejected", "it is constant"), []
            continue
        left -= SEEDS * reached
        status, reason = (
            ("ok", "") if reached > len(RUNGS) else ("stopped", f"not among the best after {RUNGS[reached - 1]} steps")
        )
        yield candidate.stopped(status, reason), _trained(luck, candidate, reached)


def _reached(luck, mean):
    """Return 1, 2 or 3 with a mean: as many of those at a rung go on past the first as past the second."""
    on = (math.sqrt(4 * min(3.0, max(1.0, mean)) - 3) - 1) / 2
    return 1 + (luck.random() < on) * (1 + (luck.random() < on))


def _candidate(luck, number):
    facts = {name: round(luck.gauss(1.0, 0.3), 6) for name in kept()} | {
        "cost": float(luck.randint(2, 300)),
        "complexity": luck.randint(2, 24),
    }
    if number <= len(BASELINES):
        name = BASELINES[number - 1]
        return Candidate(number, str(resolve(name)), "baseline", name=name, facts=facts)
    parents = tuple(luck.randint(1, number - 1) for _ in range(luck.randint(0, 2)))
    text = luck.choice(_SHAPES).format(a=round(luck.uniform(0.1, 4), 4), b=round(luck.uniform(0.1, 4), 4))
    text += "; alpha=0.25" if "alpha" in text else ""
    tree = json.dumps([["add", luck.randint(0, 9)], ["mul", luck.randint(0, 9)], "x", "tanh", "x"] * 2)
    mark = Mark(f"{luck.getrandbits(64):016x}", 5, luck.random())
    row = Candidate(number, text, luck.choice(_OPERATORS), parents, number, tree, None, facts, mark=mark)
    if number > len(BASELINES) + 5 and luck.random() < 1 / 6:
        status, reason = luck.choice(
            [("rejected", "it is constant on [-8, 8]"), ("cached", f"the same function as candidate {number - 1}")]
        )
        return row.stopped(status, reason)
    return row


def _trained(luck, candidate, reached):
    steps, quality = (*RUNGS, STEPS)[:reached], luck.gauss(0.0, 0.03)
    return [
        _evaluation(luck, candidate.id, TASK, step, seed, 0.4 + quality + 10 / step + luck.gauss(0.0, 0.004))
        for step in steps
        for seed in range(SEEDS)
    ]


def _confirmation(luck):
    for identifier in range(1, len(BASELINES) + 6):
        for task in (TASK, "text-gpt"):
            for seed in range(1000, 1005):
                error = 0.4 - 0.01 * (identifier > len(BASELINES)) + luck.gauss(0.0, 0.004)
                yield _evaluation(luck, identifier, task, 1500, seed, error, test=True)


@cache
def _curves():
    """Return curves that trainings share, so that making a run takes no longer than storing it."""
    luck = random.Random(1)
    return [tuple(2.3 * math.exp(-0.1 * n) + luck.gauss(0.0, 0.02) for n in range(20)) for _ in range(2000)]


def _evaluation(luck, identifier, task, steps, seed, error, test=False):
    error = max(error, 1e-3)
    curve = luck.choice(_curves())
    part = {"test_error": error + 0.01, "test_loss": error} if test else {}
    return Evaluation(identifier, task, steps, seed, "ok", error=error, loss=error, seconds=0.1, curve=curve, **part)
