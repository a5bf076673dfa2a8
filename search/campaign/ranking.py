"""How children are chosen where the strategy has no model of its own: in order, or by the theory."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.features.feature import Feature, Subject
from primitives.numeric import Array
from search.campaign.prior_weight import PriorWeight
from search.space.grammar import Grammar
from search.strategies.choice import Child, Choice, Result


class InOrder(Choice):
    """Leaves children in the order in which they were proposed."""

    def pool(self, count: int) -> int:
        """Return as many as are trained."""
        return count

    def order(self, pool: Sequence[Child], count: int) -> list[int]:  # noqa: ARG002
        """Return the places as they are."""
        return [*range(len(pool))]

    def chose(self, identifier: int, genotype: str | None, text: str) -> None:
        """Learn nothing."""

    def tell(self, result: Result) -> None:
        """Learn nothing."""


class NoisyPrior(Choice):
    """Ranks by the feature of the theory that predicts best, with as much noise as it predicts badly.

    The correlation of the order with that feature's own is the weight that the evidence of this campaign allows.
    """

    def __init__(self, grammar: Grammar, weight: PriorWeight) -> None:
        self._grammar, self._weight = grammar, weight

    def pool(self, count: int) -> int:
        """Return what the configuration says for each."""
        return self._weight.config.pool * count

    def order(self, pool: Sequence[Child], count: int) -> list[int]:  # noqa: ARG002
        """Return the places by a noisy ranking."""
        feature, weight = self._weight.best()
        luck = _ranks([random.random() for _ in pool])
        theory = _ranks(self._values(FEATURES[feature], pool)) if weight else np.zeros(len(pool))
        score = weight * theory + math.sqrt(1 - weight**2) * luck
        return [int(place) for place in np.argsort(score, kind="stable")]

    def chose(self, identifier: int, genotype: str | None, text: str) -> None:
        """Learn nothing before it is trained."""

    def tell(self, result: Result) -> None:
        """Learn nothing here: the campaign weighs the theory's evidence, whatever chooses."""

    def _values(self, feature: Feature, pool: Sequence[Child]) -> list[float]:
        """Return a feature of every child: from arrays, or where it cannot be had from those, of its formula."""
        if feature.quick is not None:
            return [child.described.facts[feature.name] for child in pool]
        return [_of_formula(feature, self._grammar, child) for child in pool]


def _of_formula(feature: Feature, grammar: Grammar, child: Child) -> float:
    """Return a feature of a child's formula; infinity, the last of all, where it has none."""
    expression = grammar.expression(child.proposal.tree)
    return math.inf if expression is None else feature.value(Subject(expression))


def _ranks(values: Sequence[float]) -> Array:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks
