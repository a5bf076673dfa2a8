"""How proposals are asked for: from draws that follow from a text, until there are enough or no more are to be had."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy

_AT_MOST = 512
"""Proposals asked for at once."""
_SPARE = 1.5
"""Proposals asked for beyond what is wanted, since some come to nothing."""


@contextmanager
def drawing(text: str) -> Iterator[None]:
    """Seed Python's global generator, which DEAP draws from, and put its state back afterwards."""
    state = random.getstate()
    random.seed(text)
    try:
        yield
    finally:
        random.setstate(state)


def proposed(
    strategy: Strategy,
    missing: Callable[[], int],
    patience: float,
    least: int = 1,
    ask: Callable[[int], list[Proposal]] | None = None,
) -> Iterator[list[Proposal]]:
    """Yield proposals for one batch, some at a time, until nothing is missing or the patience is used up.

    Args:
        strategy: what proposes; one that comes to an end is asked until it does.
        missing: tells how many are still wanted, after those that were yielded were looked at.
        patience: proposals at most.
        least: proposals asked for at once, at least.
        ask: what asks it, where that is checked.
    """
    asked, ask = 0, ask or strategy.ask
    strategy.begin()
    while (wanted := missing()) > 0 and (asked < patience or strategy.is_finite):
        count = min(_AT_MOST, max(least, int(_SPARE * wanted)))
        some = ask(count)
        asked += len(some)
        if some:
            yield some
        if len(some) < count:
            return
