"""A campaign as another process sees it: events, and ``watch``."""

from __future__ import annotations

import json

import pytest

from runs import folder as folders
from runs.folder import owner_of, state_of
from search.live.frame import Frame
from tests.search.cli.test_cli import invoke


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    place = tmp_path_factory.mktemp("watched")
    options = ("--executor", "serial", "--trainings", "2", "--events", place / "events.jsonl")
    return place / "run", invoke("launch", "--preset", "smoke", "--run", place / "run", *options)


def test_events_tell_a_campaign_from_its_first_training_to_its_end(watched):
    run, (code, _, error) = watched
    assert code == 0, error
    frames = [Frame.model_validate_json(line) for line in (run.parent / "events.jsonl").read_text().splitlines()]
    phases = [frame.phase for frame in frames]
    assert list(dict.fromkeys(phases)) == ["search", "confirm", "done"]
    assert frames[-1].trained == frames[-1].budget == 2
    confirm = [frame for frame in frames if frame.phase == "confirm"]
    assert confirm[-1].confirmed == confirm[-1].confirming > 0
    assert frames[-1].confirmed == frames[-1].confirming == confirm[-1].confirming
    assert any(worker.steps for frame in frames for worker in frame.workers)


def test_watch_shows_what_the_campaign_did_last(watched):
    code, out, err = invoke("watch", watched[0], "--once")
    assert code == 0
    assert "2/2 trained" in err + out
    code, out, err = invoke("watch", watched[0])
    assert code == 0
    assert "it has ended" in out


def test_watch_refuses_what_is_no_run_or_has_told_nothing(watched, tmp_path):
    assert invoke("watch", tmp_path)[0] == 2
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.sqlite").write_bytes((watched[0] / "run.sqlite").read_bytes())
    code, _, err = invoke("watch", tmp_path / "run")
    assert code == 2
    assert "has told nothing of itself yet" in err


def test_a_run_that_nobody_runs_is_stopped_and_who_asks_never_keeps_a_writer_out(watched):
    run, _ = watched
    with folders.writing(run) as store:
        store.set_meta("state", "searching")
        assert state_of(run, store) == "searching"
        assert owner_of(run).startswith("pid ")
    code, out, _ = invoke("show", run)
    assert code == 0
    assert f"it stopped before its end; go on with: actsearch resume {run}\n" in out
    rows = json.loads(invoke("list", run.parent, "--format", "json")[1])
    assert [row["state"] for row in rows] == ["stopped"]
    with folders.writing(run) as store:
        store.set_meta("state", "finished")


def test_events_that_cannot_be_written_are_refused_before_anything_starts(tmp_path):
    code, _, err = invoke(
        "launch", "--preset", "smoke", "--run", tmp_path / "run", "--events", tmp_path / "no" / "file"
    )
    assert code == 2
    assert "cannot write events" in err
    assert not (tmp_path / "run").exists()
