"""What an observer of a campaign sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evaluators.judging.objectives import Objective, Point
from evaluators.training.executors.executor import Hearing
from evaluators.training.status import CandidateStatus
from search.campaign.prior_weight import Correlation


@dataclass(frozen=True)
class Best:
    """A line of the progress display: a candidate with its objectives."""

    id: int
    label: str
    point: Point
    baseline: bool


@dataclass(frozen=True)
class Confirming:
    """How far confirmation is.

    Attributes:
        done, total: trainings, one a candidate, task and seed.
        failed: how many of those done gave no numbers.
        steps: optimiser steps done, those of trainings that run included.
        whole: optimiser steps of all trainings.
        hearings: what workers say.
        seconds: since it began.
        seconds_left: an estimate; ``None`` before there is any.
    """

    done: int
    total: int
    failed: int = 0
    steps: int = 0
    whole: int = 0
    hearings: Sequence[Hearing] = ()
    seconds: float = 0.0
    seconds_left: float | None = None


ConfirmObserver = Callable[[Confirming], None]


@dataclass
class Progress:
    """What an observer sees about once a second, and after every event.

    Attributes:
        budget: of trainings.
        objectives: of the campaign.
        counts: candidates by status.
        trained: candidates (not baselines) whose training is over, whatever its outcome.
        best: successfully trained candidates and baselines, the best by the first objective first.
        curve: the lowest first objective of candidates so far, as (trained, value) whenever it fell.
        correlations: of each of the theory's features with the first objective so far; see :class:`PriorWeight`.
        steps_spent: optimiser steps of all trainings that did not fail, earlier processes included.
        steps_saved: what stopping losers early saved of them.
        training_seconds: summed over workers, in this process.
        driver_seconds: spent proposing, judging, storing and telling.
        wall_seconds: since this process started the campaign.
        seconds_left: an estimate of what search and confirmation still take; ``None`` before there is any.
        workers: cohorts that run at once, now.
        hearings: what they say of the cohorts in training.
        proposed: children looked at, whatever became of them.
        passed_over: how many of those came to nothing, by reason.
        exhausted: whether the search ended since nothing new was found.
        ended_by_request: whether it ended since a stop criterion was met.
        prior_chooses: whether the theory's features choose among children, for the strategy has no model of its own.
        strategy_lines: what the strategy says of itself, see :meth:`search.strategies.strategy.Strategy.lines`.
    """

    budget: int
    objectives: tuple[Objective, ...]
    workers: int = 1
    counts: dict[CandidateStatus, int] = field(default_factory=dict)
    trained: int = 0
    best: list[Best] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)
    correlations: Mapping[str, Correlation] = field(default_factory=dict)
    steps_spent: int = 0
    steps_saved: int = 0
    training_seconds: float = 0.0
    driver_seconds: float = 0.0
    wall_seconds: float = 0.0
    seconds_left: float | None = None
    hearings: Sequence[Hearing] = ()
    proposed: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)
    exhausted: bool = False
    ended_by_request: bool = False
    prior_chooses: bool = True
    strategy_lines: Sequence[str] = ()


Observer = Callable[[Progress], None]
