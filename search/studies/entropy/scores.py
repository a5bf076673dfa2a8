"""What every zero-cost score says of every function: nothing here trains."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from evaluators import assess
from evaluators.instruments.measures import measure
from evaluators.instruments.proxies import proxies
from evaluators.theory.density import parse_density
from evaluators.theory.quadrature import gain, sample
from primitives import Expression, compile_expression, parse
from search.studies.entropy.plan import PANELS, SMALL, Variant, study_task
from search.studies.spreading import spread

DEVIATIONS = (1.0, SMALL)
INTEGRALS = {
    "raw entropy": "differential entropy of f(X), lowest where there is an atom",
    "raw entropy, scaled": "the same less log of the output's deviation: the limit of the next without noise",
    "standardised entropy": "of f(X) scaled to unit variance, smoothed by noise 0.1",
    "correction size": "norm of the first variation of the standardised entropy",
    "second moment": "E[f^2]",
    "mean share": "E[f]^2/E[f^2]",
    "chi1": "E[X^2] E[f'^2]/E[f^2]",
    "nonlinearity": "share of the variance of f(X) that no straight line explains",
}
"""Scores under X ~ N(0, deviation^2), each at the deviations 1 and 0.139."""

NETWORK = {
    "gradient norm": "of the loss of the task's own network at initialisation",
    "Fisher trace": "mean squared norm of one example's gradient, same network",
    "gradient ratio": "log of the gradient norm at the first weights over the last",
}
CONTROLS = {"cost": "multiplications of one element, forward and backward", "complexity": "nodes of the formula"}


def at(score: str, deviation: float) -> str:
    """Return the column of a score at a deviation of the input."""
    return f"{score} at {deviation:g}"


def columns(task: str, setting: str) -> dict[str, str]:
    """Return the column of every score of a panel by the name it has in tables."""
    integrals = [at(score, deviation) for deviation in DEVIATIONS for score in INTEGRALS]
    own = {score: f"{score}, {task} {setting}" for score in NETWORK}
    return {name: name for name in integrals} | own | {name: name for name in CONTROLS}


def integrals(expression: Expression) -> dict[str, float]:
    """Return the scores that are integrals, at both deviations."""
    row: dict[str, float] = {}
    for deviation in DEVIATIONS:
        found = measure(expression, parse_density(f"normal(0, {deviation!r})"))
        field = found.mean_field
        values = (
            found.raw_entropy, found.limit, found.entropy, found.correction,
            field.second_moment, field.mean_share, field.chi1, field.nonlinearity,
        )  # fmt: skip
        row |= {at(score, deviation): _rounded(value) for score, value in zip(INTEGRALS, values, strict=True)}
    return row


def _rounded(value: float) -> float:
    """Return six digits: what is equal in theory, such as chi1 of ReLU and of LeakyReLU, ties in the ranks."""
    return float(f"{value:.6g}") if abs(value) > 1e-9 else 0.0


def score_row(variant: Variant, seeds: int) -> dict[str, Any]:
    """Return every score of one function; networks are averaged over the seeds."""
    expression = parse(variant.expression)
    layer, first = compile_expression(expression).module, gain(sample(expression))
    row: dict[str, Any] = {"name": variant.name, "expression": variant.expression} | integrals(expression)
    for task, setting in PANELS:
        found = proxies(study_task(task, setting), layer, first, seeds=range(seeds))
        values = (found.gradient_norm, found.fisher_trace, found.gradient_ratio)
        row |= {f"{score}, {task} {setting}": value for score, value in zip(NETWORK, values, strict=True)}
    facts = assess(expression).facts
    return row | {"cost": facts["cost"], "complexity": facts["complexity"]}


def score_all(variants: tuple[Variant, ...], seeds: int, workers: int) -> pd.DataFrame:
    """Return one row a function, indexed by name, in the order of the variants."""
    frame = pd.DataFrame(list(spread(partial(score_row, seeds=seeds), variants, workers))).set_index("name")
    return frame.loc[[variant.name for variant in variants]]
