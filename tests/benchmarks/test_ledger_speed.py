"""What learning a candidate and coming back to a run cost, beside the build before rooms and registries."""

from __future__ import annotations

import pytest

from tests.benchmarks.against import HERE, WORKLOADS, against, checked_out, in_turn, ran, ratio_of

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

BEFORE = "1c6c2e3"
"""The last build without rooms, and without proposals by the thousand."""
MADE = """
import os, random
from pathlib import Path
from evaluators import Evaluation
from runs import Candidate, folder
from search.configuration.reading import from_dict
from search.configuration.writing import to_toml
from search.space.grammar import Grammar
config = from_dict({"fidelity": {"steps": 8}}, "bench")
path, text = Path(os.environ["RUN"]), to_toml(config)
folder.create(path, text, {"config": text, "seed": "0"})
grammar, rows, evaluations, seen = Grammar(config.grammar), [], [], set()
random.seed(1)
kinds = ["cached"] * 50 + ["outranked"] * 26 + ["rejected"] * 15 + ["ok"] * 4 + ["stopped"] * 5  # as in a campaign
while len(rows) < int(os.environ["COUNT"]):
    tree = grammar.random_tree(2, 5)
    expression = grammar.expression(tree)
    text = str(expression)
    if expression is None or text in seen:
        continue
    seen.add(text)
    number, status = len(rows) + 1, random.choice(kinds)
    numbers = {"prior": 1.0, "correction": 1.0, "cost": float(random.randint(1, 99)), "gain": 1.0}
    numbers["complexity"] = random.randint(2, 20)
    rows.append(
        Candidate(number, text, "random", ask=number, genotype=grammar.dumps(tree), status=status, reason="", **numbers)
    )
    for steps in {"ok": (2, 4, 8), "stopped": (2,)}.get(status, ()):
        for seed in (0, 1):
            curve = tuple(random.random() for _ in range(20))
            error = random.random()
            evaluations.append(
                Evaluation(number, config.task, steps, seed, "ok", error=error, loss=1.0, curve=curve)
            )
with folder.writing(path) as store:
    store.add_candidates(rows)
    store.record("search", evaluations)
"""
MARKED = """
import dataclasses, json, os, shutil
from pathlib import Path
from evaluators.training.status import FORGOTTEN
from primitives import IdentityIndex, fingerprint, parse
from runs import folder
path, index = Path(os.environ["RUN"]), IdentityIndex()
shutil.copytree(os.environ["BEFORE"], path)
with folder.writing(path) as store:  # which migrates it; the search would have left these marks
    for candidate in store.candidates():
        if candidate.status not in FORGOTTEN:
            expression = parse(candidate.expression)
            mark = index.add(candidate.id, expression.key, fingerprint(expression, absorbed=True))
            text = json.dumps(dataclasses.astuple(mark))
            store._db.execute("UPDATE candidates SET mark = ? WHERE id = ?", (text, candidate.id))
    store._db.commit()
"""


def test_a_tell_at_a_population_of_1000_is_50_times_as_fast_as_before():
    ratio = against(BEFORE, WORKLOADS["tell-of-1000"], pairs=7)
    print(f"\na tell at a population of 1,000 against {BEFORE}: {ratio}")
    assert ratio.high < 1 / 50


def test_resuming_20000_candidates_is_five_times_as_fast_as_before_in_half_of_the_memory(tmp_path):
    with checked_out(BEFORE) as before:
        folders = {"RUN": str(tmp_path / "new"), "BEFORE": str(tmp_path / "old")}
        ran(before, MADE, {"RUN": folders["BEFORE"], "COUNT": "20000"})
        ran(HERE, MARKED, folders)
        places = ({"RUN": folders["RUN"]}, {"RUN": folders["BEFORE"]})
        new, old = in_turn((HERE, before), WORKLOADS["resume-of-20000"], 3, places)
    time = ratio_of([each.seconds for each in new], [each.seconds for each in old])
    memory = ratio_of([each.megabytes for each in new], [each.megabytes for each in old])
    print(f"\nresuming 20,000 candidates against {BEFORE}: seconds {time}; memory that it adds {memory}")
    print(f"seconds here {[round(each.seconds, 1) for each in new]}, before {[round(each.seconds, 1) for each in old]}")
    print(f"megabytes here {[round(e.megabytes) for e in new]}, before {[round(e.megabytes) for e in old]}")
    assert time.high < 1 / 5
    assert memory.high < 1 / 2
