"""A candidate: an expression with an id, its parents, the operator that made it, and how far it came."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from primitives import Expression, ExpressionError, parse

CandidateStatus = Literal[
    "pending", "ok", "stopped", "rejected", "outranked", "diverged", "timeout", "oom", "crashed", "cached"
]

_PASSED_OVER: tuple[CandidateStatus, ...] = ("rejected", "outranked", "cached")


@dataclass(frozen=True)
class Candidate:
    """One row of a campaign's history. Every proposal leaves one, trained or not.

    Attributes:
        id: counts from 1 within a run.
        expression: the formula with initial parameter values, as text.
        origin: the operator that made it: ``baseline``, ``random``, ``crossover``, ``subtree``, …
        parents: ids of the candidates it was made from.
        ask: number of the training slot it was proposed for; 0 for baselines.
        genotype: the DEAP tree as JSON, or ``None`` when the grammar cannot say it.
        name: of a baseline, else ``None``.
        prior: standardised output entropy in nats; ``None`` when it did not come that far.
        correction: size of the remaining EAFO correction, dimensionless; likewise.
        cost: forward + backward of one element, in float32 multiplications.
        complexity: nodes of the formula.
        gain: initialisation factor.
        status: ``pending`` until trained; ``stopped`` by halving before its last step; ``outranked``
            means it passed the screen and another proposal for the same training slot was
            preferred; ``cached`` that the same function is there already.
        reason: why it stopped, for every status but ``pending`` and ``ok``.
    """

    id: int
    expression: str
    origin: str
    parents: tuple[int, ...] = ()
    ask: int = 0
    genotype: str | None = None
    name: str | None = None
    prior: float | None = None
    correction: float | None = None
    cost: float | None = None
    complexity: int | None = None
    gain: float | None = None
    status: CandidateStatus = "pending"
    reason: str = ""

    @property
    def was_chosen(self) -> bool:
        """Whether the search proposed it and it fills a training slot.

        Baselines and seeds are not counted, nor is a formula that crashed in our hands before its
        training: that has no prior.
        """
        return self.ask > 0 and self.prior is not None and self.status not in _PASSED_OVER

    @property
    def was_trained(self) -> bool:
        """Whether it fills a training slot and its training is over, whatever came out."""
        return self.was_chosen and self.status != "pending"

    def stopped(self, status: CandidateStatus, reason: str) -> Candidate:
        """Return the candidate with a final status."""
        return dataclasses.replace(self, status=status, reason=reason)


def readable(formula: str) -> Expression | None:
    """Return the expression that a formula of a run means, ``None`` where it uses a primitive unknown here.

    Such a primitive comes from an extension, which reading a run never imports.
    """
    try:
        return parse(formula)
    except ExpressionError:
        return None
