"""Who waits for a training, by task, and who waits for nothing but the baselines' scores."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from runs import Candidate


class Waiting(NamedTuple):
    """Candidates that are trained together.

    Attributes:
        stage: number of the task.
        candidates: one at least.
    """

    stage: int
    candidates: tuple[Candidate, ...]


class Queues:
    """Candidates by the task that comes next for them.

    Attributes:
        held: identifiers of those that are through with their trainings, in the order in which they came.
    """

    def __init__(self, stages: int) -> None:
        self._waiting: tuple[deque[Candidate], ...] = tuple(deque() for _ in range(stages))
        self.held: dict[int, None] = {}

    def add(self, candidate: Candidate, stage: int | None) -> None:
        """Let a candidate wait for a task, or for scores where none is left."""
        if stage is None:
            self.held[candidate.id] = None
        else:
            self._waiting[stage].append(candidate)

    def first(self, size: int) -> list[Candidate]:
        """Return candidates for the first task, so many at most, who wait no longer."""
        return self._taken(0, size)

    def whole(self, sizes: Sequence[int]) -> Waiting | None:
        """Return a whole cohort for a later task, the last first, or ``None``."""
        return self._later(sizes, sizes)

    def rest(self, sizes: Sequence[int]) -> Waiting | None:
        """Return what waits for the last task for which somebody waits, a cohort at most, or ``None``."""
        return self._later(sizes, [1] * len(sizes))

    def _later(self, sizes: Sequence[int], least: Sequence[int]) -> Waiting | None:
        for stage in reversed(range(1, len(self._waiting))):
            if len(self._waiting[stage]) >= least[stage]:
                return Waiting(stage, tuple(self._taken(stage, sizes[stage])))
        return None

    def _taken(self, stage: int, size: int) -> list[Candidate]:
        return [self._waiting[stage].popleft() for _ in range(min(size, len(self._waiting[stage])))]
