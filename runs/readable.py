"""What can be asked about a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from evaluators import Evaluation
from evaluators.training.status import CandidateStatus
from runs.candidate import Candidate
from runs.columns import Ended
from runs.store import Purpose


class Readable(Protocol):
    """Of a :class:`runs.store.Store`, which reads its file each time, or of a :class:`runs.snapshot.Snapshot`."""

    @property
    def path(self) -> Path:
        """The run file."""
        ...

    def meta(self, key: str, default: str = "") -> str:
        """Return a value of the run's own dictionary."""
        ...

    def counts(self, key: str) -> dict[str, int]:
        """Return numbers by name of the run's own dictionary."""
        ...

    def candidates(self, of: Collection[int] | None = None) -> Sequence[Candidate]:
        """Return every candidate, or those of some ids, in the order of ids."""
        ...

    def evaluations(
        self, purpose: Purpose, of: Collection[int] | None = None, *, lean: bool = False
    ) -> Sequence[Evaluation]:
        """Return the evaluations of one purpose, or of some candidates, in the order in which they were finished."""
        ...

    def counted(self) -> Sequence[tuple[CandidateStatus, str, str, int]]:
        """Return how many candidates have each status, reason and origin."""
        ...

    def unstacked(self) -> Sequence[tuple[str, int, str, int, str]]:
        """Return what was trained by itself, and why."""
        ...

    def ended(self, wanted: Collection[str] = ()) -> Ended:
        """Return what was trained to the end, in columns."""
        ...
