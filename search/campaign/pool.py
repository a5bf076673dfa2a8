"""Children by the hundred, looked at as arrays: sound, new and not near to anything trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from deap import gp

from primitives import ActsearchError, IdentityIndex
from search.space.describe import described
from search.space.forest import Looked, look
from search.space.grammar import Grammar
from search.space.novelty import Neighbourhood
from search.space.wished import Wished
from search.space.wishes import Wishes
from search.strategies.asking import proposed
from search.strategies.choice import Child
from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy

TOO_LONG = "it is longer than max_complexity"
KNOWN = "it is a known function"
REPEATED = "it is another child of the same batch"
FULL = "the pool was full"
OUTRANKED = "another child was preferred"
ALIKE = "it is too near to another child that was preferred"
NEAR = "it is too near to a trained function"

_NEW = ("random", "initial")
"""Origins of trees that were drawn anew, not made of others."""
_AT_LEAST = 16
"""Proposals asked for at once, at least."""
_PATIENCE, _PER_CHILD = 2000, 12
"""Proposals looked at for a batch before there is nothing new to be had: so many, or so many for each child wanted."""


@dataclass
class Pool:
    """Children to choose from.

    Attributes:
        children: in the order in which they were proposed.
        passed_over: how many proposals were not taken in, by reason.
    """

    children: list[Child] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def looked_at(self) -> int:
        """How many proposals there were."""
        return len(self.children) + self.passed_over.total()


def filled(
    strategy: Strategy,
    grammar: Grammar,
    wanted: int,
    seen: IdentityIndex,
    trained: Neighbourhood,
    name: str,
    wished: Wished | None = None,
) -> Pool:
    """Return a pool with that many children, or fewer where the strategy has nothing new any more.

    Args:
        strategy: what proposes.
        grammar: what the trees are of.
        wanted: children.
        seen: functions that are known.
        trained: functions that a child must not be near to.
        name: of the strategy, for messages.
        wished: what the functions must be; anything will do where there is none.

    Raises:
        ActsearchError: the strategy returns something else than proposals.
    """
    pool, batch = Pool(), IdentityIndex()
    wished = wished or Wished(Wishes(), grammar)
    patience = max(_PATIENCE, _PER_CHILD * wanted)
    ask = partial(_proposed, strategy, name=name, grammar=grammar)
    for found in proposed(strategy, lambda: wanted - len(pool.children), patience, _AT_LEAST, ask):
        proposals = [_grown(each, wished) for each in found]
        for places, looked in look([proposal.tree for proposal in proposals]):
            some = proposals[places.start : places.stop]
            reasons = _first_reasons(some, looked, grammar, wished)
            _sort(pool, some, looked, reasons, seen, batch, trained)
    for _ in pool.children[wanted:]:
        pool.passed_over[FULL] += 1
    del pool.children[wanted:]
    return pool


def _proposed(strategy: Strategy, count: int, name: str, grammar: Grammar) -> list[Proposal]:
    found = strategy.ask(count)
    as_many = isinstance(found, list) and (len(found) == count or (strategy.is_finite and len(found) < count))
    if not as_many or not all(map(_is_proposal, found)):
        raise ActsearchError(
            f"strategy '{name}' was asked for {count} proposals and returned {_shortened(found)}; it must return a "
            f"list of {count} search.Proposal"
        )
    for tree in (proposal.tree for proposal in found):
        if not grammar.is_tree(tree):
            raise ActsearchError(
                f"strategy '{name}' proposed {_shortened([node.name for node in tree])}, which is no complete tree of "
                "the campaign's grammar; make trees with Grammar.random_tree, Grammar.tree or of parts of others"
            )
    return found


def _is_proposal(found: object) -> bool:
    return isinstance(found, Proposal) and isinstance(found.tree, gp.PrimitiveTree)


def _shortened(found: object) -> str:
    text = repr(found)
    return text if len(text) < 200 else f"{text[:200]}…"


def _grown(proposal: Proposal, wished: Wished) -> Proposal:
    """Return a proposal; a tree that was drawn anew is given the primitives that it must have."""
    if proposal.origin not in _NEW or not wished.wishes.required:
        return proposal
    return Proposal(wished.grown(proposal.tree), proposal.origin, proposal.parents)


def _first_reasons(proposals: Sequence[Proposal], looked: Looked, grammar: Grammar, wished: Wished) -> list[str | None]:
    """Return of each proposal what speaks against the function, whatever else is known: screen, length, wishes."""
    looks, most = looked.looks, grammar.config.max_complexity
    faults = wished.likely_faults([proposal.tree for proposal in proposals], looks)
    reasons = [looks.reason(place) for place in range(len(proposals))]
    for place, proposal in enumerate(proposals):
        if reasons[place] is None and looks.complexities[place] + grammar.surcharge(proposal.tree) > most:
            reasons[place] = TOO_LONG
        if reasons[place] is None:
            reasons[place] = next((reason for reason, holds in faults.items() if holds[place]), None)
    return reasons


def _sort(
    pool: Pool,
    proposals: Sequence[Proposal],
    looked: Looked,
    reasons: list[str | None],
    seen: IdentityIndex,
    batch: IdentityIndex,
    trained: Neighbourhood,
) -> None:
    """Take in the proposals that are worth it, and count the others."""
    for place in range(len(proposals)):
        if reasons[place] is None and seen.find_values(looked.prints[place]) is not None:
            reasons[place] = KNOWN
    left = [place for place, reason in enumerate(reasons) if reason is None]
    near = trained.nearest([looked.parameters[place] for place in left], looked.looks.standardised[left])
    for place, match in zip(left, near, strict=True):
        if match is not None:
            reasons[place] = NEAR
    kept: list[int] = []
    for place in range(len(proposals)):
        print_, reason = looked.prints[place], reasons[place]
        if reason is None and batch.find_values(print_) is not None:
            reason = REPEATED
        if reason is not None:
            pool.passed_over[reason] += 1
            continue
        batch.add(len(pool.children) + len(kept), "", print_)
        kept.append(place)
    for place, found in zip(kept, described(looked, kept), strict=True):
        pool.children.append(Child(proposals[place], found, looked.prints[place]))
