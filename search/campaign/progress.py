"""What an observer of a campaign sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evaluators.judging.objectives import Objective, Point
from evaluators.training.status import CandidateStatus
from runs.correlation import Correlation


@dataclass(frozen=True)
class Best:
    """A line of the progress display: a candidate with its objectives."""

    id: int
    label: str
    point: Point
    baseline: bool


@dataclass
class Progress:
    """What an observer sees after every event.

    Attributes:
        budget: of trainings.
        objectives: of the campaign.
        counts: candidates by status.
        trained: candidates (not baselines) whose training is over, whatever its outcome.
        best: successfully trained candidates and baselines, the best by the first objective first.
        correlations: of each of the theory's features with the first objective so far; see :class:`PriorWeight`.
        steps_spent: optimiser steps of all trainings that did not fail, earlier processes included.
        steps_saved: what stopping losers early saved of them.
        training_seconds: summed over workers, in this process.
        driver_seconds: spent proposing, judging, storing and telling.
        wall_seconds: since this process started the campaign.
        workers: cohorts that run at once, now.
        proposed: children looked at, whatever became of them.
        passed_over: how many of those came to nothing, by reason.
        exhausted: whether the search ended since nothing new was found.
        prior_chooses: whether the theory's features choose among children, for the strategy has no model of its own.
        strategy_lines: what the strategy says of itself, see :meth:`search.strategies.strategy.Strategy.lines`.
    """

    budget: int
    objectives: tuple[Objective, ...]
    workers: int = 1
    counts: dict[CandidateStatus, int] = field(default_factory=dict)
    trained: int = 0
    best: list[Best] = field(default_factory=list)
    correlations: Mapping[str, Correlation] = field(default_factory=dict)
    steps_spent: int = 0
    steps_saved: int = 0
    training_seconds: float = 0.0
    driver_seconds: float = 0.0
    wall_seconds: float = 0.0
    proposed: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)
    exhausted: bool = False
    prior_chooses: bool = True
    strategy_lines: Sequence[str] = ()


Observer = Callable[[Progress], None]
