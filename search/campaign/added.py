"""Baselines that are added to a run when it has been searched already."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators import assess
from primitives import ActsearchError, IdentityIndex, library, resolve
from primitives.identity import fingerprint
from runs import Candidate, Store
from search.campaign.funnel import assessed


def label_of(text: str) -> str:
    """Return what a baseline is called: by its name in the library, or by its formula."""
    return text if text in library() else f"baseline {text}"


def add_baselines(store: Store, texts: Sequence[str]) -> None:
    """Add functions to what finalists are compared with; one that is a baseline already stays as it is.

    A search that goes on trains them as its other baselines.

    Args:
        store: of the run, to be written to.
        texts: library names or formulas.

    Raises:
        ActsearchError: one cannot be read, or can never be trained.
    """
    candidates = store.candidates()
    number = max((candidate.id for candidate in candidates), default=0)
    known, names = IdentityIndex(), {candidate.name for candidate in candidates}
    for candidate in candidates:
        if candidate.name is not None and candidate.status != "rejected":
            expression = resolve(candidate.expression)
            known.add(candidate.id, expression.key, fingerprint(expression, absorbed=True))
    rows = []
    for text in dict.fromkeys(texts):
        expression = resolve(text)
        number += 1
        row = assessed(Candidate(number, str(expression), "baseline", name=label_of(text)), assess(expression))
        if row.status == "rejected":
            raise ActsearchError(f"baseline '{text}' cannot be trained: {row.reason}")
        print_ = fingerprint(expression, absorbed=True)
        if row.name in names or known.find_structure(expression.key) or known.find_values(print_) is not None:
            number -= 1
            continue
        known.add(number, expression.key, print_)
        rows.append(row)
    store.add_candidates(rows)
