"""What is read in columns equals what is read row by row, of new files and of older ones."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from evaluators import Evaluation
from evaluators.judging.objectives import Objective, chosen_objectives
from primitives import ActsearchError
from runs import Candidate, Store, finalists, pareto, scored
from runs.axes import as_meta
from runs.front import nothing_yet, search_scores
from runs.stacking import unstacked
from tests.runs.big import big_run
from tests.runs.helpers import opened
from tests.runs.old import as_version_8
from tests.runs.plain_front import plain_scored

MINE = Objective("steepness", "1", "largest slope", lambda facts: facts["steepness"])
STATUSES = ("ok", "ok", "ok", "stopped", "diverged", "rejected", "pending")


def any_run(path, seed):
    """Write a run of many kinds: one task or two, one to nine seeds, some rungs, ragged metrics and facts."""
    luck, all_rungs = random.Random(seed), bool(seed % 3)
    tasks, seeds = ("a", "b")[: luck.randint(1, 2)], luck.randint(1, 9)
    metrics = [{"brier": 1}, {"brier": 0.5, "calibrated_loss": 1.0}, {}, {"brier": 10**300}][: luck.randint(1, 3)]
    names = luck.choice((("error",), ("loss", "cost"), ("error", "cost", "complexity"), ("brier", "error")))
    objectives = [*chosen_objectives(names, "error"), *([MINE] if luck.random() < 0.5 else [])]
    if "brier" in names:
        metrics = metrics[:2]
    Store.create(path, {**as_meta(objectives), "state": "searched"})
    candidates, evaluations = [], []
    for number in range(1, 40):
        more = luck.choice(({}, {"prior": luck.random()}, {"shape": luck.randint(0, 3), "gain": 2**63}))
        facts = {"cost": luck.random(), "complexity": luck.randint(1, 9), "steepness": luck.random(), **more}
        name, reason = "relu" if luck.random() < 0.1 else None, luck.choice(("why", "seed 3: why"))
        status, rungs = luck.choice(STATUSES), luck.randint(1, 3)
        candidates.append(Candidate(number, f"{number}*x", luck.choice("mn"), (), 1, "[]", name, facts, status, reason))
        evaluations += [
            one_of(luck, number, task, steps, seed, luck.choice(metrics))
            for task in luck.sample(tasks, len(tasks))
            for steps in (10, 20, 40)[: 3 if status == "ok" and all_rungs else rungs]
            for seed in luck.sample(range(seeds), seeds)
        ]
    with closing(Store(path, writable=True)) as store:
        store.add_candidates(candidates)
        store.record("search", evaluations)
        store.record("confirm", evaluations[::9])
    return path


def one_of(luck, number, task, steps, seed, metrics):
    alone = luck.choice(("", "", "it is alone", "so is it"))
    if luck.random() < 0.05:
        return Evaluation(number, task, steps, seed, "diverged", "why", unstacked=alone)
    error, loss = luck.random(), luck.choice((luck.random(), luck.randint(0, 3) / 4))
    return Evaluation(
        number, task, steps, seed, "ok", "", error, loss, seconds=luck.random(), metrics=metrics, unstacked=alone
    )


def read(store):
    return [scored(store), pareto(store), finalists(store, 30), unstacked(store), nothing_yet(store)]


def tried(front, store):
    """Return a front, or why there is none."""
    try:
        return front(store)
    except ActsearchError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(12))
def test_the_front_read_in_columns_is_that_of_the_definition_to_the_last_bit(tmp_path, seed):
    new = any_run(tmp_path / "new", seed)
    with closing(Store(new)) as store, closing(Store(as_version_8(new, tmp_path / "old"))) as old:
        wanted = tried(plain_scored, store)
        if isinstance(wanted, str):
            assert tried(scored, store) == tried(scored, old) == wanted
            return
        for each in (store, old):
            pd.testing.assert_frame_equal(scored(each), wanted, check_exact=True)
        found, before = read(store), read(old)
        assert all(a.equals(b) if isinstance(a, pd.DataFrame) else a == b for a, b in zip(found, before, strict=True))


def test_the_front_of_a_large_run_made_small_is_that_of_the_definition(tmp_path):
    with opened(big_run(tmp_path / "run", 600, 1800)) as store:
        pd.testing.assert_frame_equal(scored(store), plain_scored(store), check_exact=True)
        assert len(store.evaluations("search")) + len(store.evaluations("confirm")) in range(1790, 1801)


def test_those_of_some_candidates_are_those_among_all_and_lean_ones_lack_nothing_short(tmp_path):
    new = any_run(tmp_path / "new", 7)
    with closing(Store(new)) as store:
        whole = store.evaluations("search")
        assert store.evaluations("search", [3, 5]) == [e for e in whole if e.candidate in (3, 5)]
        assert store.evaluations("search", [], lean=True) == []
        assert store.candidates([5, 3]) == [c for c in store.candidates() if c.id in (3, 5)]
        assert search_scores(store, [3, 5]) == {i: s for i, s in search_scores(store).items() if i in (3, 5)}


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE evaluations SET error = 'abc'",
        "UPDATE evaluations SET loss = 9e999",
        "UPDATE evaluations SET loss = NULL",
        "UPDATE evaluations SET stage = 99 WHERE stage = 3",
        "UPDATE evaluations SET metrics = x'ffff'",
        "UPDATE evaluations SET metrics = x'0200'",
        "UPDATE evaluations SET metrics = '[]'",
        "UPDATE candidates SET facts = x'010000'",
        'UPDATE candidates SET facts = \'{"cost": 1e301, "complexity": 1}\'',
        "UPDATE candidates SET origin = x'00'",
        'UPDATE texts SET text = \'["d", "id"]\' WHERE id = 1',
        "UPDATE texts SET text = '[[[[[[' WHERE id = 1",
        "UPDATE stages SET steps = 'many' WHERE id = 3",
    ],
)
def test_rows_that_are_not_ours_are_refused_in_one_sentence(tmp_path, edit):
    run = big_run(tmp_path / "run", 60, 180)
    with closing(sqlite3.connect(run / "run.sqlite")) as db, db:
        db.execute(edit)
    with opened(run) as store:
        store.set_meta("objectives", '[{"name": "brier", "unit": "", "label": "brier", "digits": 2}]')
        with pytest.raises(ActsearchError, match="holds a row that is not ours"):
            scored(store)
