"""What a file of version 8 says, it says the same after it was brought to this version, to the last bit."""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators import Evaluation
from evaluators.training.places import Place
from primitives import ActsearchError, Mark
from runs import Candidate, Store, scored
from tests.runs.big import big_run
from tests.runs.old import as_version_8

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e99, max_value=1e99).map(lambda v: v + 0.0)
"""Without -0.0, whose sign SQLite drops."""
short = st.floats(-1e4, 1e4).map(lambda value: float(f"{value:.6g}"))
text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
word = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,9}", fullmatch=True).map(lambda name: f"f_{name}")
marks = st.builds(
    Mark, st.one_of(st.binary(min_size=8, max_size=8).map(bytes.hex), text), st.integers(0, 10**6 - 1), finite
)
candidates = st.builds(
    Candidate,
    id=st.just(0),
    expression=text,
    origin=text,
    parents=st.lists(st.integers(1, 99), max_size=2).map(tuple),
    ask=st.integers(0, 99),
    genotype=st.one_of(st.none(), text, st.just('["mul", "x", {"constant": 0.5}]')),
    name=st.one_of(st.none(), text),
    facts=st.dictionaries(word, st.one_of(finite, st.integers(-(10**20), 10**20)), max_size=4),
    status=st.sampled_from(("ok", "stopped", "rejected", "pending")),
    reason=text,
    mark=st.one_of(st.none(), marks),
)
metrics = st.dictionaries(text, finite, max_size=3)
evaluations = st.builds(
    Evaluation,
    candidate=st.integers(1, 3),
    task=st.sampled_from(("a", "b")),
    steps=st.sampled_from((10, 20)),
    seed=st.integers(0, 9),
    status=st.just("ok"),
    reason=text,
    error=finite,
    loss=finite,
    seconds=finite,
    curve=st.one_of(st.lists(short, max_size=20), st.lists(finite, max_size=4)).map(tuple),
    metrics=metrics,
    unstacked=text,
    test_metrics=metrics,
)
places = st.builds(Place, text, st.dictionaries(text, finite, max_size=2), st.lists(finite, max_size=33).map(tuple))
curves = st.lists(st.tuples(st.integers(0, 2**40), finite), max_size=10).map(tuple)


def once(found):
    """Return evaluations of which no two have the same place."""
    return [*{(e.candidate, e.task, e.steps, e.seed): e for e in found}.values()]


def exactly(rows):
    """Return rows as text, in which -0 is not 0 and 1 is not 1.0."""
    return repr([dataclasses.astuple(row) for row in rows])


def contents(path):
    with closing(Store(path)) as store:
        return exactly(store.candidates()), *(exactly(store.evaluations(purpose)) for purpose in ("search", "confirm"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@settings(max_examples=25)
@given(
    st.lists(candidates, min_size=1, max_size=4),
    st.lists(evaluations, max_size=6),
    st.lists(st.tuples(evaluations, curves, st.lists(places, max_size=2).map(tuple)), max_size=2),
)
def test_any_row_is_read_back_as_it_was_written_from_a_new_file_and_from_a_migrated_one(folder, some, found, late):
    for file in folder.glob("*"):
        file.unlink()
    rows = [dataclasses.replace(row, id=number) for number, row in enumerate(some, start=1)]
    confirmed = [dataclasses.replace(e, validation_curve=curve, places=there) for e, curve, there in late]
    found, confirmed = (
        once([dataclasses.replace(e, candidate=1 + e.candidate % len(rows)) for e in each])
        for each in (found, confirmed)
    )
    Store.create(folder / "new", {})
    with closing(Store(folder / "new", writable=True)) as store:
        store.add_candidates(rows)
        store.record("search", found)
        store.record("confirm", confirmed)
    assert contents(folder / "new") == (exactly(rows), exactly(found), exactly(confirmed))
    before = contents(as_version_8(folder / "new", folder / "old"))
    Store(folder / "old", writable=True).close()
    assert contents(folder / "old") == before
    assert before[:2] == (exactly(rows), exactly(found))


def test_a_migrated_run_is_small_and_has_the_same_front(tmp_path):
    run = big_run(tmp_path / "run", 300, 900)
    old = as_version_8(run / "run.sqlite", tmp_path / "old")
    before, size = contents(old), old.stat().st_size
    with closing(Store(old)) as store:
        front = scored(store)
    Store(old, writable=True).close()
    assert contents(old) == before
    with closing(Store(old)) as store:
        assert scored(store).equals(front)
    assert old.stat().st_size < 0.6 * size
    with closing(sqlite3.connect(old)) as db:
        assert {kind for (kind,) in db.execute("SELECT DISTINCT typeof(curve) FROM evaluations")} == {"blob"}
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_a_file_that_cannot_be_made_small_is_whole(tmp_path, monkeypatch):
    from runs import store as module

    run = big_run(tmp_path / "run", 60, 180)
    old = as_version_8(run / "run.sqlite", tmp_path / "old")
    before = contents(old)
    monkeypatch.setattr(module, "SHRINK", "VACUUM INTO '/nowhere/at/all'")
    Store(old, writable=True).close()
    assert contents(old) == before
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA freelist_count").fetchone()[0] > 0


@pytest.mark.parametrize(
    ("column", "stored"),
    [
        ("curve", "surprise"),
        ("curve", "[1, 2]"),
        ("curve", "[1.0, 1e999]"),
        ("curve", "[" * 5000),
        ("curve", '{"a": 1}'),
        ("metrics", "[]"),
        ("metrics", '{"a": "b"}'),
        ("metrics", '{"a": 1, "a": 2}'),
        ("metrics", '{"a": 3}'),
        ("test_metrics", '{"a": NaN}'),
        ("unstacked", "one by one"),
        ("error", 1e999),
    ],
)
def test_what_is_odd_in_an_old_file_stays_as_odd_as_it_was(tmp_path, column, stored):
    def said():
        try:
            return contents(old)
        except ActsearchError as error:
            return str(error)

    run = big_run(tmp_path / "run", 60, 180)
    old = as_version_8(run / "run.sqlite", tmp_path / "old")
    with closing(sqlite3.connect(old)) as db, db:
        db.execute(f"UPDATE evaluations SET {column} = ? WHERE id = 7", (stored,))
    before = said()
    Store(old, writable=True).close()
    assert said() == before


@pytest.mark.parametrize(
    ("column", "stored"),
    [
        ("curve", b""),
        ("curve", b"\x05\x00"),
        ("curve", b"\xff\x00\x00\x00"),
        ("metrics", b"\xff\xff"),
        ("metrics", b"\x02\x00" + b"\xff" * 16),
        ("metrics", b"\x02\x00\x00"),
        ("unstacked", 99),
        ("validation_curve", b"nonsense"),
        ("validation_curve", "[[1, 2, 3]]"),
        ("validation_curve", "[[1, true]]"),
        ("validation_curve", '[["a", 1.0]]'),
        ("validation_curve", "3"),
        ("places", "[[1, {}, []]]"),
        ("places", '[["a", {"alpha": NaN}, []]]'),
        ("places", '[["a", {}, ["b"]]]'),
        ("places", '[["a", [], [1.0]]]'),
        ("places", "[" * 5000),
        ("stage", 99),
        ("seconds", math.inf),
    ],
)
def test_evaluations_that_are_not_ours_are_refused_in_one_sentence(tmp_path, column, stored):
    run = big_run(tmp_path / "run", 60, 180)
    with closing(sqlite3.connect(run / "run.sqlite")) as db, db:
        db.execute(f"UPDATE evaluations SET {column} = ? WHERE id = 7", (stored,))
    with (
        closing(Store(run / "run.sqlite")) as store,
        pytest.raises(ActsearchError, match="holds a row that is not ours"),
    ):
        store.evaluations("search")


def test_what_is_confirmed_keeps_its_curve_and_its_places(tmp_path):
    run = big_run(tmp_path / "run", 60, 180)
    with closing(Store(run / "run.sqlite")) as store:
        found = store.evaluations("confirm")
        lean = store.evaluations("confirm", lean=True)
    assert all(len(e.validation_curve) == 10 and len(e.places) == 3 and len(e.places[0].inputs) == 33 for e in found)
    assert [dataclasses.replace(e, curve=(), validation_curve=(), places=()) for e in found] == lean
    assert json.dumps(found[0].places[0].constants) == '{"alpha": 0.25}'


def test_an_old_file_that_lacks_what_every_row_has_is_refused_and_left_as_it_is(tmp_path):
    run = big_run(tmp_path / "run", 60, 180)
    old = as_version_8(run / "run.sqlite", tmp_path / "old")
    with closing(sqlite3.connect(old)) as db, db:
        db.executescript(
            "CREATE TABLE loose AS SELECT * FROM evaluations; DROP TABLE evaluations;"
            "ALTER TABLE loose RENAME TO evaluations; UPDATE evaluations SET seconds = NULL WHERE id = 3"
        )
        before = [*db.iterdump()]
    with pytest.raises(ActsearchError, match="holds a row that is not ours"):
        Store(old, writable=True)
    with closing(sqlite3.connect(old)) as db:
        assert [*db.iterdump()] == before
