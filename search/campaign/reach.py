"""Can a search find what is wished for? Seeds are judged and random trees drawn before anything starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluators import assess
from evaluators.judging.cost import cost
from primitives import ActsearchError, Expression, resolve, simplify, unscaled
from search.campaign.loop import seeded
from search.configuration.config import CampaignConfig
from search.space.enumeration import trees
from search.space.forest import look
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.space.wished import Wished

DRAWN = 4096
"""Random trees among which one function must be what is wished for."""
_AT_ONCE = 256
_TRIED = 32
"""Formulas that are judged exactly, of those that passed at a glance."""
_SMALL, _CHEAPEST = 3, 16


def check_wishes(config: CampaignConfig) -> None:
    """Check before anything is created that seeds are what is wished for, and that the search can find such functions.

    Raises:
        ActsearchError: a seed is not, nothing costs as little as ``wishes.max_cost``, or none of :data:`DRAWN` random
            trees is what is wished for; the message says what each wish takes away.
    """
    if not config.wishes.any:
        return
    grammar = Grammar(config.drawn)
    wished = Wished(config.wishes, grammar)
    for text in config.seeds:
        if reason := refused(wished, grammar, resolve(text)):
            raise ActsearchError(f"seed '{text}' contradicts [wishes]: {reason}; leave out the seed or change the wish")
    _check_cost(config, grammar)
    _check_draws(grammar, wished)


def refused(wished: Wished, grammar: Grammar, expression: Expression) -> str | None:
    """Return why a formula that can be trained is not what is wished for, or ``None``.

    Raises:
        ActsearchError: a rule of somebody's own fails.
    """
    return wished.refusal(expression, grammar.tree(expression), cost(expression))


def _check_cost(config: CampaignConfig, grammar: Grammar) -> None:
    """Compare the most that a formula may cost with the cheapest function of up to three nodes."""
    most = config.wishes.max_cost
    small = list(trees(grammar, _SMALL)) if most is not None else []
    found: list[tuple[float, str]] = []
    for places, looked in look(small):
        sound = np.flatnonzero(looked.looks.sound)
        nearly = sound[np.argsort(looked.looks.costs[sound], kind="stable")][:_CHEAPEST]
        formulas = [simplify(unscaled(grammar.formula(small[places.start + int(place)]))) for place in nearly]
        found += [(cost(formula), str(formula)) for formula in formulas]
    if most is not None and found and min(found)[0] > most:
        least, text = min(found)
        raise ActsearchError(
            f"wishes.max_cost is {most:g}, and the cheapest function of this grammar, {text}, costs {least:g}; raise "
            "it, or add cheaper primitives"
        )


@dataclass
class _Draw:
    """What random trees came to.

    Attributes:
        sound: how many are functions that may be trained.
        faults: how many of those each wish takes away, by reason.
        passed: how many pass at a glance.
        tried: how many of those were judged exactly, all in vain.
    """

    sound: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    passed: int = 0
    tried: int = 0


def _check_draws(grammar: Grammar, wished: Wished) -> None:
    """Draw trees until one is what is wished for.

    Raises:
        ActsearchError: none is.
    """
    draw = _Draw()
    with seeded(0, 0):
        for _ in range(DRAWN // _AT_ONCE):
            drawn = [wished.grown(grammar.random_tree()) for _ in range(_AT_ONCE)]
            if _has_one(draw, drawn, grammar, wished):
                return
    if draw.passed > draw.tried:
        return  # too many to judge them all exactly
    shares = ", ".join(f"{reason}: {count / draw.sound:.0%}" for reason, count in draw.faults.most_common() if count)
    raise ActsearchError(
        f"none of {DRAWN:,} random trees of this grammar is what [wishes] ask for, so nothing would be found; "
        f"{draw.sound:,} of them may be trained, and of these the wishes take away: {shares or 'none'}; drop a wish, "
        "or give the grammar other primitives"
    )


def _has_one(draw: _Draw, drawn: Sequence[Tree], grammar: Grammar, wished: Wished) -> bool:
    """Tell whether one of some trees is what is wished for, and count what the others are."""
    for places, looked in look(drawn):
        some, looks = drawn[places.start : places.stop], looked.looks
        surcharges = np.array([grammar.surcharge(tree) for tree in some])
        sound = looks.sound & (looks.complexities + surcharges <= grammar.config.max_complexity)
        faults = wished.likely_faults(some, looks)
        draw.sound += int(sound.sum())
        draw.faults.update({reason: int((holds & sound).sum()) for reason, holds in faults.items()})
        passes = sound & ~np.any([np.zeros(len(some), dtype=bool), *faults.values()], axis=0)
        draw.passed += int(passes.sum())
        for place in np.flatnonzero(passes)[: max(0, _TRIED - draw.tried)]:
            draw.tried += 1
            reason = _refused_tree(some[int(place)], grammar, wished)
            if reason is None:
                return True
            draw.faults[reason] += 1
    return False


def _refused_tree(tree: Sequence[Any], grammar: Grammar, wished: Wished) -> str | None:
    """Return why a tree is not to be trained, judged as a campaign would: its shortest form, then as it is."""
    try:
        expression = grammar.formula(tree)
        forms = (simplify(unscaled(expression)), expression)
        reasons = [assess(form).rejection or refused(wished, grammar, form) for form in forms]
    except ActsearchError as error:
        return str(error)
    return None if None in reasons else reasons[0]
