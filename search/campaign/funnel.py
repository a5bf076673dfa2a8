"""From proposals to the candidates worth training: looked at by the hundred, ranked, then judged by the authority."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluators import Assessment, assess
from evaluators.judging.looks import QUANTILES, standardised
from evaluators.training.status import FORGOTTEN
from primitives import (
    ActsearchError,
    Expression,
    IdentityIndex,
    compile_expression,
    fingerprint,
    parse,
    simplify,
    unscaled,
)
from primitives.identity import Fingerprint
from primitives.numeric import Array
from runs import Candidate
from search.campaign.pool import ALIKE, OUTRANKED, Pool, filled
from search.configuration.config import CampaignConfig
from search.space.forest import values
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.space.novelty import Neighbourhood
from search.space.wished import Wished
from search.strategies.choice import Child, Choice
from search.strategies.strategy import Strategy

NO_FORMULA = "it has no formula"

_POOLS = 50
"""Pools of which the authority lets nothing pass before there is nothing to be had."""


@dataclass(frozen=True)
class Batch:
    """What was proposed for a cohort.

    Attributes:
        candidates: those that came as far as the authority, in the order of their ids: to be trained, or refused.
        passed_over: how many proposals did not, by reason.
    """

    candidates: tuple[Candidate, ...]
    passed_over: Counter[str]

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """Those to be trained."""
        return tuple(candidate for candidate in self.candidates if candidate.status == "pending")


class Funnel:
    """Judges proposals; cheap checks first. Remembers every function that has a row."""

    def __init__(self, grammar: Grammar, choice: Choice, config: CampaignConfig) -> None:
        self._grammar, self._choice = grammar, choice
        self._wished = Wished(config.wishes, grammar)
        self._name, self._radius = config.strategy.name, config.strategy.novelty
        self._seen = IdentityIndex()
        self._trained = Neighbourhood(self._radius)

    # --- what is known ------------------------------------------------------------------------

    def remember(self, candidate: Candidate, expression: Expression, print_: Fingerprint | None) -> Candidate:
        """Count a candidate as seen, as it was when it was judged, and return it with its mark.

        One that was never finite is known by its structure only; a cached one is another candidate's function.
        """
        if candidate.status in FORGOTTEN:
            return candidate
        mark = self._seen.add(candidate.id, expression.key, print_)
        if _may_be_trained(candidate):
            self._trained.add(candidate.id, len(expression.initial), _row(expression))
        return dataclasses.replace(candidate, mark=mark)

    def recall(self, candidates: Sequence[Candidate]) -> None:
        """Count candidates of the run file as seen, as :meth:`remember` did; of most only the tree is read.

        Raises:
            ActsearchError: a formula cannot be read.
        """
        marked = []
        for candidate in candidates:
            if candidate.mark is None and candidate.status in FORGOTTEN:
                continue
            if candidate.mark is None:  # of an older version
                expression = _read(candidate)
                self.remember(candidate, expression, _print(candidate, expression))
                continue
            self._seen.restore(candidate.id, candidate.mark, candidate.expression)
            if _may_be_trained(candidate):
                marked.append(candidate)
        self._recall_rows(marked)

    def _recall_rows(self, candidates: Sequence[Candidate]) -> None:
        """Count trained functions as such: by their trees where they have some, by their formulas otherwise."""
        trees = [c.genotype and self._grammar.loads(c.genotype) for c in candidates]
        rows = iter(standardised(values([tree for tree in trees if tree], QUANTILES)))
        for candidate, tree in zip(candidates, trees, strict=True):
            expression = None if tree else _read(candidate)
            row = next(rows) if expression is None else _row(expression)
            if not (np.isfinite(row).all() and np.ptp(row) > 0):
                raise ActsearchError(
                    f"the genotype of candidate {candidate.id} is no function; was the run file edited?"
                )
            parameters = self._grammar.learnable(tree or ()) if expression is None else len(expression.initial)
            self._trained.add(candidate.id, parameters, row)

    def starter(self, candidate: Candidate, expression: Expression) -> Candidate:
        """Return a baseline or seed as judged: to be trained unless the same function is there already."""
        judged = assessed(candidate, assess(expression))
        print_ = _print(judged, expression)
        known = self._known(expression, print_)
        if known is not None:
            return judged.stopped("cached", f"the same function as {_called(known)}")
        return self.remember(judged, expression, print_)

    def _known(self, expression: Expression, print_: Fingerprint | None) -> int | None:
        """Return the candidate with the same function, up to what the layers around it absorb."""
        known = self._seen.find_structure(expression.key)
        return self._seen.find_values(print_) if known is None and print_ is not None else known

    # --- a batch ------------------------------------------------------------------------------

    def fill(self, strategy: Strategy, ask: int, next_id: int, count: int) -> Batch:
        """Fill a pool, rank it, and return the best that the authority lets pass; where it is none, fill another.

        Args:
            strategy: what proposes.
            ask: training slot of the first; the others follow.
            next_id: of the first candidate.
            count: candidates to be trained, at most.
        """
        candidates: list[Candidate] = []
        passed: Counter[str] = Counter()
        for _ in range(_POOLS):
            wanted = self._choice.pool(count)
            pool = filled(strategy, self._grammar, wanted, self._seen, self._trained, self._name, self._wished)
            found = self._best_of(pool, ask, next_id + len(candidates), count)
            candidates += found
            passed.update(pool.passed_over)
            if not pool.children or any(candidate.status == "pending" for candidate in found):
                break
        return Batch(tuple(candidates), passed)

    def _best_of(self, pool: Pool, ask: int, next_id: int, count: int) -> list[Candidate]:
        """Return what came to the authority, the best first, until so many pass; count the others in the pool."""
        candidates: list[Candidate] = []
        passed, chosen, beside = pool.passed_over, 0, Neighbourhood(self._radius)
        for place in self._choice.order(pool.children, count):
            child = pool.children[place]
            if chosen == count:
                passed[OUTRANKED] += 1
            elif beside.nearest([child.described.parameters], child.described.row[None])[0]:
                passed[ALIKE] += 1
            elif (judged := self._judge(child, ask + chosen, next_id + len(candidates))) is None:
                passed[NO_FORMULA] += 1
            else:
                candidates.append(judged)
                if judged.status == "pending":
                    beside.add(chosen, child.described.parameters, child.described.row)
                    chosen += 1
        return candidates

    def _judge(self, child: Child, ask: int, identifier: int) -> Candidate | None:
        """Return a child as the authority judges it, in its shortest form; ``None`` where it has no formula.

        One that it refuses is known by the print that arrays gave it, so that it does not come again.
        """
        proposal = child.proposal
        try:
            expression = self._grammar.formula(proposal.tree)
        except ActsearchError:
            return None
        genotype = self._grammar.dumps(proposal.tree)
        candidate = Candidate(identifier, str(expression), proposal.origin, proposal.parents, ask, genotype)
        if self._grammar.complexity(expression) > self._grammar.config.max_complexity:
            reason = f"its complexity of {self._grammar.complexity(expression)} is beyond grammar.max_complexity"
            judged = candidate.stopped("rejected", reason)
        else:
            try:
                judged = self._assessed(candidate, expression, proposal.tree)
            except Exception as fault:  # one formula must not end a campaign; the row tells what happened
                judged = candidate.stopped("crashed", f"{type(fault).__name__}: {fault}")
        if judged.status == "pending":
            return judged
        return dataclasses.replace(judged, mark=self._seen.add(identifier, expression.key, child.print))

    def _assessed(self, candidate: Candidate, expression: Expression, tree: Tree) -> Candidate:
        """Return a candidate with the verdict on its shortest form, without a numeric factor in front.

        Where that form fails the screen, as it may far outside the grid, or is not what is wished for, as the negative
        of something positive, the longer one counts.
        """
        tidy, shorter, own = self._tidied(candidate, expression, tree)
        judged = self._verdict(tidy, shorter, own)
        if judged.status != "pending" and shorter != expression:
            judged, shorter = self._verdict(candidate, expression, tree), expression
        print_ = _print(judged, shorter)
        known = self._known(shorter, print_)
        if known is not None:
            return judged.stopped("cached", f"the same function, up to what layers absorb, as {_called(known)}")
        return self.remember(judged, shorter, print_) if judged.status == "pending" else judged

    def _verdict(self, candidate: Candidate, expression: Expression, tree: Tree) -> Candidate:
        """Return a candidate with what the screen says of a formula, and then the wishes."""
        judged = assessed(candidate, assess(expression))
        if judged.status != "pending" or not self._wished.wishes.any:
            return judged
        reason = self._wished.refusal(expression, tree, judged.facts["cost"])
        return judged if reason is None else judged.stopped("rejected", reason)

    def _tidied(self, candidate: Candidate, expression: Expression, tree: Tree) -> tuple[Candidate, Expression, Tree]:
        try:
            shorter = simplify(unscaled(expression))
            own = self._grammar.tree(shorter)
        except Exception:  # a formula that cannot be shortened can still be trained
            return candidate, expression, tree
        genotype = candidate.genotype if own is None else self._grammar.dumps(own)
        tidy = dataclasses.replace(candidate, expression=str(shorter), genotype=genotype)
        return tidy, shorter, tree if own is None else own


def assessed(candidate: Candidate, assessment: Assessment) -> Candidate:
    """Return the candidate with what the assessment found, rejected if that says so."""
    return dataclasses.replace(
        candidate,
        facts=assessment.facts,
        status="rejected" if assessment.rejection else "pending",
        reason=assessment.rejection or "",
    )


def _called(identifier: int) -> str:
    return f"candidate {identifier}" if identifier > 0 else "one that an earlier run trained"


def _may_be_trained(candidate: Candidate) -> bool:
    return candidate.gain is not None and candidate.status != "rejected"


def _read(candidate: Candidate) -> Expression:
    try:
        return parse(candidate.expression)
    except ActsearchError as error:
        raise ActsearchError(f"candidate {candidate.id} in the run file cannot be read: {error}") from error


def _print(candidate: Candidate, expression: Expression) -> Fingerprint | None:
    """Return the fingerprint that the index keeps: none of a function that was never finite."""
    return None if candidate.gain is None else fingerprint(expression, absorbed=True)


def _row(expression: Expression) -> Array:
    """Return the standardised outputs of a formula."""
    return standardised(compile_expression(expression).at(QUANTILES))
