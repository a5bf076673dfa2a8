from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from primitives import ActsearchError
from runs import Candidate, Store, folder, schema
from tests.runs.helpers import CONFIG, evaluation, made_run, opened


@pytest.fixture
def run(tmp_path):
    return made_run(tmp_path / "run")


def test_what_is_written_is_read_back_equal(run):
    with folder.reading(run) as store:
        assert [c.id for c in store.candidates()] == [1, 2, 3, 4, 5]
        assert store.candidates()[2].parents == (1, 2)
        assert store.candidates()[4].status == "diverged"
        assert store.evaluations("search")[0] == evaluation(1, 0, 0.30)
        assert store.evaluations("confirm") == []
        assert store.meta("seed") == "0"
        assert "torch" in store.meta("packages")


def test_the_same_evaluation_is_kept_once(run):
    with opened(run) as store:
        count = len(store.evaluations("search"))
        store.record("search", [evaluation(1, 0, 0.31)])
        assert len(store.evaluations("search")) == count


@pytest.mark.parametrize(("purpose", "value"), [("surprise", "1"), ("search", None)], ids=["purpose", "meta"])
def test_evaluations_their_verdict_and_what_goes_with_them_are_one_transaction(run, purpose, value):
    with opened(run) as store:
        before, crashed = store.evaluations("search"), store.candidates()[3].stopped("crashed", "no")
        with pytest.raises(sqlite3.IntegrityError):
            store.record(purpose, [evaluation(4, 9, 0.1)], [crashed], {"one": "1", "two": value})
        assert store.evaluations("search") == before
        assert store.candidates()[3].status == "ok"
        assert store.meta("one", "unset") == "unset"
        store.record("search", [evaluation(4, 9, 0.1)], [crashed], {"one": "1"})
        assert store.evaluations("search")[-1] == evaluation(4, 9, 0.1)
        assert (store.candidates()[3].status, store.meta("one")) == ("crashed", "1")


def test_a_process_that_is_killed_loses_nothing_that_was_stored(run):
    code = (
        "import os, signal; from pathlib import Path; from runs import Candidate, folder\n"
        f"with folder.writing(Path({str(run)!r})) as store:\n"
        "    store.add_candidates([Candidate(6, 'x', 'seed')])\n"
        "    store.set_meta('last', 'word')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    with folder.reading(run) as store:
        assert store.candidates()[-1] == Candidate(6, "x", "seed")
        assert store.meta("last") == "word"


def test_the_file_is_in_wal_mode_and_holds_no_pickle(run):
    with sqlite3.connect(run / folder.DATABASE) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        found = [*db.execute("SELECT curve FROM evaluations"), *db.execute("SELECT facts FROM candidates")]
        for (packed,) in found:
            with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError)):
                pickle.loads(packed)
    db.close()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("garbage", "not a readable run file"),
        ("empty", "not a readable run file"),
        ("version", "schema version 99"),
        ("edited", "not ours"),
    ],
)
def test_a_damaged_foreign_or_newer_file_is_refused_in_one_sentence(run, damage, message):
    file = run / folder.DATABASE
    if damage == "garbage":
        file.write_bytes(b"not a database" * 100)
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        with sqlite3.connect(file) as db:
            if damage == "version":
                db.execute("PRAGMA user_version = 99")
            else:
                db.execute("UPDATE evaluations SET curve = 'surprise'")
        db.close()
    with pytest.raises(ActsearchError, match=message), folder.reading(run) as store:
        store.evaluations("search")


PREFERRED = "another proposal for the same training slot was preferred"
OLD = [  # id, status and reason as older versions wrote them
    (1, "ok", ""),
    (2, "rejected", PREFERRED),
    (3, "rejected", "it is constant"),
    (4, "rejected", f"not because {PREFERRED}"),
    (5, "crashed", PREFERRED),
    (6, "cached", "written like candidate 1"),
]
MIGRATED = ["ok", "outranked", "rejected", "rejected", "crashed", "cached"]


def old_rows(version):
    """Return what a file of a version holds: an outranked candidate has a status of its own since version 4."""
    return [(i, "outranked" if i == 2 and version > 3 else status, reason) for i, status, reason in OLD]


def old_file(path, version):
    """Write a run file as that version wrote it: six candidates and, for the first, an evaluation."""
    with sqlite3.connect(path) as db:
        db.executescript((Path(__file__).parent / f"schema_v{version}.sql").read_text())
        for identifier, status, reason in old_rows(version):
            facts = {"prior": 0.7} if version < 6 else {"facts": '{"prior": 0.7}', "mark": '["key", 103, 0.5]'}
            row = {"id": identifier, "expression": "relu(x)", "origin": "seed", "parents": "[]", "ask": 0, **facts}
            row |= {"status": status, "reason": reason}
            marks = ", ".join("?" for _ in row)
            db.execute(f"INSERT INTO candidates ({', '.join(row)}) VALUES ({marks})", [*row.values()])
        db.execute(
            "INSERT INTO evaluations (candidate, purpose, task, steps, seed, status, reason, error, loss, seconds, "
            "curve) VALUES (1, 'search', 'digits-vit', 10, 0, 'ok', '', 0.25, 1.0, 0.1, '[2.0, 1.0]')"
        )
        db.execute("INSERT INTO meta VALUES ('config', 'name = \"old\"'), ('state', 'searched')")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    return path


def contents(path):
    """Return everything that a file holds, its version too."""
    with sqlite3.connect(path) as db:
        found = [*db.iterdump(), db.execute("PRAGMA user_version").fetchone()]
    db.close()
    return found


def test_there_is_a_file_of_every_older_schema_and_a_migration_from_it():
    older = {int(path.stem.removeprefix("schema_v")) for path in Path(__file__).parent.glob("schema_v*.sql")}
    assert older == set(schema.MIGRATIONS) == set(range(1, schema.VERSION))


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_run_file_of_an_older_schema_is_read_as_it_is_and_migrated_when_written(tmp_path, version):
    file = old_file(tmp_path / folder.DATABASE, version)
    before = file.read_bytes()
    with folder.reading(tmp_path) as store:
        old, (evaluation_,) = store.candidates(), store.evaluations("search")
        assert store.meta("state") == "searched"
    assert [(c.id, c.status, c.reason) for c in old] == old_rows(version)
    assert old[0].facts == {"prior": 0.7}
    assert (evaluation_.error, evaluation_.curve, evaluation_.metrics) == (0.25, (2.0, 1.0), {})
    assert file.read_bytes() == before
    with folder.writing(tmp_path) as store:
        store.add_candidates([Candidate(7, "x", "seed", facts={"correction": 1.5})])
    with folder.reading(tmp_path) as store:
        rows = store.candidates()
        assert store.evaluations("search") == [evaluation_]
    assert [c.status for c in rows[:-1]] == MIGRATED
    if version < 7:  # fingerprints are others since then
        assert all(c.mark is None for c in rows)
    read = [dataclasses.replace(c, status=o.status, mark=o.mark) for c, o in zip(rows[:-1], old, strict=True)]
    assert read == old
    assert rows[-1].facts == {"correction": 1.5}


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_migrated_file_has_the_tables_of_a_new_one(tmp_path, version):
    Store(old_file(tmp_path / "old.sqlite", version), writable=True).close()
    Store.create(tmp_path / "new.sqlite", {})
    for table in ("meta", "candidates", "evaluations"):
        columns = []
        for name in ("old", "new"):
            with sqlite3.connect(tmp_path / f"{name}.sqlite") as db:
                found = db.execute(f"PRAGMA table_info({table})").fetchall()
                columns.append({row[1:] for row in found})
                assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
            db.close()
        assert columns[0] == columns[1]


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_migration_that_is_cut_short_leaves_the_old_file(tmp_path, monkeypatch, version):
    from runs import store as module

    file = old_file(tmp_path / folder.DATABASE, version)
    before = contents(file)
    monkeypatch.setattr(module, "VERSION", schema.VERSION + 1)
    monkeypatch.setattr(
        module, "MIGRATIONS", {**schema.MIGRATIONS, schema.VERSION: ("ALTER TABLE nowhere ADD COLUMN x",)}
    )
    with pytest.raises(ActsearchError, match="cannot write"):
        Store(file, writable=True)
    assert contents(file) == before
    monkeypatch.undo()
    store = Store(file, writable=True)
    assert [c.status for c in store.candidates()] == MIGRATED
    store.close()


def test_an_existing_folder_is_never_touched(run):
    before = sorted(p.name for p in run.iterdir())
    with pytest.raises(ActsearchError, match=r"exists already; 'actsearch resume"):
        folder.create(run, CONFIG, {})
    assert sorted(p.name for p in run.iterdir()) == before


def test_a_folder_that_cannot_be_made_leaves_nothing_behind(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ActsearchError, match="cannot write run folder"):
        folder.create(tmp_path / "file" / "run", CONFIG, {})
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "create", staticmethod(full))
    with pytest.raises(ActsearchError, match="No space left"):
        folder.create(tmp_path / "run", CONFIG, {})
    assert list(tmp_path.iterdir()) == []


def test_a_second_writer_is_refused_with_the_owners_pid_and_readers_go_on(run):
    code = (
        "import sys, time; from pathlib import Path; from runs import folder\n"
        f"with folder.writing(Path({str(run)!r})): print('mine', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout.readline() == "mine\n"
        with pytest.raises(ActsearchError, match=f"in use by pid {owner.pid} on "), folder.writing(run):
            pass
        with folder.reading(run) as store:
            assert len(store.candidates()) == 5
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
    with folder.writing(run) as store:
        assert store.meta("owner").startswith(f"pid {os.getpid()} ")


def test_a_missing_run_suggests_the_nearest(run):
    with pytest.raises(ActsearchError, match=r"unknown run folder .*did you mean '.*/run'"):
        folder.database(run.parent / "rum")
    (run.parent / "plain").mkdir()
    with pytest.raises(ActsearchError, match="a folder but not a run"):
        folder.database(run.parent / "plain")


def test_candidates_of_any_text_survive_the_round_trip(run):
    odd = Candidate(6, "'; DROP TABLE candidates; --", 'or"igin', name="näme\n", reason="\x00?")
    with opened(run) as store:
        store.add_candidates([odd])
        assert store.candidates()[-1] == odd


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("facts", "[]"),
        ("facts", '{"\u001b[31m": 1.0}'),
        ("facts", '{"cost": NaN}'),
        ("facts", '{"cost": 1e999}'),
        ("facts", '{"cost": true}'),
        ("facts", '{"cost": {"deep": 1}}'),
        ("facts", "[" * 100_000),
        ("mark", "[]"),
        ("mark", '"abc"'),
        ("mark", '["key", -1, 0.5]'),
        ("mark", '["key", 9999999999, 0.5]'),
        ("mark", '["key", 5, NaN]'),
    ],
)
def test_facts_and_marks_that_are_not_ours_are_refused_in_one_sentence(run, column, text):
    with sqlite3.connect(run / folder.DATABASE) as db:
        db.execute(f"UPDATE candidates SET {column} = ? WHERE id = 3", (text,))
    db.close()
    with folder.reading(run) as store, pytest.raises(ActsearchError, match="holds a row that is not ours"):
        store.candidates()


def test_migrated_numbers_are_the_same_to_the_last_bit(tmp_path):
    file, value = old_file(tmp_path / folder.DATABASE, 5), 0.1 + 0.2
    with sqlite3.connect(file) as db:
        db.execute("UPDATE candidates SET prior = ?, complexity = 7 WHERE id = 1", (value,))
    db.close()
    Store(file, writable=True).close()
    with folder.reading(tmp_path) as store:
        assert store.candidates()[0].facts == {"prior": value, "complexity": 7}


@pytest.mark.parametrize("text", ["[]", "3", "nonsense", '{"a": -1}', '{"a": true}', '{"a": 1.5}', "[" * 2000])
def test_counts_that_are_none_are_told(tmp_path, text):
    file = tmp_path / folder.DATABASE
    Store.create(file, {"passed_over": text})
    with folder.reading(tmp_path) as store, pytest.raises(ActsearchError, match="passed_over that are not ours"):
        store.counts("passed_over")


def test_counts_go_with_the_rows_that_they_were_counted_beside(tmp_path):
    Store.create(tmp_path / folder.DATABASE, {})
    with folder.writing(tmp_path) as store:
        assert store.counts("passed_over") == {}
        store.add_candidates([Candidate(1, "x", "seed")], {"passed_over": '{"it is known": 3}'})
        with pytest.raises(sqlite3.IntegrityError):
            store.add_candidates([Candidate(1, "x", "seed")], {"passed_over": '{"it is known": 9}'})
        assert store.counts("passed_over") == {"it is known": 3}


def test_what_is_read_in_a_moment_is_of_one_moment_and_no_writer_waits_for_it(run):
    with folder.reading(run) as reader, folder.writing(run) as writer:
        with reader.moment():
            before = reader.evaluations("search")
            writer.record("search", [evaluation(4, 9, 0.1)])
            assert reader.evaluations("search") == before
        assert reader.evaluations("search") == [*before, evaluation(4, 9, 0.1)]


def test_the_query_of_the_readme_finds_what_was_confirmed(run):
    text = (Path(folder.__file__).parent / "README.md").read_text()
    query = text.split("```sql\n")[1].split("```")[0]
    with folder.writing(run) as store:
        store.record("confirm", [evaluation(3, seed, 0.25 * seed, 0.5, steps=20) for seed in (1, 2)])
    with contextlib.closing(sqlite3.connect(run / folder.DATABASE)) as db:
        assert db.execute(query).fetchall() == [(3, "x*tanh(x)", "digits-vit", 20, 0.375)]
