"""What a table is of: every distinct function of a small space, or the lines of a list."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from primitives import BASELINES, ActsearchError, resolve
from runs import Candidate
from search.campaign.funnel import Funnel
from search.campaign.ranking import InOrder
from search.configuration.config import CampaignConfig, Prior
from search.loading.formulas import lines_of
from search.space.grammar import Grammar
from search.strategies.exhaustive import Exhaustive, ExhaustiveOptions

_AT_ONCE = 256


@dataclass(frozen=True)
class Function:
    """A function of a table.

    Attributes:
        expression: its text.
        gain: initialisation factor.
    """

    expression: str
    gain: float


class _Taken:
    """Takes functions in as a campaign would, each once, the baselines first."""

    def __init__(self, config: CampaignConfig) -> None:
        self.grammar = Grammar(config.drawn)
        own = {"strategy": ExhaustiveOptions(novelty=0.0), "prior": Prior(pool=1)}
        self.funnel = Funnel(self.grammar, InOrder(), config.model_copy(update=own))
        self.functions: list[Function] = []
        for name in BASELINES:
            self.add(name)

    def add(self, text: str) -> None:
        """Take in a formula or name, unless its function is there already.

        Raises:
            ActsearchError: it can never be trained.
        """
        expression = resolve(text)
        row = Candidate(len(self.functions) + 1, str(expression), "seed")
        judged = self.funnel.starter(row, expression)
        if judged.status == "rejected":
            raise ActsearchError(f"'{expression}' cannot be trained: {judged.reason}")
        self.keep([judged])

    def keep(self, candidates: Iterable[Candidate]) -> None:
        """Take in those that wait for a training."""
        found = ((each.expression, each.gain) for each in candidates if each.status == "pending")
        self.functions += [Function(text, gain) for text, gain in found if gain is not None]


def of_space(config: CampaignConfig) -> list[Function]:
    """Return the baselines, then every distinct function of the configuration's grammar that may be trained.

    They are those of trees of ``grammar.max_complexity`` nodes at most, distinct up to what layers absorb.

    Raises:
        ActsearchError: the space is too large to be gone through.
    """
    taken, looked_at = _Taken(config), len(BASELINES)
    strategy = Exhaustive(taken.grammar, ExhaustiveOptions())
    while batch := taken.funnel.fill(strategy, 1, looked_at + 1, _AT_ONCE).candidates:
        looked_at += len(batch)
        taken.keep(batch)
    return taken.functions


def of_list(file: Path) -> list[Function]:
    """Return the baselines, then the functions of a list: a formula or name a line; blank lines and ``#`` are skipped.

    Raises:
        ActsearchError: it cannot be read, or a line is no function that can be trained; the message names the line.
    """
    taken = _Taken(CampaignConfig())
    for number, text in lines_of(file):
        try:
            taken.add(text)
        except ActsearchError as error:
            raise ActsearchError(f"'{file}', line {number}: {error}") from None
    return taken.functions


def even_draw(functions: Sequence[Function], count: int, seed: int = 0) -> list[Function]:
    """Return the baselines and an even draw of the others, so many in all, in their order."""
    first, rest = list(functions[: len(BASELINES)]), functions[len(BASELINES) :]
    places = sorted(random.Random(seed).sample(range(len(rest)), max(0, min(count - len(first), len(rest)))))
    return first + [rest[place] for place in places]
