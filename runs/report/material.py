"""What the sections of a report are made of, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from evaluators import Evaluation
from evaluators.training.status import TRAINED
from runs.axes import Axis, axes
from runs.candidate import Candidate
from runs.folder import state_of
from runs.front import finalists, scored
from runs.readable import Readable
from runs.scores import FORMER, scores_of
from runs.statistics import comparisons, confirmed

_UNCONFIRMED = 3
"""Finalists of a run that has confirmed none yet."""
REFERENCES = ("relu", "gelu", "silu")


@dataclass(frozen=True)
class Trained:
    """A candidate whose training in the search gave numbers.

    Attributes:
        candidate: who.
        first: its successful evaluations on the first task, of every rung and the end, in their order.
        reached: optimiser steps that it came to, of all tasks together.
    """

    candidate: Candidate
    first: tuple[Evaluation, ...]
    reached: int

    def at(self, steps: int) -> list[Evaluation]:
        """Return its evaluations on the first task after so many steps."""
        return [evaluation for evaluation in self.first if evaluation.steps == steps]

    @property
    def lowest(self) -> list[Evaluation]:
        """Its evaluations at the lowest rung, which all have."""
        return self.at(min(evaluation.steps for evaluation in self.first))


@dataclass(frozen=True, eq=False)
class Material:
    """A run, and what is known of it.

    Attributes:
        folder: of the run.
        run: its rows; a :class:`runs.snapshot.Snapshot`, for many ask for them.
    """

    folder: Path
    run: Readable

    @cached_property
    def state(self) -> str:
        """See :func:`runs.folder.state_of`: the lock tells whether anybody runs the campaign."""
        return state_of(self.folder, self.run)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """What the search traded off."""
        return axes(self.run)

    @cached_property
    def scores(self) -> Mapping[str, str]:
        """The score by task."""
        return scores_of(self.run)

    def score(self, task: str) -> str:
        """Return the score that a task goes by."""
        return self.scores.get(task, FORMER)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """See :func:`runs.front.scored`."""
        return scored(self.run)

    @cached_property
    def confirmed(self) -> pd.DataFrame:
        """See :func:`runs.statistics.confirmed`."""
        return confirmed(self.run)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """See :func:`runs.statistics.comparisons`."""
        return comparisons(self.run)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The same in the order of the finalists."""
        places = {identifier: place for place, identifier in enumerate(self.finalists)}
        return self.comparisons.sort_values("id", key=lambda ids: ids.map(places), kind="stable")

    @cached_property
    def candidates(self) -> dict[int, Candidate]:
        """All by id."""
        return {candidate.id: candidate for candidate in self.run.candidates()}

    @cached_property
    def finalists(self) -> list[int]:
        """Ids of who was confirmed, the best first by validation on the first task; else of the best of the search."""
        found = self.confirmed[self.confirmed["name"].isna()]
        if found.empty:
            return finalists(self.run, _UNCONFIRMED)
        first = found[found["task"] == self.task] if (found["task"] == self.task).any() else found
        return [int(i) for i in dict.fromkeys([*first.sort_values(["validation_score", "id"])["id"], *found["id"]])]

    @cached_property
    def baselines(self) -> list[Candidate]:
        """Baselines in the order of ids."""
        return [candidate for candidate in self.candidates.values() if candidate.name is not None]

    @cached_property
    def references(self) -> list[Candidate]:
        """Those of ReLU, GELU and SiLU that are baselines of the run."""
        return [candidate for candidate in self.baselines if candidate.name in REFERENCES]

    @cached_property
    def trained(self) -> list[Trained]:
        """Who was trained in the search, to a rung or to the end, in the order of finishing."""
        found: dict[int, list[Evaluation]] = defaultdict(list)
        for evaluation in self.run.evaluations("search"):
            there = found.pop(evaluation.candidate, [])
            found[evaluation.candidate] = there  # who has the latest evaluation comes last
            if evaluation.error is not None:
                there.append(evaluation)
        sound = [(self.candidates[i], there) for i, there in found.items() if there]
        return [_trained(candidate, there) for candidate, there in sound if candidate.status in TRAINED]

    @cached_property
    def task(self) -> str:
        """The first task of the search, empty before anything was trained."""
        return next((evaluation.task for evaluation in self.run.evaluations("search")), "")

    @cached_property
    def first(self) -> Mapping[int, float]:
        """The first objective of who was trained to the end, by id."""
        values = zip(self.frame["id"], self.frame[self.axes[0].name], strict=True)
        return {int(identifier): float(value) for identifier, value in values}

    @cached_property
    def search_seeds(self) -> list[int]:
        """Seeds of the search."""
        return sorted({evaluation.seed for evaluation in self.run.evaluations("search")})

    @cached_property
    def confirmations(self) -> Mapping[int, Sequence[Evaluation]]:
        """Evaluations of confirmation by candidate."""
        found: dict[int, list[Evaluation]] = defaultdict(list)
        for evaluation in self.run.evaluations("confirm"):
            found[evaluation.candidate].append(evaluation)
        return found

    def label(self, identifier: int) -> str:
        """Return what a candidate is called: a baseline's name, or its number."""
        return self.candidates[identifier].name or f"#{identifier}"


def _trained(candidate: Candidate, evaluations: Sequence[Evaluation]) -> Trained:
    steps: dict[str, int] = {}
    for evaluation in evaluations:
        steps[evaluation.task] = max(steps.get(evaluation.task, 0), evaluation.steps)
    task = evaluations[0].task
    return Trained(candidate, tuple(e for e in evaluations if e.task == task), sum(steps.values()))
