"""The strategies by name."""

from __future__ import annotations

from primitives.registries import Maker, Registry
from search.strategies.aging import Aging, AgingOptions
from search.strategies.exhaustive import Exhaustive, ExhaustiveOptions
from search.strategies.guided import Guided, GuidedOptions
from search.strategies.nsga2 import NSGA2, NSGA2Options
from search.strategies.random_search import RandomOptions, RandomSearch
from search.strategies.strategy import Strategy, StrategyOptions

STRATEGIES: Registry[Maker[Strategy]] = Registry(
    "strategy",
    {
        "aging": Maker(Aging, AgingOptions, "PANGAEA's: the best of some drawn is mutated, and the oldest leaves"),
        "exhaustive": Maker(Exhaustive, ExhaustiveOptions, "every tree of a small space, the small ones first"),
        "guided": Maker(Guided, GuidedOptions, "a model of the campaign's own trainings picks among many children"),
        "nsga2": Maker(NSGA2, NSGA2Options, "keeps the best of what was told by rank and crowding, and varies them"),
        "random": Maker(RandomSearch, RandomOptions, "random trees, nothing learned: the control"),
    },
    Maker,
    StrategyOptions,
)
"""Every strategy by name. A factory is called with the grammar and its options, see :class:`Strategy`."""
