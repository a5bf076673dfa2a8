"""Campaigns that are killed, extended, or run while the clock goes backwards."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from primitives import ActsearchError
from runs import folder, pareto
from search.campaign.extending import extend, extended, refresh_copy, spent
from search.configuration.config import Budget
from search.loading.run import stored_config
from tests.search.campaign.test_campaign import Halved, Imagined, config, run
from tests.search.cli.test_cli import invoke


class Slow(Halved):
    """Takes a moment for each cohort, so that a kill meets it anywhere."""

    def collect(self):
        time.sleep(0.01)
        return super().collect()


def killed(path, settings, after):
    """Let a process of its own go on with a campaign and kill it after some seconds; tell whether it was killed."""
    child = os.fork()
    if not child:
        try:
            run(path, settings, Slow(members=3))
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def stored(path):
    """Return what is stored of trainings, by what was trained."""
    if not (path / folder.DATABASE).exists():
        return {}
    with folder.reading(path) as store:
        return {(e.candidate, e.steps, e.seed): e.error for e in store.evaluations("search")}


def test_a_driver_killed_three_times_at_random_moments_loses_nothing_and_ends_as_if_it_never_had_been(tmp_path):
    settings = config(budget={"trainings": 30}, fidelity={"steps": 8, "rungs": [0.25, 0.5]})
    rows, front, _ = run(tmp_path / "whole", settings, Slow(members=3))
    generator, kills, parts, before = random.Random(19), 0, tmp_path / "parts", {}
    while kills < 3:
        kills += killed(parts, settings, 0.1 + 0.3 * generator.random())
        now = stored(parts)
        assert before.items() <= now.items(), "something finished is lost"
        before = now
        if now == stored(tmp_path / "whole"):
            break
    assert kills == 3, "it ended before it was killed three times"
    resumed, again, _ = run(parts, settings, Slow(members=3))
    assert (again, resumed) == (front, rows)


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path, monkeypatch):
    settings = config(budget={"trainings": 12, "minutes": 600})
    rows, front, _ = run(tmp_path / "whole", settings)
    now, generator = [2e9], random.Random(0)

    def backwards():
        now[0] -= 1000 * generator.random()
        return now[0]

    monkeypatch.setattr(time, "time", backwards)
    monkeypatch.setattr(time, "strftime", lambda *_: "1970-01-01T00:00:00+0000")

    class Stops(Imagined):
        def collect(self):
            if len(self.jobs) > 10:
                raise KeyboardInterrupt
            return super().collect()

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, Stops())
    resumed, again, progress = run(tmp_path / "parts", settings)
    assert (resumed, again) == (rows, front)
    assert progress.wall_seconds >= 0


# --- going on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["nsga2", "guided"])
def test_a_search_extended_at_a_whole_cohort_is_the_one_that_had_the_budget_from_the_start(tmp_path, strategy):
    def settings(trainings):
        return config(budget={"trainings": trainings}, strategy={"name": strategy}, execution={"cohort": 4})

    rows, front, _ = run(tmp_path / "whole", settings(16), Imagined(members=4))
    run(tmp_path / "parts", settings(8), Imagined(members=4))
    with folder.writing(tmp_path / "parts") as store:
        assert store.meta("state") == "searched"
        longer = extend(store, tmp_path / "parts", stored_config(store, tmp_path / "parts"), {"trainings": 16})
        assert (store.meta("state"), stored_config(store, tmp_path / "parts")) == ("searching", longer)
        assert (tmp_path / "parts" / folder.CONFIG).read_text() == store.meta("config")
    assert longer == settings(16)
    resumed, again, _ = run(tmp_path / "parts", longer, Imagined(members=4))
    assert (again, resumed) == (front, rows)


@pytest.mark.parametrize(
    ("limits", "asked", "message"),
    [
        (
            {},
            {"trainings": 12},
            "--trainings 12 is no extension: it is the new total, and the search has used 12 trainings",
        ),
        ({}, {"trainings": 3}, "is no extension"),
        ({}, {"minutes": 0.5}, "--minutes 0.5 is no extension: .* 1.0 minutes already"),
        (
            {},
            {"minutes": 5.0},
            "--minutes 5 has no effect by itself: the search ended at 12 trainings, .* with --trainings",
        ),
        (
            {"minutes": 1.0},
            {"trainings": 20},
            "--trainings 20 has no effect by itself: .* 1.0 minutes, .* with --minutes",
        ),
        ({"steps": 90}, {"trainings": 20}, "has no effect by itself: .* 90 optimiser steps, .* with --steps-budget"),
        ({"steps": 90}, {"trainings": 20, "steps": 80}, "--steps-budget 80 is no extension"),
    ],
)
def test_a_budget_that_is_no_extension_is_refused_in_one_sentence(limits, asked, message):
    settings = config().model_copy(update={"budget": Budget(**{"trainings": 12, **limits})})
    with pytest.raises(ActsearchError, match=message):
        extended(settings, {"trainings": 12, "steps": 90, "minutes": 1.0}, asked)
    enough = {"trainings": 13, "steps": 91, "minutes": 1.1}
    assert extended(settings, {"trainings": 12, "steps": 90, "minutes": 1.0}, enough).budget == Budget(**enough)


def test_what_is_spent_is_what_the_search_counts_and_a_refusal_changes_nothing(tmp_path):
    settings = config(fidelity={"steps": 8, "rungs": [0.25, 0.5]}, budget={"trainings": 12})
    _, _, progress = run(tmp_path / "run", settings, Halved(members=4))
    with folder.writing(tmp_path / "run") as store:
        used, before = spent(store, settings), store.meta("config")
        assert (used["trainings"], used["steps"]) == (12, progress.steps_spent)
        for asked in ({"trainings": 4}, {"minutes": float("nan"), "trainings": 40}):
            with pytest.raises(ActsearchError):
                extend(store, tmp_path / "run", settings, asked)
        assert (store.meta("config"), store.meta("state")) == (before, "searched")


def test_a_kill_between_the_run_file_and_its_copy_is_mended_when_the_run_goes_on(tmp_path, monkeypatch):
    settings = config()
    run(tmp_path / "run", settings)
    with folder.writing(tmp_path / "run") as store:
        with monkeypatch.context() as patched:
            patched.setattr("search.campaign.extending.put", lambda *_: None)
            extend(store, tmp_path / "run", settings, {"trainings": 40})
        assert (tmp_path / "run" / folder.CONFIG).read_text() != store.meta("config")
        refresh_copy(store, tmp_path / "run")
        assert (tmp_path / "run" / folder.CONFIG).read_text() == store.meta("config")


def test_a_copy_of_the_configuration_that_was_edited_is_told_with_its_keys_and_changes_nothing(tmp_path, capsys):
    run(tmp_path / "run", config())
    copy = tmp_path / "run" / folder.CONFIG
    with folder.writing(tmp_path / "run") as store:
        before = stored_config(store, tmp_path / "run")
        assert capsys.readouterr().err == ""
        copy.write_text(copy.read_text().replace("trainings = 12", "trainings = 999") + "\n[prior.x]\n")
        assert stored_config(store, tmp_path / "run") == before
        refresh_copy(store, tmp_path / "run")
    said = capsys.readouterr().err
    assert "was edited (budget.trainings), which changes nothing" in said
    assert "trainings = 999" in copy.read_text()


def test_salvage_and_extension_from_the_command_line(tmp_path):
    settings = config(budget={"trainings": 6})
    run(tmp_path / "run", settings)
    whole = invoke("pareto", tmp_path / "run", "--format", "csv")[1]
    content = (tmp_path / "run" / folder.DATABASE).read_bytes()
    (tmp_path / "run" / folder.DATABASE).write_bytes(content[:-4096])
    code, _, error = invoke("show", tmp_path / "run")
    assert (code, "is damaged" in error) == (2, True)
    code, out, _ = invoke("salvage", tmp_path / "run")
    assert (code, out.startswith(f"kept in {tmp_path / 'run-salvaged'}: ")) == (0, True)
    run(tmp_path / "run-salvaged", settings)
    assert invoke("pareto", tmp_path / "run-salvaged", "--format", "csv")[1] == whole
    code, _, error = invoke("resume", tmp_path / "run-salvaged", "--trainings", 6)
    assert (code, "is no extension" in error) == (2, True)
    with folder.reading(tmp_path / "run-salvaged") as store:
        assert not pareto(store).empty
