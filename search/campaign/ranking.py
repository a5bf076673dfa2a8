"""Which of many children to train: what ranks them is one exchangeable thing."""

from __future__ import annotations

import abc
import math
import random
from collections.abc import Mapping, Sequence

import numpy as np

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.features.feature import Feature, Subject
from primitives.numeric import Array
from search.campaign.pool import Child
from search.campaign.prior_weight import PriorWeight, features
from search.space.grammar import Grammar


class Ranking(abc.ABC):
    """Puts a pool of children in the order in which they should be trained.

    As for a strategy: it draws from Python's global ``random`` alone, and learning draws nothing, so that a resumed
    campaign ranks as the uninterrupted one did.
    """

    @abc.abstractmethod
    def order(self, pool: Sequence[Child]) -> list[int]:
        """Return the places of all children, the most promising first."""

    @abc.abstractmethod
    def tell(self, facts: Mapping[str, float], error: float) -> None:
        """Learn of a trained candidate: its features and what it was trained to."""


class NoisyPrior(Ranking):
    """Ranks by the feature of the theory that predicts best, with as much noise as it predicts badly.

    The correlation of the order with that feature's own is the weight that the evidence of this campaign allows.
    """

    def __init__(self, grammar: Grammar, weight: PriorWeight) -> None:
        self._grammar, self._weight = grammar, weight

    def order(self, pool: Sequence[Child]) -> list[int]:
        """Return the places by a noisy ranking."""
        feature, weight = self._weight.best()
        luck = _ranks([random.random() for _ in pool])
        theory = _ranks(self._values(FEATURES[feature], pool)) if weight else np.zeros(len(pool))
        score = weight * theory + math.sqrt(1 - weight**2) * luck
        return [int(place) for place in np.argsort(score, kind="stable")]

    def tell(self, facts: Mapping[str, float], error: float) -> None:
        """Add evidence."""
        self._weight.tell(features(facts), error)

    def _values(self, feature: Feature, pool: Sequence[Child]) -> list[float]:
        """Return a feature of every child: from arrays, or where it cannot be had from those, of its formula."""
        if feature.quick is not None:
            return [child.facts[feature.name] for child in pool]
        return [_of_formula(feature, self._grammar, child) for child in pool]


def _of_formula(feature: Feature, grammar: Grammar, child: Child) -> float:
    """Return a feature of a child's formula; infinity, the last of all, where it has none."""
    expression = grammar.expression(child.proposal.tree)
    return math.inf if expression is None else feature.value(Subject(expression))


def _ranks(values: Sequence[float]) -> Array:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks
