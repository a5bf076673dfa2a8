from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from primitives import ActsearchError
from runs import Candidate, Store, folder
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
        before = store.evaluations("search")
        with pytest.raises(sqlite3.IntegrityError):
            store.record(purpose, [evaluation(4, 9, 0.1)], [(4, "crashed", "no")], {"one": "1", "two": value})
        assert store.evaluations("search") == before
        assert store.candidates()[3].status == "ok"
        assert store.meta("one", "unset") == "unset"
        store.record("search", [evaluation(4, 9, 0.1)], [(4, "crashed", "no")], {"one": "1"})
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
        kinds = {kind for (kind,) in db.execute("SELECT DISTINCT typeof(curve) FROM evaluations")}
        assert kinds == {"text"}
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


def test_a_run_file_of_the_first_schema_is_read_as_it_is_and_migrated_when_written(tmp_path):
    file = tmp_path / folder.DATABASE
    with sqlite3.connect(file) as db:
        db.executescript((Path(__file__).parent / "schema_v1.sql").read_text())
        db.execute("INSERT INTO candidates VALUES (1, 'relu(x)', 'seed', '[]', 0, '', '', 0.7, 2, 2, 1.4, 'ok', '')")
        db.execute("PRAGMA user_version = 1")
    db.close()
    before = file.read_bytes()
    with folder.reading(tmp_path) as store:
        (old,) = store.candidates()
    assert (old.prior, old.correction) == (0.7, None)
    assert file.read_bytes() == before
    with folder.writing(tmp_path) as store:
        store.add_candidates([Candidate(2, "x", "seed", correction=1.5)])
        assert [c.correction for c in store.candidates()] == [None, 1.5]
    with folder.reading(tmp_path) as store:
        assert store.candidates()[0] == old


def test_a_migration_that_is_cut_short_leaves_the_old_file(tmp_path, monkeypatch):
    from runs import store as module

    file = tmp_path / folder.DATABASE
    with sqlite3.connect(file) as db:
        db.executescript((Path(__file__).parent / "schema_v1.sql").read_text())
        db.execute("PRAGMA user_version = 1")
    db.close()
    monkeypatch.setattr(module, "VERSION", 4)
    monkeypatch.setattr(module, "MIGRATIONS", {**module.MIGRATIONS, 3: "ALTER TABLE nowhere ADD COLUMN x"})
    with pytest.raises(ActsearchError, match="cannot write"):
        Store(file, writable=True)
    monkeypatch.undo()
    store = Store(file, writable=True)
    assert store.candidates() == []
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
