"""A candidate of a run, as a person names it."""

from __future__ import annotations

import re

from primitives.errors import ActsearchError, nearest
from runs.candidate import Candidate
from runs.store import Store


def find_candidate(store: Store, wanted: str) -> Candidate:
    """Return a candidate by id or a baseline by name.

    Raises:
        ActsearchError: it is not there.
    """
    candidates = store.candidates()
    for candidate in candidates:
        if wanted in (str(candidate.id), candidate.name) or wanted == f"#{candidate.id}":
            return candidate
    names = [c.name for c in candidates if c.name]
    ids = f"; ids run from 1 to {len(candidates)}" if candidates else "; it has none yet"
    hint = ids if not candidates or re.fullmatch(r"#?\d+", wanted) else nearest(wanted, names)
    raise ActsearchError(f"no candidate '{wanted}' in '{store.path.parent}'{hint}")
