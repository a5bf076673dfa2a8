"""A strategy played on a target: it asks, fits are told, until the target is found or the fits are used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.judging.objectives import chosen_objectives
from primitives.numeric import Array
from search.space.describe import Described, of_trees
from search.strategies.asking import drawing, proposed
from search.strategies.choice import Child, Result
from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy, Told
from search.studies.recovery.fitting import Family, Fit, Fitting, family
from search.studies.recovery.targets import Target

_PATIENCE = 4000
"""Proposals without a new function before a game ends."""
_NO_PRINT: Array = np.zeros(0)


@dataclass(frozen=True)
class Rules:
    """How a strategy is played.

    Attributes:
        evaluations: candidates that are fitted, at most.
        batch: candidates that are fitted before the next are asked for.
    """

    evaluations: int = 2000
    batch: int = 32


@dataclass(frozen=True)
class Game:
    """What came of it.

    Attributes:
        evaluations: candidates that were fitted, the target being the last where it was found.
        recovered: whether it was found.
        error: the least of all, see :class:`search.studies.recovery.fitting.Fit`.
        found: that one, as :meth:`search.space.grammar.Grammar.dumps` has it; a formula of a rival.
    """

    evaluations: int
    recovered: bool
    error: float
    found: str


def play(target: Target, make: Callable[[Target], Strategy], seed: int, rules: Rules) -> Game:
    """Play one game; everything random follows from its seed."""
    with drawing(f"actsearch recovery {target.name} {seed}"):
        return _Player(Fitting(target.name), make(target), rules).game()


@dataclass(frozen=True, eq=False)
class _Seen:
    proposal: Proposal
    described: Described
    family: Family


class _Player:
    """One game."""

    def __init__(self, fitting: Fitting, strategy: Strategy, rules: Rules) -> None:
        self._fitting, self._strategy, self._rules = fitting, strategy, rules
        self._fitted: set[Family] = set()
        self._fits: list[Fit] = []
        if strategy.choice is not None:
            strategy.choice.aim(chosen_objectives(("error", "cost", "complexity"), "error"))

    def game(self) -> Game:
        while (left := self._rules.evaluations - len(self._fits)) > 0:
            chosen = self._chosen(min(self._rules.batch, left))
            for seen in chosen:
                self._fits.append(self._fitting.fit(seen.proposal.tree))
                if self._fits[-1].recovered:
                    return self._ended()
            if not chosen:
                break
            self._tell(chosen)
        return self._ended()

    def _ended(self) -> Game:
        if not self._fits:
            return Game(0, False, 0.0, "")
        best = min(self._fits, key=lambda fit: (not fit.recovered, fit.error))
        return Game(len(self._fits), best.recovered, best.error, self._strategy.grammar.dumps(best.tree))

    def _tell(self, chosen: Sequence[_Seen]) -> None:
        """Tell a batch with its fitted parameters, which its children inherit."""
        first = len(self._fits) - len(chosen)
        choice, grammar = self._strategy.choice, self._strategy.grammar
        fits = list(enumerate(self._fits[first:], start=first))
        if choice is not None:
            for number, fit in fits:
                choice.chose(number, grammar.dumps(fit.tree), "")
        for (number, fit), seen in zip(fits, chosen, strict=True):
            facts = seen.described.facts
            point = (fit.error, facts["cost"], facts["complexity"])
            if choice is not None:
                choice.tell(Result(number, {1: point}, 1))
            self._strategy.tell(Told(number, fit.tree, point, 0, seen.proposal.origin))

    # --- a batch ------------------------------------------------------------------------------

    def _chosen(self, count: int) -> list[_Seen]:
        choice = self._strategy.choice
        pool = self._pool(count if choice is None else choice.pool(count))
        if choice is not None:
            children = [Child(seen.proposal, seen.described, _NO_PRINT) for seen in pool]
            pool = [pool[place] for place in choice.order(children, count)]
        self._fitted.update(seen.family for seen in pool[:count])
        return pool[:count]

    def _pool(self, wanted: int) -> list[_Seen]:
        """Return new candidates that may be trained, no two of which fit alike."""
        pool: dict[Family, _Seen] = {}
        for proposals in proposed(self._strategy, lambda: wanted - len(pool), _PATIENCE):
            self._add(pool, proposals)
        return list(pool.values())[:wanted]

    def _add(self, pool: dict[Family, _Seen], proposals: Sequence[Proposal]) -> None:
        most = self._strategy.grammar.config.max_complexity
        new: dict[Family, Proposal] = {}
        for proposal in proposals:
            key = family(proposal.tree)
            if key is not None and key not in self._fitted and key not in pool:
                new.setdefault(key, proposal)
        seen = of_trees([proposal.tree for proposal in new.values()])
        for (key, proposal), described in zip(new.items(), seen, strict=True):
            if described is not None and described.facts["complexity"] <= most:
                pool[key] = _Seen(proposal, described, key)
