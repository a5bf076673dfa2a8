from __future__ import annotations

import pytest

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
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, Stops(members=5))
    resumed, again, other = run(tmp_path / "parts", settings, Imagined(members=5))
    assert (resumed, again) == (whole, front)
    assert other.passed_over == progress.passed_over
