"""A run as it is at one moment: rows are read once, however many ask for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from sys import intern
from types import MappingProxyType

from evaluators import Evaluation
from evaluators.training.status import CandidateStatus
from runs.axes import axes
from runs.candidate import Candidate
from runs.columns import Ended
from runs.store import Purpose, Store

_NONE: Mapping[str, float] = MappingProxyType({})


class Snapshot:
    """The rows of a run, read in one moment when it is made, while its writer goes on.

    What a large run has hundreds of megabytes of and no reader of a whole run needs is left out: curves of the search,
    marks, and of a genotype all but that there is one.
    """

    def __init__(self, store: Store) -> None:
        """Read.

        Args:
            store: stays open for as long as the snapshot is asked for values of the run's own dictionary.

        Raises:
            ActsearchError: a row is not ours, or is of a candidate that the file lacks.
        """
        self._store = store
        with store.moment():
            self._ended = store.ended([axis.name for axis in axes(store)])  # first: on the way it takes the most
            self._evaluations: dict[Purpose, Sequence[Evaluation]] = {
                "search": [*map(_sharing, store.evaluations("search", lean=True))],
                "confirm": store.evaluations("confirm"),
            }
            self._candidates = store.candidates(lean=True)
            self._counted, self._unstacked = store.counted(), store.unstacked()

    @property
    def path(self) -> Path:
        """The run file."""
        return self._store.path

    def meta(self, key: str, default: str = "") -> str:
        """Return a value of the run's own dictionary, as it is now."""
        return self._store.meta(key, default)

    def counts(self, key: str) -> dict[str, int]:
        """Return numbers by name of the run's own dictionary, see :meth:`Store.counts`."""
        return self._store.counts(key)

    def candidates(self, of: Collection[int] | None = None) -> Sequence[Candidate]:
        """Return every candidate, or those of some ids, in the order of ids."""
        return self._candidates if of is None else [each for each in self._candidates if each.id in of]

    def evaluations(
        self,
        purpose: Purpose,
        of: Collection[int] | None = None,
        *,
        lean: bool = False,  # noqa: ARG002 - those of the search always are
    ) -> Sequence[Evaluation]:
        """Return the evaluations of one purpose, or of some candidates, in the order in which they were finished."""
        found = self._evaluations[purpose]
        return found if of is None else [each for each in found if each.candidate in of]

    def counted(self) -> Sequence[tuple[CandidateStatus, str, str, int]]:
        """Return how many candidates have each status, reason and origin, see :meth:`Store.counted`."""
        return self._counted

    def unstacked(self) -> Sequence[tuple[str, int, str, int, str]]:
        """Return what was trained by itself, and why, see :meth:`Store.unstacked`."""
        return self._unstacked

    def ended(self, wanted: Collection[str] = ()) -> Ended:  # noqa: ARG002 - it has those of the run's objectives
        """Return what was trained to the end, in columns, with what the search measured of the objectives."""
        return self._ended


def _sharing(evaluation: Evaluation) -> Evaluation:
    """Let what is alike in most evaluations be one object: that is a fifth of what they take."""
    shared: dict[str, object] = {"task": intern(evaluation.task), "status": intern(evaluation.status)}
    shared |= {name: getattr(evaluation, name) or _NONE for name in ("metrics", "test_metrics")}
    for name, value in shared.items():
        object.__setattr__(evaluation, name, value)
    return evaluation
