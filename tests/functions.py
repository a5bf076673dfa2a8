"""Candidates to measure with: functions that differ, and jobs of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from evaluators import Job, Task, assess
from primitives import BASELINES, Expression, resolve

LIBRARY = (
    "tanh", "softplus", "selu", "squareplus", "hardswish", "swish", "serf", "golu", "elish", "tanhsoft1", "sinlu",
    "gelusine",
)  # fmt: skip
GRAMMAR = (
    "erf(asinh(softsign(x)))",
    "asinh(alpha*x + elu(x))",
    "softplus(alpha - x)",
    "silu(x)/sqrt(cos(alpha)**2 + 1) + 1",
    "sin(0.75*gaussian(x))",
    "sigmoid(-softsign(x)/sqrt(alpha**2 + 1))",
    "sin(erf(x))",
    "elu(softsign(max(0.1, x)))",
    "-tanh(min(alpha, x) - sigmoid(beta))",
    "erf(gelu(-x))",
    "x*gaussian(x)",
    "atan(sigmoid(x**2))",
)
FUNCTIONS = (*BASELINES, *LIBRARY, *GRAMMAR)
"""32: the baselines, published ones, and what random trees of the default grammar came to."""


def jobs_of(task: Task, functions: Sequence[str], steps: int, seeds: Sequence[int]) -> list[Job]:
    """Return a job for each function and seed, neighbours with the same function."""
    expressions = [resolve(function) for function in functions for _ in seeds]
    gains = {expression: assess(expression).gain for expression in expressions}
    return [
        Job(number, str(expression), gains[expression], task.name, steps, (seeds[number % len(seeds)],))
        for number, expression in enumerate(expressions)
    ]


@cache
def _gain(expression: Expression) -> float:
    return assess(expression).gain or 1.0


def distinct_jobs(task: Task, count: int) -> list[Job]:
    """Return jobs of seed 0, no two with the same function: beyond 32 these come again, scaled."""
    jobs = []
    for number in range(count):
        base, factor = resolve(FUNCTIONS[number % len(FUNCTIONS)]), 1 - number // len(FUNCTIONS) / 64
        expression = scaled(base, factor) if factor < 1 else base
        gain = _gain(base) / factor
        jobs.append(Job(number, str(expression), gain, task.name, task.recipe.steps, (0,)))
    return jobs


def scaled(expression: Expression, factor: float) -> Expression:
    """Return a multiple of a function."""
    return Expression(factor * expression.body, expression.initial)
