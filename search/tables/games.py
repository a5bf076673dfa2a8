"""Many games of a strategy on a table, on several processes, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from search.loading.extensions import import_extensions
from search.space.grammar import Grammar
from search.strategies.catalogue import STRATEGIES
from search.strategies.strategy import Strategy, StrategyOptions
from search.tables.board import Board, Plain
from search.tables.replay import Game, Rules, play

AFTER = (25, 50, 100, 200)
"""Trainings after which regret is shown."""
_CHUNKS = 4


@dataclass(frozen=True)
class Quartiles:
    """Median and quartiles; ``None`` where they are not reached within a game.

    Attributes:
        median, low, high: of the games.
    """

    median: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Return those of values, of which infinite ones were not reached."""
        low, middle, high = (float(np.quantile(values, q, method="nearest")) for q in (0.25, 0.5, 0.75))
        return cls(*(value if np.isfinite(value) else None for value in (middle, low, high)))


@dataclass(frozen=True)
class Outcome:
    """What games of one strategy say.

    Attributes:
        games: all of them.
        first_percent, first_ten: trainings until one of the best 1 % of the functions was met, one of the best ten;
            infinite where it never was.
        regret: by trainings, of each game that went so far.
        elsewhere, repeated: proposals a game that were free, means.
    """

    games: tuple[Game, ...]
    first_percent: tuple[float, ...]
    first_ten: tuple[float, ...]
    regret: Mapping[int, tuple[float, ...]]

    @property
    def elsewhere(self) -> float:
        """Proposals of functions that the table lacks, a game."""
        return float(np.mean([game.elsewhere for game in self.games]))

    @property
    def repeated(self) -> float:
        """Proposals of functions that were there already, a game."""
        return float(np.mean([game.repeated for game in self.games]))


def played(
    table: Plain,
    strategy: str,
    options: StrategyOptions,
    rules: Rules,
    repeats: int,
    workers: int = 1,
    extensions: Sequence[str] = (),
) -> Outcome:
    """Play so many games, of seeds 0, 1, ….

    Args:
        table: to play on.
        strategy: its name.
        options: its.
        rules: of a game.
        repeats: games.
        workers: processes; 1 plays in this one.
        extensions: code that other processes import first.
    """
    board = Board(table)
    if workers == 1:
        make = maker(strategy, options)
        games = [play(board, make, seed, rules) for seed in range(repeats)]
    else:
        size = max(1, repeats // (workers * _CHUNKS))
        parts = [range(at, min(at + size, repeats)) for at in range(0, repeats, size)]
        with ProcessPoolExecutor(
            workers,
            mp_context=get_context("spawn"),
            initializer=_begin,
            initargs=(table, strategy, options, rules, extensions),
        ) as pool:
            games = [game for some in pool.map(_play, parts) for game in some]
    return outcome_of(board, games)


def maker(strategy: str, options: StrategyOptions) -> Callable[[Grammar], Strategy]:
    """Return what makes a strategy of a grammar."""
    made: Callable[..., Strategy] = STRATEGIES[strategy].make
    return lambda grammar: made(grammar, options)


def outcome_of(board: Board, games: Sequence[Game]) -> Outcome:
    """Return what games say together."""
    percent, ten = board.best(max(1, round(len(board) / 100))), board.best(10)
    longest = {after: [game for game in games if len(game.trained) >= after] for after in AFTER}
    return Outcome(
        tuple(games),
        tuple(_reached(game.until(percent)) for game in games),
        tuple(_reached(game.until(ten)) for game in games),
        {after: tuple(g.regret(after, board.means) for g in some) for after, some in longest.items() if some},
    )


def _reached(count: int | None) -> float:
    return np.inf if count is None else float(count)


_HERE: dict[str, Any] = {}


def _begin(table: Plain, strategy: str, options: StrategyOptions, rules: Rules, extensions: Sequence[str]) -> None:
    threadpool_limits(1)
    import_extensions(extensions)
    _HERE.update(board=Board(table), make=maker(strategy, options), rules=rules)


def _play(seeds: range) -> list[Game]:
    return [play(_HERE["board"], _HERE["make"], seed, _HERE["rules"]) for seed in seeds]
