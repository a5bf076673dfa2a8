"""The guided strategy with one part changed each, as strategies of their own: an extension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import create_model

from evaluators.judging.features.catalogue import quick
from primitives.registries import Maker
from search.campaign.ranking import InOrder
from search.space.grammar import Grammar
from search.strategies.catalogue import STRATEGIES
from search.strategies.choice import Choice
from search.strategies.guided import Guided, GuidedOptions
from search.strategies.model import TREES
from search.strategies.surrogate import Settings, Surrogate

SETTINGS: dict[str, Settings] = {
    "guided-without-entropy": Settings(without=frozenset({"prior", "correction"})),
    "guided-outputs-alone": Settings(without=frozenset(quick())),
    "guided-without-diversity": Settings(voters=TREES),
    "guided-without-rungs": Settings(rungs=False),
    "guided-by-score-alone": Settings(greedy=1.0),
    "guided-by-front-alone": Settings(greedy=0.0),
}
CHOICES: dict[str, Callable[[Grammar], Choice]] = {
    "guided-without-model": lambda grammar: InOrder(),
    **{name: lambda grammar, settings=settings: Surrogate(grammar, settings) for name, settings in SETTINGS.items()},
}
"""By name: what chooses in the place of the surrogate with its defaults."""


def _register(name: str, choice: Callable[[Grammar], Choice]) -> None:
    options = create_model(name, __base__=GuidedOptions, name=(Literal[name], name))  # type: ignore[call-overload]
    STRATEGIES.register(name, Maker(lambda grammar, own: Guided(grammar, own, choice(grammar)), options, name))


for each, chosen in CHOICES.items():
    _register(each, chosen)
