"""A strategy played on a table: it asks, the table answers with one seed's score, the mean over seeds judges."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.judging.objectives import DEFAULT_OBJECTIVES, chosen_objectives
from primitives.numeric import Array
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.strategies.asking import drawing, proposed
from search.strategies.choice import Child, Result
from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy, Told
from search.tables.board import Board

_PATIENCE = 2000
"""Proposals without a new function of the table before a game ends."""
_NO_PRINT: Array = np.zeros(0)


@dataclass(frozen=True)
class Rules:
    """How a strategy is played.

    Attributes:
        trainings: of a game at most, baselines among them.
        batch: functions that are trained before the next are asked for.
    """

    trainings: int = 400
    batch: int = 4


@dataclass(frozen=True)
class Game:
    """What came of it.

    Attributes:
        trained: places of the functions, in the order in which they were trained.
        told: what was said of each, infinite of a failure.
        elsewhere: proposals of functions that the table does not have.
        repeated: proposals of functions that were trained already, or proposed for the same batch.
    """

    trained: tuple[int, ...]
    told: tuple[float, ...]
    elsewhere: int
    repeated: int

    def until(self, wanted: frozenset[int]) -> int | None:
        """Return after how many trainings one of these functions is met; ``None`` if never."""
        return next((count for count, place in enumerate(self.trained, start=1) if place in wanted), None)

    def regret(self, after: int, means: Array) -> float:
        """Return by how much the mean of what looked best after so many trainings is above the table's best."""
        told = np.array(self.told[:after])
        return float(means[self.trained[int(told.argmin())]] - means.min())


def play(board: Board, make: Callable[[Grammar], Strategy], seed: int, rules: Rules) -> Game:
    """Play one game; everything random follows from its seed."""
    with drawing(f"actsearch replay {seed}"):
        return _Player(board, make(board.grammar), seed, rules).game()


class _Player:
    """One game."""

    def __init__(self, board: Board, strategy: Strategy, seed: int, rules: Rules) -> None:
        self._board, self._strategy, self._rules = board, strategy, rules
        self._luck = random.Random(f"seeds {seed}")
        self._trained: dict[int, float] = {}
        self._elsewhere = self._repeated = 0
        if strategy.choice is not None:
            strategy.choice.aim(chosen_objectives(DEFAULT_OBJECTIVES, board.plain.by))

    def game(self) -> Game:
        for place in self._board.baselines:
            self._train(place, self._board.baseline_tree(place), "")
        while (left := self._rules.trainings - len(self._trained)) > 0:
            chosen = self._chosen(min(self._rules.batch, left))
            if not chosen:
                break
            said = [(place, proposal, self._said(place)) for place, proposal in chosen]
            for place, proposal, _ in said:
                self._note(place, proposal.tree)
            for place, proposal, score in said:
                self._tell(place, proposal.tree, score, proposal.origin)
        return Game(tuple(self._trained), tuple(self._trained.values()), self._elsewhere, self._repeated)

    def _said(self, place: int) -> float:
        scores = self._board.scores[place]
        self._trained[place] = self._luck.choice(scores) if scores else np.inf
        return self._trained[place]

    def _train(self, place: int, tree: Tree | None, origin: str) -> None:
        self._note(place, tree)
        self._tell(place, tree, self._said(place), origin)

    def _note(self, place: int, tree: Tree | None) -> None:
        if self._strategy.choice is not None:
            genotype = None if tree is None else self._board.grammar.dumps(tree)
            self._strategy.choice.chose(place, genotype, self._board.plain.texts[place])

    def _tell(self, place: int, tree: Tree | None, score: float, origin: str) -> None:
        seen = self._board.described(place)
        choice = self._strategy.choice
        if not np.isfinite(score):
            if choice is not None:
                choice.lose(place)
            return
        facts = seen.facts if seen is not None else {"cost": 0.0, "complexity": 0.0}
        point = (score, facts["cost"], facts["complexity"])
        steps = self._board.plain.steps
        if choice is not None:
            choice.tell(Result(place, {steps: point}, steps, place in self._board.baselines))
        if tree is not None:
            self._strategy.tell(Told(place, tree, point, 0, origin))

    # --- a batch ------------------------------------------------------------------------------

    def _chosen(self, count: int) -> list[tuple[int, Proposal]]:
        choice = self._strategy.choice
        pool = self._pool(count if choice is None else choice.pool(count))
        if choice is None:
            return list(pool.items())[:count]
        children = [
            (place, Child(proposal, seen, _NO_PRINT))
            for place, proposal in pool.items()
            if (seen := self._board.described(place)) is not None
        ]
        order = choice.order([child for _, child in children], count)
        return [(children[at][0], children[at][1].proposal) for at in order[:count]]

    def _pool(self, wanted: int) -> dict[int, Proposal]:
        """Return new functions of the table, each with the proposal that says it."""
        pool: dict[int, Proposal] = {}
        for proposals in proposed(self._strategy, lambda: wanted - len(pool), _PATIENCE):
            self._sort(pool, proposals)
        return dict(list(pool.items())[:wanted])

    def _sort(self, pool: dict[int, Proposal], proposals: Sequence[Proposal]) -> None:
        for place, proposal in zip(self._board.places([p.tree for p in proposals]), proposals, strict=True):
            if place is None:
                self._elsewhere += 1
            elif place in pool or place in self._trained:
                self._repeated += 1
            else:
                pool[place] = proposal
