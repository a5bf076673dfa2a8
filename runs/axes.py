"""What a campaign trades off, as its run remembers it: reading a run imports nobody's objectives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evaluators.judging.objectives import MOST_DIGITS, OBJECTIVES, Objective
from evaluators.training.cohort.halving import measured
from evaluators.training.job import Evaluation
from primitives.errors import ActsearchError
from primitives.registries import is_name
from runs.candidate import Candidate
from runs.readable import Readable

_KEY = "objectives"
_MOST_AXES = 20


@dataclass(frozen=True)
class Axis:
    """An objective without what computes it; the attributes are those of :class:`Objective`."""

    name: str
    unit: str
    label: str
    digits: int


def axes_of(objectives: Iterable[Objective]) -> tuple[Axis, ...]:
    """Return objectives as axes, in their order."""
    return tuple(Axis(each.name, each.unit, each.label, each.digits) for each in objectives)


DEFAULT_AXES = axes_of(OBJECTIVES[name] for name in ("error", "cost", "complexity"))
"""Of every run of an older version."""


def as_meta(objectives: Iterable[Objective]) -> dict[str, str]:
    """Return objectives as a value of the run's own dictionary."""
    return {_KEY: json.dumps([asdict(axis) for axis in axes_of(objectives)])}


def axes(store: Readable) -> tuple[Axis, ...]:
    """Return a run's axes, in their order.

    Raises:
        ActsearchError: what stands there is not ours.
    """
    text = store.meta(_KEY)
    if not text:
        return DEFAULT_AXES
    try:
        found = tuple(Axis(str(r["name"]), str(r["unit"]), str(r["label"]), int(r["digits"])) for r in json.loads(text))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ActsearchError(f"'{store.path}' holds objectives that are not ours; was it edited?") from error
    if not 0 < len(found) <= _MOST_AXES or not all(map(_is_ours, found)):
        raise ActsearchError(f"'{store.path}' holds objectives that are not ours; was it edited?")
    return found


def _is_ours(axis: Axis) -> bool:
    return is_name(axis.name) and 0 <= axis.digits <= MOST_DIGITS and (axis.label + axis.unit).isprintable()


def known(candidate: Candidate, evaluations: Sequence[Evaluation]) -> Mapping[str, float]:
    """Return all numbers of a candidate by name: facts, objectives among them, and what its evaluations measured."""
    return {**measured(evaluations), **candidate.facts}


def value(axis: Axis, numbers: Mapping[str, float], candidate: Candidate) -> float:
    """Return a trained candidate's value on an axis.

    Raises:
        ActsearchError: the run file lacks it, or it is not finite.
    """
    found = numbers.get(axis.name)
    if found is None or not np.isfinite(found):
        raise lacks(axis, candidate.id)
    return found


def lacks(axis: Axis, identifier: int) -> ActsearchError:
    """Return what is said of a trained candidate without a finite value on an axis."""
    return ActsearchError(f"candidate {identifier} of the run has no {axis.label}; was the run file edited?")
