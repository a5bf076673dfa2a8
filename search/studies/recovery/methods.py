"""The strategies that play, each told the same: nothing of the target but fits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from search.space.leaves import Tree
from search.strategies.guided import Guided, GuidedOptions, known_trees
from search.strategies.nsga2 import NSGA2, NSGA2Options
from search.strategies.random_search import RandomOptions, RandomSearch
from search.strategies.strategy import Strategy
from search.studies.recovery.fitting import Fitting
from search.studies.recovery.targets import Target, grammar, parts


@cache
def allowed(target: Target) -> tuple[Tree, ...]:
    """Return the library's trees that may be proposed and made hybrids with.

    Left out is each with a part, or the whole, that can be fitted to the target or to a forbidden primitive.
    """
    wanted = [Fitting(name) for name in (target.name, *target.forbidden)]
    trees = known_trees(grammar(target))
    return tuple(tree for tree in trees if not any(each.fit(part).recovered for part in parts(tree) for each in wanted))


def _guided(target: Target) -> Strategy:
    return Guided(grammar(target), GuidedOptions(eafo_step=False), known=allowed(target))


def _nsga2(target: Target) -> Strategy:
    return NSGA2(grammar(target), NSGA2Options(eafo=0.0))


def _random(target: Target) -> Strategy:
    return RandomSearch(grammar(target), RandomOptions())


STRATEGIES: dict[str, Callable[[Target], Strategy]] = {"guided": _guided, "nsga2": _nsga2, "random": _random}
"""By name."""
