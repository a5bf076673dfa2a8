from __future__ import annotations

import inspect
import re

import pandas as pd
import pytest
import torch

import runs
from primitives import ActsearchError
from runs import Candidate, Run, folder
from tests.runs.helpers import evaluation, made_run, opened

FRAMES = ("candidates", "evaluations", "front", "confirmed", "comparisons")
FACTS = {"prior": 0.7, "correction": 1.6, "cost": 4.0, "complexity": 3, "gain": 1.4}


@pytest.fixture
def path(tmp_path):
    """A run of which finalist 3 and both baselines are confirmed."""
    made = made_run(tmp_path / "made")
    with opened(made) as store:
        for i, errors in {1: (0.3, 0.31), 2: (0.29, 0.28), 3: (0.2, 0.23)}.items():
            store.record("confirm", [evaluation(i, 10_000 + s, e, e + 0.01) for s, e in enumerate(errors)])
    return made


def documented(name):
    text = inspect.getdoc(getattr(Run, name)) or ""
    lines = text.partition("Columns:\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^    (\w+): (.+)$", lines, flags=re.MULTILINE))


@pytest.mark.parametrize("name", FRAMES)
def test_every_column_of_a_frame_is_documented_and_every_documented_one_is_there(path, name):
    frame = getattr(runs.load(path), name)
    assert documented(name).keys() == set(frame.columns)
    assert len(frame) > 0


def test_metrics_and_further_objectives_have_columns_of_their_own(path):
    with opened(path) as store:
        measured = evaluation(4, 7, 0.25)
        object.__setattr__(measured, "metrics", {"brier": 0.5, "seconds": 3.0})
        store.record("search", [measured])
    frame = runs.load(path).evaluations
    row = frame[(frame["candidate"] == 4) & (frame["seed"] == 7)].iloc[0]
    assert (row["brier"], row["metric_seconds"], row["seconds"]) == (0.5, 3.0, 0.1)
    assert pd.isna(row["test_brier"])


def test_a_reader_sees_one_moment_and_never_blocks_the_writer(path):
    with folder.writing(path) as store:
        store._db.execute("BEGIN IMMEDIATE")
        run = runs.load(path)
        store._db.execute("COMMIT")
        store.add_candidates([Candidate(6, "cos(x)", "random", facts=FACTS)])
        assert len(run.candidates) == 5
        assert store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "somebody still reads"
        assert len(run.evaluations) == 15, "of what was there when it was loaded, with the file closed"
        assert list(runs.load(path).candidates["id"]) == [1, 2, 3, 4, 5, 6]


def test_frames_say_what_the_commands_say_and_belong_to_their_reader(path):
    run = runs.load(path)
    with folder.reading(path) as store:
        assert run.front.equals(runs.pareto(store))
        assert run.comparisons.equals(runs.comparisons(store))
    mine = run.front
    mine["error"] = 0.0
    assert run.front["error"].min() == pytest.approx(0.21)
    whole = run.candidates.set_index("id")
    assert whole.loc[3, ["error", "on_front", "parents"]].tolist() == [pytest.approx(0.21), True, (1, 2)]
    assert pd.isna(whole.loc[5, "error"])
    assert not whole.loc[5, "on_front"]
    assert runs.load(str(path)).config == run.config


def test_a_candidate_is_a_module_and_an_expression(path):
    run, x = runs.load(path), torch.linspace(-3, 3, 7)
    assert torch.equal(run.module(3)(x), x * torch.tanh(x))
    assert str(run.expression("gelu")) == "gelu(x)"
    with pytest.raises(ActsearchError, match=r"no candidate '9'.*ids run from 1 to 5"):
        run.module(9)
    with pytest.raises(ActsearchError, match=r"cannot be made a module with \{'slope': 3\}"):
        run.module(3, slope=3)


def test_what_is_no_run_is_told_as_by_every_command(path, tmp_path):
    with pytest.raises(ActsearchError, match=r"did you mean '.*made'"):
        runs.load(tmp_path / "mede")
    with pytest.raises(ActsearchError, match="is a folder but not a run"):
        runs.load(tmp_path)


def test_a_notebook_shows_the_front_and_nothing_that_a_run_file_says_is_read_as_html(tmp_path):
    place = made_run(tmp_path / "<i>run")
    with opened(place) as store:
        row = Candidate(6, "<script>1</script>", "random", name="<b>x", facts={**FACTS, "cost": 1.0}, status="ok")
        store.add_candidates([row])
        store.record("search", [evaluation(6, 0, 0.5)])
    shown = runs.load(place)._repr_html_()
    assert not re.search("<script|<b>x|<i>", shown)
    assert "&lt;script&gt;" in shown
    assert "x*tanh(x)" in shown
    assert "<svg" in shown
    assert "0.2100 ±0.0100" in shown
    empty = tmp_path / "new"
    folder.create(empty, "", {"state": "searching"})
    assert "no candidate has been trained" in runs.load(empty)._repr_html_()
    assert "stopped" in repr(runs.load(empty))
