"""Hypothesis strategies: random trees of the search grammar as expressions."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from search.campaign.loop import seeded
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig


@cache
def grammar() -> Grammar:
    return Grammar(GrammarConfig(max_depth=8, max_complexity=60, max_parameters=3))


@cache
def typed_grammar() -> Grammar:
    """A grammar with every type of argument, and with limits that bite."""
    names = ("add", "mul", "div", "pow", "scale", "power", "neg", "inverse", "square", "exp", "sinh", "sin", "sigmoid")
    limits = {"exponential": 1, "sin": 2}
    return Grammar(GrammarConfig(primitives=names, max_nesting=limits, max_parameters=3, max_complexity=60))


@st.composite
def trees(draw):
    with seeded(draw(st.integers(0, 2**32)), 0):
        return grammar().random_tree(1, draw(st.integers(1, 9)))


expressions = trees().map(lambda tree: grammar().expression(tree)).filter(lambda e: e is not None)
