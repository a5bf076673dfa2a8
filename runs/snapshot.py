"""A run as it is at one moment: rows are read once, however many ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from sys import intern
from types import MappingProxyType
from typing import Protocol

from evaluators import Evaluation
from primitives.errors import ActsearchError
from runs.candidate import Candidate
from runs.store import Purpose, Store

_NONE: Mapping[str, float] = MappingProxyType({})


class Readable(Protocol):
    """What can be asked about a run: of a :class:`Store`, which reads its file each time, or of a :class:`Snapshot`."""

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

    def candidates(self) -> Sequence[Candidate]:
        """Return every candidate in the order of ids."""
        ...

    def evaluations(self, purpose: Purpose) -> Sequence[Evaluation]:
        """Return the evaluations of one purpose in the order in which they were finished."""
        ...


class Snapshot:
    """The rows of a run, read when it is made, while its writer goes on.

    What a large run has hundreds of megabytes of and no reader of a whole run needs is left out: curves of the search,
    marks, and of a genotype all but that there is one. Evaluations are read before candidates, which are written
    first, so that each has its candidate.
    """

    def __init__(self, store: Store) -> None:
        """Read.

        Args:
            store: stays open for as long as the snapshot is asked for values of the run's own dictionary.

        Raises:
            ActsearchError: a row is not ours, or the file has results of a candidate that it lacks.
        """
        self._store = store
        self._evaluations = {"search": _lean_evaluations(store), "confirm": store.evaluations("confirm")}
        self._candidates = _lean_candidates(store)
        known = {candidate.id for candidate in self._candidates}
        for evaluations in self._evaluations.values():
            for identifier in {evaluation.candidate for evaluation in evaluations} - known:
                raise ActsearchError(
                    f"'{store.path}' has results of candidate {identifier}, which it lacks; was it edited?"
                )

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

    def candidates(self) -> Sequence[Candidate]:
        """Return every candidate in the order of ids."""
        return self._candidates

    def evaluations(self, purpose: Purpose) -> Sequence[Evaluation]:
        """Return the evaluations of one purpose in the order in which they were finished."""
        return self._evaluations[purpose]


def _lean_evaluations(store: Store) -> list[Evaluation]:
    columns = ["'[]'" if name == "curve" else name for name in store._evaluation_columns]
    query = f"SELECT {', '.join(columns)} FROM evaluations WHERE purpose = 'search' ORDER BY id"
    return store._read(lambda row: _sharing(store._evaluation(row)), query)


def _sharing(evaluation: Evaluation) -> Evaluation:
    """Let what is alike in most evaluations be one object: that is a fifth of what they take."""
    values = evaluation.__dict__
    values["task"], values["status"] = intern(evaluation.task), intern(evaluation.status)
    for name in ("metrics", "test_metrics"):
        values[name] = values[name] or _NONE
    return evaluation


def _lean_candidates(store: Store) -> list[Candidate]:
    shorter = {"genotype": "substr(genotype, 1, 0)", "mark": "NULL"}
    columns = [shorter.get(name, name) for name in store._columns]
    return store._read(store._candidate, f"SELECT {', '.join(columns)} FROM candidates ORDER BY id")
