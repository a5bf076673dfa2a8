"""From proposals to the one candidate worth training: identity, static screen, prior."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from deap import gp

from evaluators import Assessment, assess
from evaluators.training.status import FORGOTTEN
from primitives import ActsearchError, Expression, IdentityIndex, fingerprint, parse, simplify, unscaled
from primitives.identity import Fingerprint
from runs import Candidate
from search.campaign.prior_weight import PriorWeight
from search.space.grammar import Grammar
from search.space.novelty import Neighbourhood
from search.strategies.strategy import Proposal, Strategy, StrategyOptions

_PATIENCE = 400
"""Proposals for one training slot before the search is declared exhausted."""


@dataclass(frozen=True)
class Slot:
    """What one training slot produced: every candidate in order, and the one to train, if any."""

    candidates: tuple[Candidate, ...]
    chosen: Candidate | None


class Funnel:
    """Judges proposals; cheap checks first. Remembers every function it has seen."""

    def __init__(self, grammar: Grammar, weight: PriorWeight, strategy: StrategyOptions) -> None:
        self._grammar, self._name = grammar, strategy.name
        self._weight = weight
        self._seen = IdentityIndex()
        self._trained = Neighbourhood(strategy.novelty)

    def remember(self, candidate: Candidate, expression: Expression) -> Candidate:
        """Count a candidate as seen, as it was when it was judged, and return it with its mark.

        One that was never finite is known by its structure only; an outranked one may come
        again; a cached one is another candidate's function.
        """
        if candidate.status in FORGOTTEN:
            return candidate
        mark = self._seen.add(candidate.id, expression, _print(candidate, expression))
        if _may_be_trained(candidate):
            self._trained.add(candidate.id, expression)
        return dataclasses.replace(candidate, mark=mark)

    def recall(self, candidate: Candidate) -> None:
        """Count a candidate of the run file as seen, as :meth:`remember` did; little is read of most.

        Raises:
            ActsearchError: its formula cannot be read.
        """
        if candidate.status in FORGOTTEN:
            return
        if candidate.mark is None:  # of an older version
            self.remember(candidate, _read(candidate))
            return
        self._seen.restore(candidate.id, candidate.mark, candidate.expression)
        if _may_be_trained(candidate):
            self._trained.add(candidate.id, _read(candidate))

    def starter(self, candidate: Candidate, expression: Expression) -> Candidate:
        """Return a baseline or seed as judged: to be trained unless the same function is there already."""
        judged = assessed(candidate, assess(expression))
        known = self._seen.find_structure(expression)
        if known is None:
            known = self._same_values(expression, _print(judged, expression))
        if known is not None:
            return judged.stopped("cached", f"the same function as candidate {known}")
        return self.remember(judged, expression)

    def fill(self, strategy: Strategy, ask: int, next_id: int) -> Slot:
        """Ask for proposals until the pool is full of promising ones and choose one of them."""
        candidates: list[Candidate] = []
        pool: dict[int, tuple[Candidate, Expression]] = {}
        wanted = self._weight.config.pool if self._weight.best()[1] else 1
        for _ in range(_PATIENCE):
            if len(pool) == wanted:
                break
            proposal = self._proposed(strategy)
            expression = self._grammar.expression(proposal.tree)
            if expression is None:
                continue
            candidate = self._judge(proposal, expression, ask, next_id + len(candidates))
            if candidate.status == "pending":
                pool[candidate.id] = candidate, expression
            candidates.append(candidate)
        chosen = self._choose([candidate for candidate, _ in pool.values()])
        for identifier, (candidate, expression) in pool.items():
            self._seen.forget(identifier, expression)
            final = self._tidied(candidate, expression) if candidate is chosen else self._outranked(candidate)
            candidates[identifier - next_id] = final
        return Slot(tuple(candidates), None if chosen is None else candidates[chosen.id - next_id])

    def _proposed(self, strategy: Strategy) -> Proposal:
        """Return a proposal.

        Raises:
            ActsearchError: the strategy returns something else.
        """
        found = strategy.ask(1)
        match found:
            case [Proposal(tree=gp.PrimitiveTree()) as proposal]:
                return proposal
        raise ActsearchError(
            f"strategy '{self._name}' was asked for 1 proposal and returned {found!r}; it must return a list of one "
            "search.Proposal, whose tree is of the campaign's grammar"
        )

    def _tidied(self, candidate: Candidate, expression: Expression) -> Candidate:
        """Return the candidate in its shortest form, without a numeric factor in front.

        Where that form fails the screen, as it may far outside the grid, the candidate stays.
        The index holds the final form, as it will after a resume.
        """
        try:
            shorter = simplify(unscaled(expression))
            tree = self._grammar.tree(shorter)
            genotype = candidate.genotype if tree is None else self._grammar.dumps(tree)
            tidy = dataclasses.replace(candidate, expression=str(shorter), genotype=genotype)
            tidy = assessed(tidy, assess(shorter))
        except Exception:  # a formula that cannot be shortened can still be trained
            tidy = candidate
        if tidy.status != "pending":
            tidy = candidate
        return self.remember(tidy, parse(tidy.expression))

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
            print_ = _print(judged, expression)
            known = self._same_values(expression, print_)
        except Exception as fault:  # one formula must not end a campaign; the row tells what happened
            judged, print_ = candidate.stopped("crashed", f"{type(fault).__name__}: {fault}"), None
        if known is not None:
            reason = f"the same function, up to output scale and reflection, as candidate {known}"
            return judged.stopped("cached", reason)
        if judged.status == "pending" and (near := self._trained.nearest(expression)):
            judged = judged.stopped("rejected", f"at a distance of {near[1]:.3f} too near to candidate {near[0]}")
        return dataclasses.replace(judged, mark=self._seen.add(identifier, expression, print_))

    def _same_values(self, expression: Expression, print_: Fingerprint | None) -> int | None:
        """Return the candidate with the same values up to output scale and sign and input reflection."""
        if print_ is None:
            return None
        found = self._seen.find_values(print_)
        return (
            self._seen.find_values(fingerprint(expression, scale_free=True, reflected=True)) if found is None else found
        )

    def _choose(self, pool: list[Candidate]) -> Candidate | None:
        """Pick by a noisy ranking whose correlation with the best feature's ranking is its weight."""
        feature, weight = self._weight.best()
        by_theory = _ranks(pool, lambda candidate: candidate.facts[feature])
        by_luck = _ranks(pool, lambda _: random.random())
        noise = math.sqrt(1 - weight**2)
        return min(pool, key=lambda c: (weight * by_theory[c.id] + noise * by_luck[c.id], c.id), default=None)

    @staticmethod
    def _outranked(candidate: Candidate) -> Candidate:
        outranked = candidate.stopped("outranked", "another proposal for the same training slot was preferred")
        return dataclasses.replace(outranked, mark=None)


def assessed(candidate: Candidate, assessment: Assessment) -> Candidate:
    """Return the candidate with what the assessment found, rejected if that says so."""
    return dataclasses.replace(
        candidate,
        facts=assessment.facts,
        status="rejected" if assessment.rejection else "pending",
        reason=assessment.rejection or "",
    )


def _may_be_trained(candidate: Candidate) -> bool:
    return candidate.gain is not None and candidate.status != "rejected"


def _read(candidate: Candidate) -> Expression:
    try:
        return parse(candidate.expression)
    except ActsearchError as error:
        raise ActsearchError(f"candidate {candidate.id} in the run file cannot be read: {error}") from error


def _print(candidate: Candidate, expression: Expression) -> Fingerprint | None:
    """Return the fingerprint that the index keeps: none of a function that was never finite."""
    return None if candidate.gain is None else fingerprint(expression, scale_free=True)


def _ranks(pool: list[Candidate], key: Callable[[Candidate], float]) -> dict[int, int]:
    keyed = sorted((key(candidate), candidate.id) for candidate in pool)
    return {identifier: rank for rank, (_, identifier) in enumerate(keyed)}
