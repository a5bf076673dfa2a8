"""Which score each task of a run goes by, as the run remembers it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from primitives.errors import ActsearchError
from primitives.registries import is_name
from runs.readable import Readable
from runs.store import Store

FORMER = "error"
"""What every run of an older version went by."""

_KEY = "scores"


def as_meta(scores: Mapping[str, str]) -> dict[str, str]:
    """Return scores by task as a value of the run's own dictionary."""
    return {_KEY: json.dumps(dict(scores))}


def scores_of(store: Readable) -> dict[str, str]:
    """Return the score by task; tasks that are not in it are judged by :data:`FORMER`.

    Raises:
        ActsearchError: what stands there is not ours.
    """
    try:
        found = json.loads(store.meta(_KEY, "{}"))
        if not all(isinstance(score, str) and is_name(score) for score in found.values()):
            raise ValueError("a score without a name")
    except (ValueError, AttributeError, RecursionError) as error:
        raise ActsearchError(f"'{store.path}' holds scores that are not ours ({error}); was it edited?") from error
    return dict(found)


def remember(store: Store, scores: Mapping[str, str]) -> None:
    """Add the scores of tasks that a run does not know yet; a task that it has results of keeps what it went by."""
    known = dict.fromkeys((e.task for e in store.evaluations("confirm", lean=True)), FORMER) | scores_of(store)
    for key, value in as_meta({**scores, **known}).items():
        store.set_meta(key, value)
