"""Features of the formula alone: how long it is and what it costs."""

from __future__ import annotations

from evaluators.judging.cost import cost
from evaluators.judging.features.feature import Feature

FORMULA = (
    Feature(
        "cost",
        "float32 multiplications",
        "cost",
        lambda s: cost(s.expression),
        digits=0,
        formula=True,
        shown=False,
        quick=lambda looks: looks.costs,
        scale="log",
    ),
    Feature(
        "complexity",
        "nodes",
        "complexity",
        lambda s: s.expression.complexity,
        digits=0,
        formula=True,
        kind=int,
        shown=False,
        quick=lambda looks: looks.complexities,
    ),
)
