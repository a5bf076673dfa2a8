"""From proposals to the one candidate worth training: identity, static screen, prior."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from evaluators import Assessment, assess
from primitives import Expression, IdentityIndex, fingerprint, parse, simplify, unscaled
from runs import Candidate
from search.grammar import Grammar
from search.novelty import Neighbourhood
from search.prior_weight import PriorWeight
from search.strategy import Proposal, Strategy

_PATIENCE = 400
"""Proposals for one training slot before the search is declared exhausted."""


@dataclass(frozen=True)
class Slot:
    """What one training slot produced: every candidate in order, and the one to train, if any."""

    candidates: tuple[Candidate, ...]
    chosen: Candidate | None


class Funnel:
    """Judges proposals; cheap checks first. Remembers every function it has seen."""

    def __init__(self, grammar: Grammar, weight: PriorWeight, novelty: float) -> None:
        self._grammar = grammar
        self._weight = weight
        self._seen = IdentityIndex()
        self._trained = Neighbourhood(novelty)

    def remember(self, candidate: Candidate, expression: Expression) -> None:
        """Count a candidate as seen; one that was never finite is known by its structure only."""
        if candidate.status == "cached" and candidate.prior is None:
            return  # its structure is another candidate's
        print_ = None if candidate.prior is None else fingerprint(expression, scale_free=True)
        self._seen.add(candidate.id, expression, print_)
        if candidate.status not in ("rejected", "cached"):
            self._trained.add(candidate.id, expression)

    def fill(self, strategy: Strategy, ask: int, next_id: int) -> Slot:
        """Ask for proposals until the pool is full of promising ones and choose one of them."""
        candidates: list[Candidate] = []
        pool: list[Candidate] = []
        for _ in range(_PATIENCE):
            if len(pool) == self._weight.config.pool:
                break
            (proposal,) = strategy.ask(1)
            expression = self._grammar.expression(proposal.tree)
            if expression is None:
                continue
            candidate = self._judge(proposal, expression, ask, next_id + len(candidates))
            if candidate.status == "pending":
                pool.append(candidate)
            candidates.append(candidate)
        chosen = self._choose(pool)
        others = {c.id for c in pool} - {chosen.id if chosen else 0}
        tidy = None if chosen is None else self._tidied(chosen)
        kept = [self._outranked(c) if c.id in others else c for c in candidates]
        return Slot(tuple(tidy if tidy and c.id == tidy.id else c for c in kept), tidy)

    def _tidied(self, candidate: Candidate) -> Candidate:
        """Return the candidate in its shortest form, without a numeric factor in front.

        The index then holds that form only, as it will after a resume.
        """
        raw = parse(candidate.expression)
        expression = simplify(unscaled(raw))
        tree = self._grammar.tree(expression)
        genotype = candidate.genotype if tree is None else self._grammar.dumps(tree)
        tidy = dataclasses.replace(candidate, expression=str(expression), genotype=genotype)
        tidy = assessed(tidy, assess(expression))
        self._seen.forget(candidate.id, raw)
        self.remember(tidy, expression)
        return tidy

    def _judge(self, proposal: Proposal, expression: Expression, ask: int, identifier: int) -> Candidate:
        candidate = Candidate(
            identifier,
            str(expression),
            proposal.origin,
            proposal.parents,
            ask,
            self._grammar.dumps(proposal.tree),
        )
        known = self._seen.find_structure(expression)
        if known is not None:
            return candidate.stopped("cached", f"written like candidate {known}")
        try:
            judged = assessed(candidate, assess(expression))
            print_ = None if judged.prior is None else fingerprint(expression, scale_free=True)
        except Exception as fault:  # one formula must not end a campaign; the row tells what happened
            judged, print_ = candidate.stopped("crashed", f"{type(fault).__name__}: {fault}"), None
        known = None if print_ is None else self._seen.find_values(print_)
        if known is not None:
            judged = judged.stopped("cached", f"the same function, up to output scale, as candidate {known}")
        elif judged.status == "pending" and (near := self._trained.nearest(expression)):
            judged = judged.stopped("rejected", f"at a distance of {near[1]:.3f} too near to candidate {near[0]}")
        self._seen.add(identifier, expression, print_)
        return judged

    def _choose(self, pool: list[Candidate]) -> Candidate | None:
        """Pick by a noisy ranking whose correlation with the prior's ranking is the weight."""
        weight = self._weight.weight()
        by_prior = _ranks(pool, lambda c: c.prior or 0.0)
        by_luck = _ranks(pool, lambda _: random.random())
        noise = math.sqrt(1 - weight**2)
        return min(pool, key=lambda c: (weight * by_prior[c.id] + noise * by_luck[c.id], c.id), default=None)

    @staticmethod
    def _outranked(candidate: Candidate) -> Candidate:
        return candidate.stopped("rejected", "another proposal for the same training slot was preferred")


def assessed(candidate: Candidate, assessment: Assessment) -> Candidate:
    """Return the candidate with what the assessment found, rejected if that says so."""
    return dataclasses.replace(
        candidate,
        prior=assessment.prior,
        cost=assessment.cost,
        complexity=assessment.complexity,
        gain=assessment.gain,
        status="rejected" if assessment.rejection else "pending",
        reason=assessment.rejection or "",
    )


def _ranks(pool: list[Candidate], key: Callable[[Candidate], float]) -> dict[int, int]:
    keyed = sorted((key(candidate), candidate.id) for candidate in pool)
    return {identifier: rank for rank, (_, identifier) in enumerate(keyed)}
