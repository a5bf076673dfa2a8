"""Keys of a configuration that cannot have an effect, each with the reason and what to do about it.

The rules are looked at when a user gives a configuration, never when a run file is read: what was
accepted once stays accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from evaluators.judging.objectives import SCORE
from evaluators.judging.properties.catalogue import PROPERTIES
from search.configuration.config import CampaignConfig
from search.space.options import DRAWN, limited
from search.space.pangaea import INITIAL, LARGEST_PLAIN, MULTIPLIERS
from search.strategies.aging import AgingOptions
from search.strategies.guided import GuidedOptions
from search.strategies.nsga2 import NSGA2Options
from search.strategies.random_search import RandomOptions


class Idle(NamedTuple):
    """A key that changes nothing: its path, why, and what would give it an effect."""

    key: str
    why: str
    remedy: str


def without_effect(config: CampaignConfig, given: Mapping[str, Any]) -> str | None:
    """Return a sentence on the first key that was given, is not at its default, and cannot have an effect.

    Args:
        config: all of it, checked.
        given: the keys that a user wrote, as nested dictionaries.
    """
    own = {"strategy": type(config.strategy).model_validate({}), "execution": type(config.execution).model_validate({})}
    default = CampaignConfig().model_copy(update=own)
    for rule in _RULES:
        for idle in rule(config):
            if _is_given(given, idle.key) and _value(config, idle.key) != _value(default, idle.key):
                return f"key '{idle.key}' has no effect: {idle.why}; leave it out or {idle.remedy}"
    return None


def _is_given(given: Mapping[str, Any], key: str) -> bool:
    inner: Any = given
    for part in key.split("."):
        if not isinstance(inner, Mapping) or part not in inner:
            return False
        inner = inner[part]
    return True


def _value(config: BaseModel, key: str) -> Any:
    inner: Any = config
    for part in key.split("."):
        inner = inner.get(part) if isinstance(inner, Mapping) else getattr(inner, part)
    return inner


# --- the rules: what has no effect when ---------------------------------------------------------------


def _score(config: CampaignConfig) -> Iterator[Idle]:
    if not config.tasks and SCORE not in config.objectives and config.score not in config.objectives:
        why = f"objectives name {', '.join(config.objectives)}, and neither '{SCORE}' nor '{config.score}'"
        yield Idle("score", why, f"put '{SCORE}' into objectives")


def _several(config: CampaignConfig) -> Iterator[Idle]:
    if config.tasks:
        yield Idle("task", "tasks says what the search trains on", "leave out tasks")
    else:
        yield Idle("fidelity.further", "there is one task, and fidelity.steps is of it", "give tasks")


def _strategy(config: CampaignConfig) -> Iterator[Idle]:
    chosen = config.strategy
    if isinstance(chosen, RandomOptions):
        if config.execution.cohort is not None:
            why = "strategy 'random' keeps no population, and execution.cohort says how many are trained together"
            yield Idle("strategy.population", why, "leave out execution.cohort")
        if config.grammar.max_depth >= DRAWN - 1:
            why = f"strategy 'random' draws trees of {DRAWN} nodes at most"
            yield Idle("grammar.max_depth", why, f"set it below {DRAWN - 1}")
    if isinstance(chosen, GuidedOptions):
        yield from _guided(config, chosen)
    if not isinstance(chosen, NSGA2Options):
        return
    if chosen.newcomers == 1:
        for key in ("crossover", "eafo"):
            why = "with strategy.newcomers = 1 every proposal is a random tree"
            yield Idle(f"strategy.{key}", why, "lower strategy.newcomers")
    if reason := _no_parameters(config):
        yield Idle("strategy.eafo", f"an EAFO step adds a learnable parameter, and {reason}", "allow parameters")


def _aging(config: CampaignConfig) -> Iterator[Idle]:
    if not isinstance(config.strategy, AgingOptions):
        return
    grammar, deepest = config.grammar, _deepest(config)
    yield Idle("grammar.constants", "strategy 'aging' draws no fixed numbers", "choose another strategy")
    if INITIAL in grammar.learnable and len(set(grammar.learnable)) > 1:
        why = f"strategy 'aging' starts every multiplier at {INITIAL:g}, which is one of them"
        yield Idle("grammar.learnable", why, "take that one out of it")
    if grammar.max_depth >= deepest:
        yield Idle(
            "grammar.max_depth", f"strategy 'aging' draws no tree deeper than {deepest}", f"set it below {deepest}"
        )


def _deepest(config: CampaignConfig) -> int:
    """Return how deep a tree can be that the strategy draws, whatever ``max_depth`` is; its limit where that is all."""
    if isinstance(config.strategy, RandomOptions):
        return DRAWN - 1
    if isinstance(config.strategy, AgingOptions):
        return LARGEST_PLAIN - 1 + (0 if _no_parameters(config) else min(MULTIPLIERS, config.grammar.max_parameters))
    return config.grammar.max_depth


def _guided(config: CampaignConfig, chosen: GuidedOptions) -> Iterator[Idle]:
    for key in ("pool", "initial_weight"):
        why = "strategy 'guided' chooses by a model of its own"
        yield Idle(f"prior.{key}", why, "choose another strategy")
    if chosen.newcomers == 1:
        why = "with strategy.newcomers = 1 every proposal is a random tree or one of the library"
        yield Idle("strategy.eafo_step", why, "lower strategy.newcomers")
    if reason := _no_parameters(config):
        yield Idle("strategy.eafo_step", f"an EAFO step adds a learnable parameter, and {reason}", "allow parameters")


def _no_parameters(config: CampaignConfig) -> str:
    """Return why trees have no learnable parameter, an empty text if they may."""
    if not config.grammar.max_parameters:
        return "grammar.max_parameters is 0"
    return "" if config.grammar.learnable else "grammar.learnable is empty"


def _grammar_leaves(config: CampaignConfig) -> Iterator[Idle]:
    from primitives.table import get

    grammar = config.grammar
    if not grammar.max_parameters:
        yield Idle("grammar.learnable", "grammar.max_parameters is 0", "raise grammar.max_parameters")
    if not any("exponent" in get(name).types for name in grammar.primitives):
        why = "no primitive of this grammar takes an exponent"
        yield Idle("grammar.exponents", why, "add 'power' to grammar.primitives")
    for name in grammar.primitives:
        if name not in _usable(config):
            why = f"'{name}' takes a learnable multiplier, and {_no_parameters(config)}, so it is never drawn"
            yield Idle("grammar.primitives", why, "take that name out of it")


def _usable(config: CampaignConfig) -> tuple[str, ...]:
    """Return the primitives that trees can be made of."""
    from primitives.table import get

    names = config.grammar.primitives
    return tuple(name for name in names if not (_no_parameters(config) and "weight" in get(name).types))


def _grammar_limits(config: CampaignConfig) -> Iterator[Idle]:
    grammar = config.grammar
    deepest = min(grammar.max_depth, _deepest(config))
    for key, most in grammar.max_nesting.items():
        path = f"grammar.max_nesting.{key}"
        if not limited(key, _usable(config)):
            kind = "grows exponentially" if key == "exponential" else f"is '{key}'"
            yield Idle(path, f"nothing that this grammar can draw {kind}", "add such a primitive")
        elif most >= deepest:
            yield Idle(path, f"no path of a tree holds more than {deepest} primitives", f"set it below {deepest}")


def _grammar_weights(config: CampaignConfig) -> Iterator[Idle]:
    from primitives.table import get

    if not config.grammar.weights:
        return
    shown = _shown(_usable(config))
    for name, weight in config.grammar.weights.items():
        path = f"grammar.weights.{name}"
        if weight == get(name).weight:
            yield Idle(path, f"{weight} is the weight of '{name}' already", "set another")
        elif name not in shown:
            yield Idle(path, f"no formula of this grammar shows '{name}'", "add it to grammar.primitives")


def _shown(names: Sequence[str]) -> set[str]:
    """Return all primitives that formulas made of some may show: what builds them, and what spellings are named."""
    import importlib

    import sympy

    from primitives.table import get, of_function

    x, y = sympy.symbols("x y")
    bodies = [
        get(name).build(*values[: get(name).arity]) for name in names for values in ((x, y, x), (x, sympy.S.Zero, x))
    ]
    found = [node.func for body in bodies for node in sympy.preorder_traversal(body)]
    found += [value for value in vars(importlib.import_module("primitives.canonical")).values() if callable(value)]
    heads = {entry.name for entry in map(of_function, found) if entry is not None}
    return heads | set(names)


def _rungs(config: CampaignConfig) -> Iterator[Idle]:
    steps = config.fidelity.steps
    places = _places(config.fidelity.rungs, steps)
    if all(place in (0, steps) for place in places.values()):
        yield Idle("fidelity.keep", "there is no rung at which anybody stops", "give fidelity.rungs")
    for share, place in places.items():
        if place in (0, steps):
            why = f"the rung {share:g} falls on step {place} of {steps}, where nobody can stop"
            yield Idle("fidelity.rungs", why, "raise fidelity.steps")
        same = [other for other, step in places.items() if step == place and other < share]
        if same:
            why = f"the rungs {same[0]:g} and {share:g} both fall on step {place} of {steps}"
            yield Idle("fidelity.rungs", why, "raise fidelity.steps")


def _places(shares: Sequence[float], steps: int | None) -> dict[float, int]:
    """Return the step of each rung; without a number of steps, one of its own for each."""
    if steps is None:
        return {share: number for number, share in enumerate(shares, start=1)}
    return {share: round(share * steps) for share in shares}


def _prior(config: CampaignConfig) -> Iterator[Idle]:
    if config.prior.pool == 1:
        for key in ("initial_weight", "evidence"):
            yield Idle(f"prior.{key}", "prior.pool = 1 switches the prior off", "raise prior.pool")


_POWERS = {"square", "cube", "sqrt", "inverse", "power", "pow"}
_MAKE_POWERS = {*_POWERS, "mul", "div", "aq"}
"""What formulas may show a power of that no tree has: ``x*x`` is ``x**2``."""


def _wishes(config: CampaignConfig) -> Iterator[Idle]:
    wishes = config.wishes
    shown = _shown(_usable(config)) if wishes.forbidden else set[str]()
    for name in wishes.forbidden:
        if name not in shown and not (name in _POWERS and shown & _MAKE_POWERS):
            why = f"no tree of this grammar has '{name}' and no formula shows it"
            yield Idle("wishes.forbidden", why, "take that name out of it")
    for name in wishes.properties:
        for other in PROPERTIES[name].implies:
            if other in wishes.properties:
                yield Idle("wishes.properties", f"what is '{name}' is '{other}' as well", f"take '{other}' out of it")


def _budget(config: CampaignConfig) -> Iterator[Idle]:
    from primitives import BASELINES

    limit, steps = config.budget.steps, config.fidelity.steps
    if limit is None or steps is None:
        return
    trained = len(BASELINES) + len(config.baselines) + len(config.seeds) + config.budget.trainings
    most = trained * config.fidelity.seeds * steps
    if limit >= most:
        why = f"baselines, seeds and budget.trainings = {config.budget.trainings} take {most:,} steps at most"
        yield Idle("budget.steps", why, "raise budget.trainings")


def _lists(config: CampaignConfig) -> Iterator[Idle]:
    from primitives import BASELINES

    for text in config.baselines:
        if text in BASELINES:
            yield Idle("baselines", f"'{text}' is a baseline of every campaign", "take that name out of it")
    lists = {"baselines": config.baselines, "confirm.tasks": config.confirm.tasks}
    lists |= {f"wishes.{key}": getattr(config.wishes, key) for key in ("forbidden", "required", "properties")}
    for key, names in lists.items():
        for name in names:
            if names.count(name) > 1:
                yield Idle(key, f"it names '{name}' twice, and once is enough", "take one of them out")


_RULES = (
    _score, _several, _strategy, _aging, _grammar_leaves, _grammar_limits, _grammar_weights, _wishes, _budget, _rungs,
    _prior, _lists,
)  # fmt: skip
