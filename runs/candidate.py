"""A candidate: an expression with an id, its parents, the operator that made it, and how far it came."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluators.training.status import PASSED_OVER, CandidateStatus
from primitives import Expression, ExpressionError, Mark, parse


@dataclass(frozen=True, slots=True)
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
        facts: its features by name, see :func:`evaluators.judging.features.catalogue.kept`; of what the screen rejected
            only those of the formula alone, of what never came that far none.
        status: ``pending`` until trained; ``stopped`` by halving before its last step; ``outranked``
            means it passed the screen and another proposal for the same training slot was
            preferred; ``cached`` that the same function is there already.
        reason: why it stopped, for every status but ``pending`` and ``ok``.
        mark: by which a resumed campaign knows its function again; ``None`` of what is not counted as seen, and
            in runs of older versions.
    """

    id: int
    expression: str
    origin: str
    parents: tuple[int, ...] = ()
    ask: int = 0
    genotype: str | None = None
    name: str | None = None
    facts: Mapping[str, float] = field(default_factory=dict, hash=False)
    status: CandidateStatus = "pending"
    reason: str = ""
    mark: Mark | None = None

    @property
    def gain(self) -> float | None:
        """The initialisation factor, ``None`` of what did not pass the screen."""
        return self.facts.get("gain")

    @property
    def was_chosen(self) -> bool:
        """Whether the search proposed it and it fills a training slot.

        Baselines and seeds are not counted, nor is a formula that crashed in our hands before its
        training: that has no gain.
        """
        return self.ask > 0 and self.gain is not None and self.status not in PASSED_OVER

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
