"""A campaign's configuration: frozen and checked values, every key explained."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from evaluators.judging.features.catalogue import kept
from evaluators.judging.objectives import DEFAULT_OBJECTIVES, OBJECTIVES, SCORE, SCORE_NAME, SEVERAL_TASKS_OBJECTIVES
from evaluators.training.executors.catalogue import RayOptions
from evaluators.training.executors.options import ExecutorOptions
from primitives.errors import unknown
from primitives.options import Options
from search.space.options import Grammar
from search.space.wishes import Wishes
from search.strategies.guided import GuidedOptions
from search.strategies.strategy import StrategyOptions


class Fidelity(Options):
    """How candidates are trained during the search."""

    steps: int | None = Field(
        None, ge=1, le=10_000_000, description="optimiser steps; those of the task's recipe when left out"
    )
    seeds: int = Field(2, ge=1, le=1000, description="trainings of each candidate, seeds 0, 1, …")
    rungs: tuple[float, ...] = Field(
        (0.25, 0.5), description="shares of the steps after which losers stop; [] for none"
    )
    further: tuple[int, ...] = Field(
        (),
        description="optimiser steps on each of tasks but the first; steps, or those of their recipes, when left out",
    )
    keep: float = Field(0.5, gt=0, lt=1, description="share that goes on at a rung, of all ever seen there")
    timeout: float = Field(600.0, gt=0, description="seconds a candidate adds to what its cohort may take")

    @field_validator("rungs")
    @classmethod
    def _rise(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted({*shares}) or any(not 0 < share < 1 for share in shares):
            raise ValueError("rungs are shares of the steps that rise between 0 and 1")
        return shares

    @property
    def rung_steps(self) -> tuple[int, ...]:
        """The steps after which losers stop; shares of few steps may fall together."""
        steps = {round(share * self.whole) for share in self.rungs}
        return tuple(sorted(step for step in steps if 0 < step < self.whole))

    @property
    def whole(self) -> int:
        """The steps of a whole training.

        Raises:
            ValueError: they are still those of a recipe that nobody has looked at.
        """
        if self.steps is None:
            raise ValueError("fidelity.steps is not settled: put the steps of the task's recipe there")
        return self.steps


class Budget(Options):
    """When the search ends: at the first limit that is reached."""

    trainings: int = Field(100, ge=1, description="candidates trained, baselines not counted")
    steps: int | None = Field(
        None,
        ge=1,
        description="optimiser steps of all trainings that do not fail, baselines included, summed over their seeds",
    )
    minutes: float | None = Field(None, gt=0, description="wall-clock limit, checked between trainings")


class Prior(Options):
    """How the entropy prior picks which proposals are trained."""

    pool: int = Field(
        16, ge=1, le=1000, description="children to choose from for each training; 1 switches the prior off"
    )
    initial_weight: float = Field(0.2, ge=-1, le=1, description="assumed rank correlation with error before evidence")
    evidence: int = Field(12, ge=4, description="trainings before the measured correlation takes over")


class Confirm(Options):
    """What happens after the search."""

    automatic: bool = Field(True, description="confirm and export when the search ends")
    top: int = Field(3, ge=1, le=100, description="finalists")
    seeds: int = Field(5, ge=2, le=1000, description="fresh seeds")
    tasks: tuple[str, ...] = Field((), description="tasks; empty means those of the search")
    steps: int | None = Field(None, ge=1, description="optimiser steps; each task's own recipe when left out")
    timeout: float = Field(3600.0, gt=0, description="seconds that two seeds of a finalist add to their limit")
    measure: bool = Field(True, description="measure the finalists' time and memory here, about 7 s each")


class CampaignConfig(Options):
    """One search, completely described."""

    name: str = Field("campaign", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="for the run folder")
    task: str = Field(
        "mnist1d-mlp", description="from 'actsearch tasks', or 'file.py:Class', or 'package.module:Class'"
    )
    tasks: tuple[str, ...] = Field(
        (),
        description="several tasks in the place of one: a candidate is trained on them in this order, and scores are "
        "relative to the baselines'",
    )
    extensions: tuple[str, ...] = Field(
        (), description="your own code to import first, 'file.py' or 'package.module', as for primitives; it is code"
    )
    data: str | None = Field(None, description="folder of data sets, for tasks that need one; else $ACTSEARCH_DATA")
    seed: int = Field(0, ge=0, lt=2**32, description="everything random follows from it")
    baselines: tuple[str, ...] = Field((), description="extra library names or formulas beside the eight built in")
    seeds: tuple[str, ...] = Field((), description="formulas or library names the search starts from")
    score: str | None = Field(
        None,
        pattern=SCORE_NAME,
        description="what the search goes by: error, loss, or a metric of the task; that of the task when left out",
    )
    objectives: tuple[str, ...] = Field(
        DEFAULT_OBJECTIVES, description="what the front trades off, all made small; the first decides what is best"
    )
    grammar: Grammar = Grammar()
    wishes: Wishes = Wishes()
    fidelity: Fidelity = Fidelity()
    budget: Budget = Budget()
    strategy: SerializeAsAny[StrategyOptions] = GuidedOptions()
    prior: Prior = Prior()
    confirm: Confirm = Confirm()
    execution: SerializeAsAny[ExecutorOptions] = RayOptions()

    @model_validator(mode="before")
    @classmethod
    def _several(cls, raw: Any) -> Any:
        """Let several tasks stand for the one, and be compared by what can be compared."""
        tasks = raw.get("tasks") if isinstance(raw, dict) else None
        if not (isinstance(tasks, (list, tuple)) and tasks):
            return raw
        return {"objectives": SEVERAL_TASKS_OBJECTIVES, **raw, "task": tasks[0]}

    @field_validator("tasks")
    @classmethod
    def _distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(names) == 1 or len(set(names)) != len(names):
            raise ValueError("it names two tasks at least, and each once; for one there is the key 'task'")
        return names

    @field_validator("objectives")
    @classmethod
    def _objectives(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name == SCORE:
                continue
            if name not in OBJECTIVES:
                raise ValueError(unknown("objective", name, (SCORE, *OBJECTIVES)))
            if not OBJECTIVES.is_ours(name) and name in kept():
                raise ValueError(f"objective '{name}' is called like a feature, and both are kept by name; rename one")
        if not names or len(set(names)) != len(names):
            raise ValueError("it names one objective at least, and each once")
        return names

    @property
    def goes_by(self) -> str:
        """The score that the search goes by.

        Raises:
            ValueError: it is still that of a task that nobody has looked at.
        """
        if self.score is None:
            raise ValueError("score is not settled: put the score of the task there")
        return self.score

    @property
    def drawn(self) -> Grammar:
        """The grammar that trees are drawn from: without the primitives that are forbidden."""
        forbidden = self.wishes.forbidden
        if not forbidden:
            return self.grammar
        left = tuple(name for name in self.grammar.primitives if name not in forbidden)
        return self.grammar.model_copy(update={"primitives": left})

    @property
    def confirm_tasks(self) -> tuple[str, ...]:
        """The tasks that confirmation trains on."""
        return self.confirm.tasks or self.searched

    @property
    def searched(self) -> tuple[str, ...]:
        """The tasks that the search trains on, in their order."""
        return self.tasks or (self.task,)
