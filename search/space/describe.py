"""From trees and formulas to what a choice goes by: features, standardised outputs, parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from evaluators.judging.features.catalogue import described as facts_of
from evaluators.judging.features.catalogue import table
from primitives import Expression
from primitives.numeric import Array
from primitives.table import all_primitives
from search.space.forest import Looked, look
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig


@dataclass(frozen=True, eq=False)
class Described:
    """What arrays say of a function.

    Attributes:
        facts: its features by name, estimated; see :attr:`evaluators.judging.looks.Looks.facts`.
        parameters: how many learnable ones it has.
        row: its standardised outputs, see :mod:`search.space.novelty`.
        features: what a model is fitted on, all finite.
    """

    facts: Mapping[str, float]
    parameters: int
    row: Array
    features: Array


def described(looked: Looked, places: Iterable[int]) -> Iterator[Described]:
    """Yield what arrays say of the functions at some places, which must be sound."""
    looks = looked.looks
    facts = facts_of(looks)
    _, features = table(looks, facts)
    for place in places:
        own = {name: float(values[place]) for name, values in facts.items()}
        yield Described(own, looked.parameters[place], looks.standardised[place], features[place])


def of_trees(trees: Sequence[Sequence[Any]]) -> Iterator[Described | None]:
    """Yield what arrays say of each tree; ``None`` of one that may not be trained."""
    for _, looked in look(trees):
        sound = looked.looks.sound
        found = described(looked, np.flatnonzero(sound))
        yield from (next(found) if passes else None for passes in sound)


def of_expression(expression: Expression) -> Described | None:
    """Return what arrays say of a formula; ``None`` where no tree says it, or it may not be trained."""
    tree = everything().tree(expression)
    return None if tree is None else next(of_trees([tree]))


@cache
def everything() -> Grammar:
    """Return a grammar that says nearly every formula."""
    names = tuple(primitive.name for primitive in all_primitives())
    return Grammar(GrammarConfig(primitives=names, max_parameters=8, max_depth=15, max_nesting={}))
