"""What may happen to a run file and its folder, and what is there afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
from contextlib import closing

import pytest

from primitives import ActsearchError
from runs import Candidate, Store, folder, schema
from runs.pages import pages_of
from runs.salvage import salvage
from runs.wreck import wreck_of
from tests.runs.helpers import CONFIG, evaluation, made_run, opened
from tests.runs.test_store import old_file

FACTS = {"gain": 1.4, "cost": 2.0, "complexity": 2, "prior": 0.7, "correction": 1.6}


def long_run(path, candidates=60, seeds=2):
    """A run of many pages: of each candidate a rung and the end, or the rung alone."""
    folder.create(path, CONFIG, {"config": CONFIG, "state": "searched"})
    with folder.writing(path) as store:
        rows = [
            Candidate(i, f"x*tanh({i}*x)", "random", (1,) if i > 1 else (), i, facts=FACTS)
            for i in range(1, candidates + 1)
        ]
        store.add_candidates(rows)
        for row in rows:
            ends = (5, 10) if row.id % 3 else (5,)
            status = ("ok", "") if row.id % 3 else ("stopped", "not among the best after 5 steps")
            found = [evaluation(row.id, seed, 0.1 * row.id, steps=steps) for steps in ends for seed in range(seeds)]
            store.record("search", found, [row.stopped(*status)])
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return long_run(tmp_path_factory.mktemp("never") / "run")


def contents(path):
    """Return what a run holds: candidates, and evaluations by candidate, seed and steps."""
    with folder.reading(path) as store:
        found = {(e.candidate, e.seed, e.steps): e for e in store.evaluations("search")}
        return {c.id: c for c in store.candidates()}, found


# --- the log --------------------------------------------------------------------------------------


def in_a_child(work, user=0):
    """Do something in a process of its own, which may be killed meanwhile, as somebody; return its wait status."""
    child = os.fork()
    if not child:
        code = 1
        try:
            if user:
                os.setuid(user)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def left_open(path):
    """Make a run as a killed process leaves it: forty transactions in the log and none in the file."""
    made = made_run(path / "made")

    def write():
        with folder.writing(made) as store:
            for i in range(6, 46):
                store.add_candidates([Candidate(i, f"x*tanh({i}*x)", "seed")], {"last": str(i)})
            os.kill(os.getpid(), signal.SIGKILL)

    assert os.WTERMSIG(in_a_child(write)) == signal.SIGKILL
    return made


def test_a_torn_log_opens_with_whole_transactions_the_first_ones(tmp_path):
    made, generator = left_open(tmp_path), random.Random(0)
    log = (made / "run.sqlite-wal").read_bytes()
    assert len(log) > 40 * 4096, "the log is not put into the file while a campaign runs"
    found = []
    for cut in [*sorted(generator.randrange(len(log)) for _ in range(24)), len(log)]:
        copy = tmp_path / "copy"
        shutil.copytree(made, copy)
        (copy / "run.sqlite-wal").write_bytes(log[:cut])
        (copy / "run.sqlite-shm").unlink(missing_ok=True)
        with folder.writing(copy) as store:
            ids = [candidate.id for candidate in store.candidates()]
            last = int(store.meta("last", "5"))
        assert ids == list(range(1, last + 1)), "a part of a transaction is there"
        found.append(last)
        shutil.rmtree(copy)
    assert found == sorted(found)
    assert (found[-1], len(set(found)) > 10) == (45, True)


def test_a_folder_that_is_copied_while_it_is_written_to_is_a_run(tmp_path):
    made, copies = made_run(tmp_path / "made"), []
    with folder.writing(made) as store:
        for number in range(6, 66):
            store.add_candidates([Candidate(number, "x*tanh(x)", "seed")])
            if number % 20 == 0:  # file first and log later, and the other way round
                copy = tmp_path / f"copy{number}"
                copy.mkdir()
                names = sorted((path.name for path in made.iterdir() if path.is_file()), reverse=number == 40)
                for name in names:
                    shutil.copyfile(made / name, copy / name)
                    store.add_candidates([Candidate(1000 + 100 * number + len(list(copy.iterdir())), "x", "seed")])
                copies.append((copy, number))
    for copy, number in copies:
        with folder.writing(copy) as store:
            ids = {candidate.id for candidate in store.candidates()}
            store.add_candidates([Candidate(9_999_999, "x", "seed")])
        assert set(range(1, number + 1)) <= ids
    shutil.move(made, tmp_path / "moved")
    with folder.writing(tmp_path / "moved") as store:
        assert len(store.candidates()) == 65 + 5 * len(copies)


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_pages_are_read_as_sqlite_reads_them_whatever_the_schema(tmp_path, version):
    file = old_file(tmp_path / folder.DATABASE, version)
    same_as_sqlite(file)
    new = tmp_path / "salvaged"
    found = salvage(tmp_path, new)
    assert (found.lost_candidates, found.lost_evaluations) == (0, 0)
    Store(file, writable=True).close()
    same_as_sqlite(file)
    migrated, saved = Store(file), Store(new / folder.DATABASE)
    kept = {c.id: c for c in migrated.candidates()}
    assert saved.candidates() == [*kept.values()]
    migrated.close()
    saved.close()


def same_as_sqlite(file):
    with closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        found = wreck_of(file)
        for table, rows in (("candidates", found.candidates), ("evaluations", found.evaluations)):
            theirs = {row["id"]: dict(row) for row in db.execute(f"SELECT * FROM {table}")}
            assert rows.keys() == theirs.keys()
            for identifier, row in theirs.items():  # a row may be older than a column, which has its default then
                assert {name: row[name] for name in rows[identifier]} == rows[identifier]
        assert found.meta == dict(db.execute("SELECT key, value FROM meta").fetchall())


def test_rows_longer_than_a_page_are_read(tmp_path):
    made = made_run(tmp_path / "made")
    texts = {6 + n: "x" * length for n, length in enumerate((4000, 4050, 4061, 4062, 5000, 8200, 100_000))}
    with opened(made) as store:
        store.add_candidates([Candidate(i, text, "seed") for i, text in texts.items()])
        rows = wreck_of(made / folder.DATABASE).candidates  # in the log
        assert {i: rows[i]["expression"] for i in texts} == texts
    rows = wreck_of(made / folder.DATABASE).candidates
    assert {i: rows[i]["expression"] for i in texts} == texts


@pytest.mark.parametrize("seed", range(12))
def test_a_cut_file_is_refused_with_what_can_be_saved_and_salvage_keeps_whole_candidates(tmp_path, whole, seed):
    content = (whole / folder.DATABASE).read_bytes()
    cut = random.Random(seed).randrange(2 * len(content) // 3, len(content))
    broken, new = tmp_path / "broken", tmp_path / "new"
    shutil.copytree(whole, broken)
    (broken / folder.DATABASE).write_bytes(content[:cut])
    for opening in (folder.reading, folder.writing):
        with (
            pytest.raises(ActsearchError, match=r"is damaged .* can still be read: 'actsearch salvage .*/broken -o "),
            opening(broken),
        ):
            pass
    found = salvage(broken, new)
    assert (broken / folder.DATABASE).read_bytes() == content[:cut]
    check_salvaged(new, whole, found)


@pytest.mark.parametrize("page", range(1, 15))
def test_whatever_page_is_overwritten_salvage_keeps_what_stands_in_the_others(tmp_path, whole, page):
    content = (whole / folder.DATABASE).read_bytes()
    assert len(content) >= 14 * 4096
    noise = random.Random(page).randbytes(4096)
    broken, new = tmp_path / "broken", tmp_path / "new"
    shutil.copytree(whole, broken)
    (broken / folder.DATABASE).write_bytes(content[: 4096 * (page - 1)] + noise + content[4096 * page :])
    with pytest.raises(ActsearchError, match="actsearch salvage"), folder.writing(broken):
        pass
    found = salvage(broken, new)
    assert found.candidates >= 15
    check_salvaged(new, whole, found, "searched" if "state" in wreck_of(broken / folder.DATABASE).meta else "searching")


def check_salvaged(new, whole, found, state="searched"):
    candidates, evaluations = contents(whole)
    kept, theirs = contents(new)
    assert len(kept) == found.candidates
    assert len(theirs) == found.evaluations
    for identifier, candidate in kept.items():
        own = {key: each for key, each in theirs.items() if key[0] == identifier}
        if candidate.status == "pending":
            assert not own
        else:
            assert candidate == candidates[identifier]
            assert own == {key: each for key, each in evaluations.items() if key[0] == identifier}
    with folder.reading(new) as store:
        again = sum(candidate.status == "pending" for candidate in store.candidates())
        assert found.again == again
        assert store.meta("state") == ("searching" if again or found.lost_candidates else state)
        assert store.meta("config") == CONFIG
    with folder.writing(new) as store:
        store.add_candidates([Candidate(1000, "x", "seed")])


def test_a_healthy_run_is_salvaged_whole_and_never_over_another(tmp_path, whole):
    found = salvage(whole, tmp_path / "new")
    assert (found.lost_candidates, found.lost_evaluations, found.again) == (0, 0, 0)
    assert contents(tmp_path / "new") == contents(whole)
    with pytest.raises(ActsearchError, match="exists already"):
        salvage(whole, tmp_path / "new")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / folder.DATABASE).write_bytes(random.Random(0).randbytes(50_000))
    with pytest.raises(ActsearchError, match="nothing can be salvaged"):
        salvage(tmp_path / "noise", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_noise_in_any_place_of_a_file_never_stops_the_reading_of_pages(whole, tmp_path):
    content, generator = (whole / folder.DATABASE).read_bytes(), random.Random(1)
    for _ in range(60):
        noisy = bytearray(content)
        for _ in range(generator.choice((1, 10, 1000))):
            noisy[generator.randrange(len(noisy))] = generator.randrange(256)
        (tmp_path / "file").write_bytes(noisy)
        assert sum(1 for _ in pages_of(tmp_path / "file").rows()) >= 0


# --- places ---------------------------------------------------------------------------------------


def test_a_link_or_a_journal_beside_a_run_leads_nowhere(tmp_path):
    made, other = made_run(tmp_path / "made"), tmp_path / "other"
    for name in ("lock", "run.sqlite-wal", "run.sqlite-shm", "run.sqlite-journal"):
        other.write_text("precious")
        (made / name).unlink(missing_ok=True)
        (made / name).symlink_to(other)
        with pytest.raises(ActsearchError, match=r"is a link|leads out of|no run has"), folder.writing(made):
            pass
        assert other.read_text() == "precious"
        (made / name).unlink()
    shutil.move(made / "run.sqlite", tmp_path / "elsewhere.sqlite")
    (made / "run.sqlite").symlink_to(tmp_path / "elsewhere.sqlite")
    with pytest.raises(ActsearchError, match="is a link"), folder.reading(made):
        pass


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become nobody, and see to it that nothing can be written")
def test_a_run_in_a_read_only_folder_is_read_with_its_log_and_refused_to_writers(tmp_path):
    made = left_open(tmp_path)
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    for path in [made, *made.iterdir()]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for above in (tmp_path, *tmp_path.parents[:3]):  # one more where tests run side by side
        above.chmod(0o755)

    def read():
        with folder.reading(made) as store:
            assert len(store.candidates()) == 45
        with pytest.raises(ActsearchError, match=r"cannot lock run .*Permission denied"), folder.writing(made):
            pass

    assert in_a_child(read, user=65534) == 0
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


def test_a_full_disk_ends_a_write_in_one_sentence_and_what_was_stored_stays(tmp_path):
    made = made_run(tmp_path / "made")
    with folder.writing(made) as store:
        store._db.execute(f"PRAGMA max_page_count = {store._db.execute('PRAGMA page_count').fetchone()[0] + 1}")
        with pytest.raises(
            ActsearchError, match=r"cannot write to .*full.*; free space or fix permissions, then resume"
        ):
            fill(store)
        stored = int(store.meta("last"))
        assert [candidate.id for candidate in store.candidates()] == [*range(1, stored + 1)]
    with folder.writing(made) as store:
        store.add_candidates([Candidate(stored + 1, "x" * 5000, "seed")])
        assert len(store.candidates()) == stored + 1


def fill(store):
    """Add candidates until there is no room."""
    for number in range(6, 1000):
        store.add_candidates([Candidate(number, "x" * 500, "seed")], {"last": str(number)})
