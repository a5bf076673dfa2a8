"""The reading commands on runs that have nothing to show yet."""

from __future__ import annotations

import json

import pytest

from evaluators import Evaluation
from runs import Candidate, finalists, folder, pareto, scored
from runs.store import Store
from tests.runs.helpers import CONFIG, opened
from tests.search.cli.test_cli import invoke

FACTS = {"prior": 0.7, "correction": 1.6, "cost": 2.0, "complexity": 2, "gain": 1.4}
CRASHED = Candidate(3, "cos(x)", "random", ask=2, status="crashed", reason="ZeroDivisionError: pretend")


def candidates(status, reason):
    """A baseline and a proposal of one status, and a formula that crashed before its training."""
    found = [
        Candidate(1, "relu(x)", "baseline", name="relu", facts=FACTS),
        Candidate(2, "sin(x)", "random", ask=1, facts=FACTS),
    ]
    return [*(c.stopped(status, reason) for c in found), CRASHED]


def evaluations(status):
    """What the training of the first two left, at the first of two rungs where it was stopped."""
    if status == "stopped":
        return [Evaluation(i, "digits-vit", 5, 0, "ok", error=0.5, loss=1.0) for i in (1, 2)]
    return [Evaluation(i, "digits-vit", 10, 0, status, "why") for i in (1, 2)]


def made(path, kind):
    folder.create(path, CONFIG, {"config": CONFIG, "seed": "0", "state": "searching"})
    with opened(path) as store:
        if kind != "new":
            store.add_candidates(candidates(kind, "" if kind == "pending" else "why"))
        if kind not in ("new", "pending"):
            store.record("search", evaluations(kind))
    return path


KINDS = {"new": 0, "pending": 0, "diverged": 1, "stopped": 1}
"""Kinds of a run without a front, and how many proposals were trained in it."""


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def run(tmp_path, kind):
    return made(tmp_path / "run", kind)


def test_list_counts_what_was_trained_and_not_what_crashed_before(run, kind):
    code, out, _ = invoke("list", run.parent, "--format", "json")
    (row,) = json.loads(out)
    assert code == 0
    assert (row["state"], row["task"], row["trained"], row["best"]) == ("stopped", "digits-vit", KINDS[kind], "")
    assert row["best_score"] is None
    for format_ in ("table", "csv"):
        code, out, _ = invoke("list", run.parent, "--format", format_)
        assert (code, "stopped" in out) == (0, True)


def test_a_run_without_results_does_not_hide_the_best_of_another(run, kind):
    best = made(run.parent / "other", "new")
    with opened(best) as store:
        store.add_candidates(candidates("ok", ""))
        store.record("search", [Evaluation(2, "digits-vit", 10, 0, "ok", error=0.25, loss=1.0)])
    rows = {row["best"]: row["trained"] for row in json.loads(invoke("list", run.parent, "--format", "json")[1])}
    assert rows == {"": KINDS[kind], "sin(x)": 1}


@pytest.mark.parametrize("format_", ["table", "json", "csv"])
def test_show_tells_the_run_and_each_candidate(run, kind, format_):
    code, out, _ = invoke("show", run, "--format", format_)
    assert code == 0
    assert kind == "new" or kind in out
    for identifier in ("1", "2", "3", "relu"):
        code, out, error = invoke("show", run, identifier, "--format", format_)
        if kind == "new":
            assert (code, out) == (2, "")
            assert error == f"error: no candidate '{identifier}' in '{run}'; it has none yet"
        else:
            assert code == 0
            assert "None" not in out


def test_pareto_says_in_one_sentence_that_there_is_nothing_yet(run, kind):
    code, out, error = invoke("pareto", run)
    assert (code, error) == (0, "")
    assert out.startswith(f"'{run}' has no front: no candidate has been trained to the end yet (")
    assert out.count("\n") == 1
    assert kind == "new" or f"2 {kind}" in out
    code, out, error = invoke("pareto", run, "--format", "json")
    assert (code, out, error) == (0, "[]\n", "")
    code, out, _ = invoke("pareto", run, "--format", "csv")
    assert (code, out.split(",")[0], out.count("\n")) == (0, "id", 1)


@pytest.mark.parametrize("format_", ["table", "json", "csv"])
def test_a_picture_of_nothing_is_refused_in_one_sentence(run, tmp_path, format_):
    code, out, error = invoke("pareto", run, "--plot", tmp_path / "front.png", "--format", format_)
    assert (code, out) == (2, "")
    assert error.startswith(f"error: there is nothing to plot in '{run}': no candidate has been trained to the end yet")
    assert "\n" not in error
    assert not (tmp_path / "front.png").exists()


def test_export_writes_what_was_not_trained_to_the_end_and_says_so(run, kind):
    code, out, error = invoke("export", run, "2")
    if kind == "new":
        assert (code, error) == (2, f"error: no candidate '2' in '{run}'; it has none yet")
        return
    assert code == 0
    assert "Not confirmed yet" in out
    assert ("5 steps" in out) == (kind == "stopped")
    assert ("Not trained: diverged, why." in out) == (kind == "diverged")


def test_an_outranked_candidate_can_be_exported_and_a_rejected_one_cannot(tmp_path):
    run = made(tmp_path / "run", "new")
    with opened(run) as store:
        found = candidates("outranked", "another was preferred")[:2]
        store.add_candidates([found[0], found[1].stopped("rejected", "it is constant")])
    code, out, _ = invoke("export", run, "1")
    assert (code, "Not trained: outranked, another was preferred." in out) == (0, True)
    assert invoke("export", run, "2")[0] == 2


def test_a_frame_without_rows_has_the_kinds_of_one_with_rows(tmp_path):
    full = made(tmp_path / "full", "new")
    with opened(full) as store:
        store.add_candidates(candidates("ok", ""))
        store.record("search", [Evaluation(2, "digits-vit", 10, 0, "ok", error=0.25, loss=1.0)])
    frames = []
    for run in (made(tmp_path / "empty", "new"), full):
        store = Store(run / folder.DATABASE)
        frames.append((scored(store), pareto(store), finalists(store, 3)))
        store.close()
    assert (len(frames[0][0]), len(frames[1][0])) == (0, 1)
    for empty, one in zip(frames[0][:2], frames[1][:2], strict=True):
        assert empty.dtypes.to_dict() == one.dtypes.to_dict()
    assert (frames[0][2], frames[1][2]) == ([], [2])


@pytest.mark.parametrize(
    ("candidate", "trained"),
    [
        (Candidate(1, "x", "random", ask=1, status="ok", facts=FACTS), True),
        (Candidate(1, "x", "random", ask=1, status="stopped", facts=FACTS), True),
        (Candidate(1, "x", "random", ask=1, status="diverged", facts=FACTS), True),
        (Candidate(1, "x", "random", ask=1, status="crashed", facts=FACTS), True),
        (Candidate(1, "x", "random", ask=1, status="pending", facts=FACTS), False),
        (Candidate(1, "x", "random", ask=1, status="outranked", facts=FACTS), False),
        (Candidate(1, "x", "random", ask=1, status="rejected", facts=FACTS), False),
        (Candidate(1, "x", "random", ask=1, status="cached", facts=FACTS), False),
        (Candidate(1, "x", "baseline", name="x", status="ok", facts=FACTS), False),
        (CRASHED, False),
    ],
)
def test_a_proposal_was_trained_when_its_training_is_over_whatever_came_out(candidate, trained):
    assert candidate.was_trained is trained
