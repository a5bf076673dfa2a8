"""Frames: what a person and another program see of a campaign."""

from __future__ import annotations

import dataclasses
import json

import pytest

from evaluators import Cohort, Job
from evaluators.judging.objectives import chosen_objectives
from evaluators.training.executors.executor import Hearing
from evaluators.training.pulse import Pulse
from search.campaign.estimate import ConfirmEstimate, Outlook, Pace
from search.campaign.progress import Best, Confirming, Progress
from search.live import view as views
from search.live.events import LIVE, Events, LiveFile, last_frame
from search.live.frame import Frame, Framer, workers_of
from search.live.view import LineView, panel
from search.live.wording import duration, sparkline, worker_line

COHORT = Cohort((Job(7, "relu(x)", 1.4, "digits-vit", 400, (0, 1)), Job(8, "tanh(x)", 1.0, "digits-vit", 400, (0, 1))))
PULSE = Pulse("digits-vit", 120, 400, 200, 4, 6, 700, 350.0, 0.25, 7)


def progress(**more):
    best = [
        Best(3, "x**2", (0.2, 5.0), False),
        Best(1, "relu", (0.3, 2.0), True),
        Best(4, "x*[red]sin(x)", (0.35, 1.0), False),
    ]
    given = {"trained": 20, "best": best, "curve": [(1, 0.5), (7, 0.2)], "wall_seconds": 30.0, **more}
    return Progress(40, chosen_objectives(("error", "cost"), "error"), **given)


def test_every_worker_is_shown_with_what_it_does():
    hearings = [
        Hearing("10", COHORT, PULSE, 20.0, 2400.0),
        Hearing("2", COHORT, None, 1.0, 2400.0),
        Hearing("1", COHORT, PULSE, 0.4, 2400.0),
        Hearing("3", COHORT, None, 99.0, 2400.0),
    ]
    found = workers_of(hearings)
    assert [(w.worker, w.state) for w in found] == [
        ("1", "training"),
        ("2", "preparing"),
        ("3", "silent"),
        ("10", "silent"),
    ]
    assert worker_line(found[0]) == (
        "worker 1: digits-vit, step 120 of 400, next look at 200, 4 of 6 trainings, 350 steps a second, best 0.25 (#7)"
    )
    assert "no step for 20 s at step 120 of 400; given up after 40 min in all" in worker_line(found[3])
    assert "no step for 1 min 39 s before the first of 400" in worker_line(found[2])


def test_a_function_worse_than_all_baselines_is_not_on_the_front():
    frame = Framer().search(progress())
    assert [(line.id, line.front) for line in frame.best] == [(3, True), (1, True), (4, False)]
    assert frame.on_front == 2


def test_a_frame_comes_back_from_json_as_it_was(tmp_path):
    frame = Framer().search(progress(hearings=[Hearing("1", COHORT, PULSE, 0.4, 2400.0)]), ["a note"])
    assert Frame.model_validate_json(frame.model_dump_json()) == frame
    LiveFile(tmp_path).show(frame)
    assert last_frame(tmp_path) == frame
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIVE]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"phase": "search", "trained": -1}', '{"phase": "search", "more": 1}', '{"phase": "x"}', "\x00"],
)
def test_what_stands_in_a_run_folder_and_is_no_frame_is_passed_over(tmp_path, text):
    assert last_frame(tmp_path) is None
    (tmp_path / LIVE).write_text(text)
    assert last_frame(tmp_path) is None


def test_events_are_json_lines_one_a_second_and_the_first_and_last_of_a_phase(tmp_path):
    framer, events = Framer(), Events(str(tmp_path / "events.jsonl"))
    for _ in range(5):
        events.show(framer.search(progress()))
    events.show(framer.confirm(Confirming(2, 10, 1, 40, 100, (), 3.0, 5.0)))
    events.show(framer.confirm(Confirming(10, 10, 1, 100, 100, (), 3.1, 0.0)))
    events.show(framer.end("done"))
    events.stop()
    rows = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [row["phase"] for row in rows] == ["search", "search", "confirm", "confirm", "done"]
    assert [row["confirmed"] for row in rows[2:4]] == [2, 10]
    assert (rows[2]["confirming"], rows[2]["seconds_left"]) == (10, 5.0)
    assert all(row["trained"] == 20 for row in rows)


def test_a_line_of_a_confirmation_says_at_which_steps_its_workers_are(capsys):
    pulses = {"1": dataclasses.replace(PULSE, step=30), "2": dataclasses.replace(PULSE, step=40)}
    hearings = [Hearing(name, COHORT, pulse, 0.4, 2400.0) for name, pulse in pulses.items()]
    LineView().show(Framer().confirm(Confirming(0, 110, 0, 0, 100, hearings, 3.0, None)))
    assert f"; workers at step 30 of {PULSE.steps} and 40 of {PULSE.steps}" in capsys.readouterr().err


def test_without_a_terminal_a_line_comes_though_nothing_is_heard(monkeypatch, capsys):
    monkeypatch.setattr(views, "_QUIET_SECONDS", 0.0)
    view = LineView()
    view.start()
    view.show(Framer().search(progress()))
    view._over.wait(2.3)
    view.stop()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2
    assert all("20/40 trained" in line and "best 0.2000: x**2" in line for line in lines[-2:])


def test_a_formula_is_shown_as_it_is_brackets_and_all():
    from rich.console import Console

    out = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    out.print(panel(Framer().search(progress())))
    text = out.export_text()
    assert "x*[red]sin(x)" in text
    assert "best over trainings  0.5000" in text


def test_bars_fall_as_the_best_error_does():
    bars = sparkline([(1, 1.0), (5, 0.5), (10, 0.0)], 10, width=10)
    assert bars == "████▅▅▅▅▅▁"
    assert sparkline([], 5) == sparkline([(1, 0.5)], 0) == ""
    assert len(sparkline([(3, 0.5)], 1000, width=60)) == 60


def test_durations_are_as_people_say_them():
    assert [duration(s) for s in (0.4, 59, 200, 3000, 7500)] == ["0 s", "59 s", "3 min 20 s", "50 min", "2 h 5 min"]


def test_at_a_steady_pace_the_time_left_is_right_whatever_came_before_the_first_step():
    outlook = Outlook(whole=800, share=0.5, confirmation={"t": 1000}, task="t")
    for second in range(8):
        outlook.heard(second, 0)  # workers start
    for second in range(8, 20):
        outlook.heard(second, 100 * (second - 7))
    left = outlook.search(candidates=10, trained=16, steps=16 * 400, running=200)
    assert left == 10 * 400 - 200
    assert outlook.seconds_left(left, workers=2, limit=None) == pytest.approx((left + 1000) / 100)
    assert outlook.seconds_left(left, workers=2, limit=5.0) == pytest.approx(5 + 10)
    assert Outlook(800, 0.5, {}, "t").seconds_left(100, 1, None) is None


def test_a_confirmation_takes_each_task_at_its_own_pace_and_says_nothing_where_that_is_unknown():
    from collections import Counter

    left = Counter({"small": 1000, "large": 200})
    assert ConfirmEstimate(left, {"small": 1.0, "large": 10.0}, {"small": 0.02}).seconds(2) == pytest.approx(
        (1000 * 0.02 + 200 * 0.2) / 2
    )
    assert ConfirmEstimate(left, {"small": 1.0}, {"small": 0.02}).seconds(2) is None
    assert ConfirmEstimate(left, {}, {"small": 0.02, "large": 0.1}).seconds(1) == pytest.approx(40)


def test_a_pace_forgets_what_was_before_the_first_step():
    pace = Pace()
    assert pace.seconds(1) is None
    for second, steps in ((0, 0), (50, 0), (51, 10), (53, 30)):
        pace.heard(second, steps)
    assert pace.seconds(10) == pytest.approx(1.0)
