from __future__ import annotations

import pytest

from runs import folder
from tests.search.campaign.test_campaign import Imagined, config, run


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({"strategy": {"novelty": 1.0}, "budget": {"trainings": 14}}, 4),  # batches that come back short
        (
            {
                "strategy": {"name": "random"},
                "grammar": {"primitives": ["abs", "max"], "constants": [], "max_parameters": 0, "max_depth": 3},
            }
            | {"budget": {"trainings": 20}},
            2,  # nothing new is left
        ),
    ],
)
def test_short_batches_and_an_exhausted_grammar_resume_as_if_they_had_never_stopped(tmp_path, changes, after):
    class Stops(Imagined):
        collected = 0

        def collect(self):
            self.collected += 1
            if self.collected > after:
                raise KeyboardInterrupt
            return super().collect()

    settings = config(**changes)
    whole, front, progress = run(tmp_path / "whole", settings, Imagined(members=5))
    assert progress.exhausted == (progress.trained < progress.budget)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, Stops(members=5))
    resumed, again, other = run(tmp_path / "parts", settings, Imagined(members=5))
    assert (resumed, again) == (whole, front)
    assert other.passed_over == progress.passed_over


@pytest.mark.parametrize(("workers", "ahead"), [(7, 0), (8, 2)])
def test_many_workers_have_the_next_cohort_waiting_and_it_is_trained_once_however_a_campaign_ends(
    tmp_path, workers, ahead
):
    class Stops(Imagined):
        def collect(self):
            if len(self.cohorts) > 12:
                with folder.reading(tmp_path / "run") as store:
                    self.untold = {c.id for c in store.candidates() if c.status == "pending"}
                raise KeyboardInterrupt
            return super().collect()

    settings = config(budget={"trainings": 30}, strategy={"population": 64})
    stopped, then = Stops(workers, members=2), Imagined(workers, members=2)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", settings, stopped)
    submitted = {job.candidate for job in stopped.jobs}
    assert len(stopped.untold - submitted) == ahead
    rows, _, progress = run(tmp_path / "run", settings, then)
    assert progress.trained == 30
    trained = [job.candidate for cohort in stopped.cohorts[: 13 - workers] for job in cohort.jobs]
    assert sorted(trained + [job.candidate for job in then.jobs]) == sorted(
        c.id for c in rows if c.was_trained or c.name
    )


SMALL = {"primitives": ["abs", "max", "sin", "relu"], "constants": [], "max_parameters": 0, "max_complexity": 5}


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": {"name": "guided", "population": 8}, "fidelity": {"rungs": [0.25, 0.5]}},
        {"strategy": {"name": "aging", "population": 12, "sample": 4}},
        {"strategy": {"name": "exhaustive"}, "grammar": SMALL},
    ],
    ids=lambda changes: changes["strategy"]["name"],
)
def test_a_stopped_campaign_goes_on_as_if_it_had_not_whatever_its_strategy(tmp_path, changes):
    class Stops(Imagined):
        def collect(self):
            if len(self.cohorts) > 3:
                raise KeyboardInterrupt
            return super().collect()

    settings = config(**{"budget": {"trainings": 40}, **changes})
    whole, front, progress = run(tmp_path / "whole", settings, Imagined(members=4))
    assert progress.trained == 40 or progress.exhausted
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, Stops(members=4))
    resumed, again, _ = run(tmp_path / "parts", settings, Imagined(members=4))
    assert (resumed, again) == (whole, front)
