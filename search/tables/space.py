"""What a table is of: every distinct function of a small space, or the lines of a list."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators import assess
from primitives import BASELINES, ActsearchError, Expression, IdentityIndex, fingerprint, resolve
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


def baselines() -> list[Function]:
    """Return the baselines of every campaign; every table begins with them."""
    return [_function(resolve(name)) for name in BASELINES]


def of_space(config: CampaignConfig) -> list[Function]:
    """Return the baselines, then every distinct function of the configuration's grammar that may be trained.

    They are those of trees of ``grammar.max_complexity`` nodes at most, distinct up to what layers absorb.

    Raises:
        ActsearchError: the space is too large to be gone through.
    """
    wanted = {"strategy": ExhaustiveOptions(novelty=0.0), "prior": Prior(pool=1)}
    config = config.model_copy(update=wanted)
    grammar = Grammar(config.grammar)
    strategy, funnel = Exhaustive(grammar, ExhaustiveOptions()), Funnel(grammar, InOrder(), config)
    first = baselines()
    funnel.know([resolve(name) for name in BASELINES])
    found = [Function(text, gain) for text, gain in _all(funnel, strategy)]
    return first + found


def _all(funnel: Funnel, strategy: Exhaustive) -> Iterator[tuple[str, float]]:
    count = 1000
    while batch := funnel.fill(strategy, 1, count, _AT_ONCE).candidates:
        count += len(batch)
        yield from ((c.expression, c.gain) for c in batch if c.status == "pending" and c.gain is not None)


def of_list(file: Path) -> list[Function]:
    """Return the baselines, then the functions of a list: a formula or name a line; blank lines and ``#`` are skipped.

    Raises:
        ActsearchError: it cannot be read, or a line is no function that can be trained; the message names the line.
    """
    found, seen = baselines(), IdentityIndex()
    for number, name in enumerate(BASELINES):
        _is_new(seen, number, resolve(name))
    for number, text in lines_of(file):
        expression = resolve(text)
        try:
            function = _function(expression)
        except ActsearchError as error:
            raise ActsearchError(f"'{file}', line {number}: {error}") from None
        if _is_new(seen, len(BASELINES) + number, expression):
            found.append(function)
    return found


def even_draw(functions: Sequence[Function], count: int, seed: int = 0) -> list[Function]:
    """Return the baselines and an even draw of the others, so many in all, in their order."""
    first, rest = list(functions[: len(BASELINES)]), functions[len(BASELINES) :]
    places = sorted(random.Random(seed).sample(range(len(rest)), max(0, min(count - len(first), len(rest)))))
    return first + [rest[place] for place in places]


def _function(expression: Expression) -> Function:
    found = assess(expression)
    if found.gain is None:
        raise ActsearchError(f"'{expression}' cannot be trained: {found.rejection}")
    return Function(str(expression), found.gain)


def _is_new(seen: IdentityIndex, identifier: int, expression: Expression) -> bool:
    print_ = fingerprint(expression, absorbed=True)
    if seen.find_structure(expression.key) is not None or seen.find_values(print_) is not None:
        return False
    seen.add(identifier, expression.key, print_)
    return True
