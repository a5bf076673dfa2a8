"""How far a candidate or one of its trainings came: every status, and the groups that somebody asks for."""

from __future__ import annotations

from typing import Literal

Status = Literal["ok", "rejected", "diverged", "timeout", "oom", "crashed", "cached"]
"""Of one training."""

CandidateStatus = Literal[
    "pending", "ok", "stopped", "rejected", "outranked", "diverged", "timeout", "oom", "crashed", "cached"
]
"""Of a candidate: ``pending`` until it is trained, ``stopped`` by halving, ``rejected`` by the screen, ``outranked``
by another proposal for the same training slot, ``cached`` where the same function is there already."""

LARGEST_SCORE = 1e100
"""No score is larger, so that their squares and sums are numbers; a training beyond it has diverged."""

TRAINED: tuple[CandidateStatus, ...] = ("ok", "stopped")
"""Trained, to the end or to a rung: there are numbers."""

FAILURES: tuple[CandidateStatus, ...] = ("diverged", "timeout", "oom", "crashed")
"""Its training gave no numbers."""

TRANSIENT: tuple[Status, ...] = ("crashed", "timeout", "oom")
"""Failures that another attempt may mend; divergence is an answer."""

PASSED_OVER: tuple[CandidateStatus, ...] = ("rejected", "outranked", "cached")
"""Never trained."""

FORGOTTEN: tuple[CandidateStatus, ...] = ("cached", "outranked")
"""Not counted as seen: one is another candidate's function, the other may come again."""
