from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from runs import Candidate, reading, scored
from runs.axes import DEFAULT_AXES
from runs.hypervolume import hypervolume, points_of, reference_of
from tests.runs.helpers import evaluation, made_run, opened
from tests.search.cli.test_cli import invoke

FACTS = {"prior": 0.7, "correction": 1.6, "cost": 9.0, "complexity": 3, "gain": 1.4}


@pytest.fixture
def pair(tmp_path):
    """Two runs: the second was made with another seed, by another torch, and trained -2*x*tanh(-x) and cos(x), too."""
    first, second = made_run(tmp_path / "first"), made_run(tmp_path / "second")
    with opened(second) as store:
        store.set_meta("config", 'name = "made"\ntask = "digits-vit"\nseed = 7\n')
        store.set_meta("packages", json.dumps({**json.loads(store.meta("packages")), "torch": "1.0"}))
        for number, text, error in ((6, "3*x*tanh(2*x) + 1", 0.1), (7, "x*sin(x)", 0.11)):
            candidate = Candidate(number, text, "random", facts={**FACTS, "cost": FACTS["cost"] - number}, ask=number)
            store.add_candidates([candidate])
            store.record("search", [evaluation(number, 0, error)], [candidate.stopped("ok", "")])
    with opened(first) as store:
        candidate = Candidate(6, "-2*x*tanh(-2*x)", "random", facts={**FACTS, "cost": 1.0}, ask=6)
        store.add_candidates([candidate])
        store.record("search", [evaluation(6, 0, 0.2)], [candidate.stopped("ok", "")])
        for i, errors in {1: (0.3, 0.31, 0.3), 6: (0.2, 0.23, 0.21)}.items():
            store.record("confirm", [evaluation(i, 10_000 + s, e, e) for s, e in enumerate(errors)])
    return first, second


def rows(*arguments):
    code, out, error = invoke("diff", *arguments, "--format", "json")
    assert code == 0, error
    return json.loads(out)


def test_configuration_versions_fronts_and_evidence_are_compared(pair):
    found = rows(*pair)
    by = {(row["part"], row["what"]): row for row in found}
    assert (by["configuration", "seed"]["first"], by["configuration", "seed"]["second"]) == (None, 7)
    assert by["made with", "torch"]["second"] == "1.0"
    assert by["numbers", "best validation error"]["second"] == pytest.approx(0.1)
    shares = by["numbers", "hypervolume, a share of the box below the worst baseline"]
    assert 0 < shares["first"] < shares["second"] < 1
    same = by["front", "-2*x*tanh(-2*x)" if ("front", "-2*x*tanh(-2*x)") in by else "2*x*tanh(2*x)"]
    assert [same[key] for key in ("first", "second", "first_id", "second_id")] == [0.2, 0.1, 6, 6]
    only = by["front", "x*sin(x)"]
    assert [only[key] for key in ("first", "second", "second_id")] == [None, 0.11, 7]
    (verdict,) = [row for row in found if row["part"] == "confirmation"]
    assert verdict["first"].startswith("#6 on digits-vit: better than relu")
    assert verdict["second"] is None


def test_the_order_of_the_runs_swaps_the_columns_and_the_formats_say_the_same(pair):
    swap = {"first": "second", "second": "first", "first_id": "second_id", "second_id": "first_id"}
    numbers = [row for row in rows(*pair) if row["part"] in ("configuration", "numbers")]
    turned = [{swap.get(key, key): value for key, value in row.items()} for row in rows(*pair[::-1])]
    assert all(row in turned for row in numbers)
    _, out, _ = invoke("diff", *pair, "--format", "csv")
    assert [row["what"] for row in csv.DictReader(io.StringIO(out))] == [row["what"] for row in rows(*pair)]
    _, out, _ = invoke("diff", *pair)
    assert "not trained" in out
    assert "0.1000 (#6)" in out
    assert len(out.splitlines()) < 50


def test_scores_of_other_tasks_are_not_compared_and_equal_runs_say_so(pair, tmp_path):
    with opened(pair[1]) as store:
        store.set_meta("config", 'name = "made"\ntask = "tabular"\n')
    _, out, _ = invoke("diff", *pair)
    assert "scores of the two do not compare: they differ in task" in out
    assert not [row for row in rows(*pair) if "hypervolume" in row["what"]]
    same = [row for row in rows(pair[0], pair[0]) if row["part"] != "front"]
    assert same == []
    code, _, error = invoke("diff", pair[0], tmp_path / "frist")
    assert (code, "did you mean" in error) == (2, True)


def test_a_hypervolume_is_the_share_of_the_box_below_the_worst_baseline_and_beyond_the_largest_cost(pair):
    box = np.array([2.0, 2.0])
    assert hypervolume(np.array([(1.0, 1.0)]), box) == pytest.approx(1 / 4)
    assert hypervolume(np.array([(1.0, 1.0), (0.5, 1.5), (3.0, 0.1)]), box) == pytest.approx((1 + 0.25) / 4)
    assert hypervolume(np.array([(2.0, 0.0)]), box) == 0.0
    with reading(pair[1]) as store:
        frame = scored(store)
    assert reference_of([frame], DEFAULT_AXES) == pytest.approx([0.31, 39 * 1.01, 4 * 1.01])
    assert points_of(frame, DEFAULT_AXES).shape == (6, 3)
