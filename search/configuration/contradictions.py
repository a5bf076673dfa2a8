"""Wishes that cannot be fulfilled together, each with the reason and how to mend it, seen without drawing trees.

As with keys without effect, this is looked at when a user gives a configuration, never when a run file is read. What
only shows when trees are drawn is found in :mod:`search.campaign.reach`.
"""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.judging.cost import primitive_costs
from evaluators.judging.objectives import RELATIVE
from primitives import BASELINES
from primitives.table import get
from search.configuration.config import CampaignConfig
from search.space.options import joins, limited


def contradiction(config: CampaignConfig) -> str | None:
    """Return a sentence on the first wishes that contradict each other or the grammar or the budget, or ``None``."""
    for rule in (_tasks, _twice, _absent, _never_drawn, _nothing_left, _too_long, _too_dear, _budget):
        if reason := next(rule(config), None):
            return reason
    return None


def _tasks(config: CampaignConfig) -> Iterator[str]:
    named = [name for name in config.objectives if name in RELATIVE]
    if named and not config.tasks:
        yield f'objectives name \'{named[0]}\', which compares several tasks, and there is one; give tasks = ["a", "b"]'
    if config.tasks and not named:
        yield (
            f"objectives name neither {' nor '.join(RELATIVE)}, so that of tasks only '{config.tasks[0]}' would count; "
            "put one into objectives, or give that task alone"
        )
    if config.tasks and config.fidelity.further and len(config.fidelity.further) != len(config.tasks) - 1:
        numbers, tasks = len(config.fidelity.further), len(config.tasks)
        yield f"fidelity.further has {numbers} numbers and tasks has {tasks} names; give one for each but the first"


def _twice(config: CampaignConfig) -> Iterator[str]:
    for name in config.wishes.required:
        if name in config.wishes.forbidden:
            yield f"wishes.required and wishes.forbidden both name '{name}'; take it out of one of them"


def _absent(config: CampaignConfig) -> Iterator[str]:
    for name in config.wishes.required:
        if name not in config.grammar.primitives:
            yield (
                f"wishes.required names '{name}', which grammar.primitives lacks, so no formula has it; add it there"
            )


def _never_drawn(config: CampaignConfig) -> Iterator[str]:
    grammar = config.grammar
    for key, most in grammar.max_nesting.items():
        for name in sorted(limited(key, config.wishes.required)) if not most else ():
            yield f"wishes.required names '{name}', and grammar.max_nesting.{key} = 0 forbids it; take one of them out"
    learns = bool(grammar.max_parameters and grammar.learnable)
    for name in config.wishes.required:
        if "weight" in get(name).types and not learns:
            yield (
                f"wishes.required names '{name}', which takes a learnable multiplier, and the grammar allows no "
                "learnable parameter; raise grammar.max_parameters"
            )


def _nothing_left(config: CampaignConfig) -> Iterator[str]:
    if config.wishes.forbidden and not joins(config.drawn.primitives):
        left = ", ".join(config.drawn.primitives) or "nothing"
        yield (
            f"wishes.forbidden leaves {left} of grammar.primitives, and trees need one primitive at least that takes "
            "one expression and one that joins two; forbid fewer, or add others"
        )


def _too_long(config: CampaignConfig) -> Iterator[str]:
    most, required = config.grammar.max_complexity, set(config.wishes.required)
    least = 1 + sum(config.grammar.weights.get(name, get(name).weight) for name in required)
    if required and least > most:
        yield (
            f"wishes.required names {len(required)} primitives, which make {least} nodes with x, and "
            f"grammar.max_complexity is {most}; raise it, or require fewer"
        )


def _too_dear(config: CampaignConfig) -> Iterator[str]:
    most = config.wishes.max_cost
    for name in config.wishes.required if most is not None else ():
        least = sum(primitive_costs(get(name))) if get(name).function is not None else 0.0
        if most is not None and least > most:
            yield (
                f"wishes.required names '{name}', which alone costs {least:g}, and wishes.max_cost is {most:g}; raise "
                "it, or do not require that"
            )


def _budget(config: CampaignConfig) -> Iterator[str]:
    limit, steps = config.budget.steps, config.fidelity.steps
    if limit is None or steps is None:
        return
    seeds = config.fidelity.seeds
    least = len(BASELINES) * seeds * steps
    if limit <= least:
        yield (
            f"budget.steps is {limit:,}, and the {len(BASELINES)} baselines alone take {least:,} "
            f"({seeds} seeds of {steps:,} steps each), so nothing else would be trained; raise it, or lower "
            "fidelity.steps or fidelity.seeds"
        )
