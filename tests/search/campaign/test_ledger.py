"""What a campaign knows of its candidates."""

from __future__ import annotations

import dataclasses

from evaluators import Evaluation
from evaluators.judging.objectives import chosen_objectives
from runs import Candidate
from search.campaign.ledger import Ledger
from search.campaign.stages import Stage
from search.configuration.config import Fidelity


def test_a_candidate_fails_when_any_seed_fails():
    good = Evaluation(1, "t", 1, 0, "ok", error=0.1, loss=0.1)
    bad = Evaluation(1, "t", 1, 1, "diverged", "nan")
    for answers, steps, status, reason in (
        ((good, dataclasses.replace(good, seed=1)), 1, "ok", ""),
        ((good, dataclasses.replace(good, seed=1)), 4, "stopped", "not among the best after 1 steps"),
        ((good, bad), 1, "diverged", "seed 1: nan"),
    ):
        ledger = Ledger(
            Fidelity(steps=steps, seeds=2), chosen_objectives(["error"], "error"), [Stage("t", steps, "error")]
        )
        ledger.keep(Candidate(1, "x", "seed"))
        found = ledger.judged(1, answers)
        assert (found.status, found.reason) == (status, reason)
