"""A small run file made by hand, for tests of what reads one."""

from __future__ import annotations

import contextlib

from evaluators import Evaluation
from runs import Candidate, Store, folder

CONFIG = 'name = "made"\ntask = "digits-vit"\n'


def evaluation(candidate, seed, error, test=None, task="digits-vit", steps=10, status="ok"):
    good = status == "ok"
    return Evaluation(
        candidate, task, steps, seed, status, "" if good else "why", error if good else None,
        1.0 if good else None, test if good else None, 1.0 if good and test is not None else None, 0.1, (2.0, 1.0),
    )  # fmt: skip


def made_run(path):
    """Three candidates and two baselines; candidate 3 is best, 5 diverged."""
    folder.create(path, CONFIG, {"config": CONFIG, "seed": "0", "state": "searched"})
    with folder.writing(path) as store:
        rows = [
            (1, "relu(x)", "baseline", "relu", 2.0, 2),
            (2, "gelu(x)", "baseline", "gelu", 39.0, 2),
            (3, "x*tanh(x)", "crossover", None, 15.0, 4),
            (4, "sin(x)", "random", None, 18.0, 2),
            (5, "x**3", "random", None, 3.0, 2),
        ]
        candidates = {
            candidate.id: candidate
            for candidate in [
                Candidate(
                    i,
                    text,
                    origin,
                    (1, 2) if i == 3 else (),
                    0 if name else i,
                    None,
                    name,
                    {"prior": 0.7, "correction": 1.6, "cost": cost, "complexity": size, "gain": 1.4},
                )
                for i, text, origin, name, cost, size in rows
            ]
        }
        store.add_candidates(candidates.values())
        for i, errors in {1: (0.30, 0.32), 2: (0.28, 0.30), 3: (0.20, 0.22), 4: (0.25, 0.27)}.items():
            store.record(
                "search", [evaluation(i, s, e) for s, e in enumerate(errors)], [candidates[i].stopped("ok", "")]
            )
        store.record(
            "search", [evaluation(5, 0, None, status="diverged")], [candidates[5].stopped("diverged", "seed 0: why")]
        )
    return path


@contextlib.contextmanager
def opened(path):
    store = Store(path / folder.DATABASE, writable=True)
    try:
        yield store
    finally:
        store.close()
