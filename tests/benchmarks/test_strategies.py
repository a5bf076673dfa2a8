"""Trainings that each strategy takes on the committed tables, against aging evolution and against even draws."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from evaluators.judging.objectives import chosen_objectives
from search.campaign.loop import seeded
from search.space.describe import of_trees
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig
from search.strategies.catalogue import STRATEGIES
from search.strategies.choice import Child, Result
from search.strategies.proposal import Proposal
from search.strategies.surrogate import Surrogate
from search.tables.board import Board, Plain, plain
from search.tables.games import Outcome, Quartiles, played
from search.tables.replay import Rules
from tests.benchmarks import ablations

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]

TABLES = sorted(Path("evaluators/study/tables").glob("*.parquet"))
RULES = Rules(trainings=200, batch=4)
SHORT = Rules(trainings=100, batch=4)
RIVALS = (
    ("random", {}, 300),
    ("nsga2", {}, 300),
    ("aging", {}, 300),
    ("aging", {"population": 16, "sample": 5}, 300),
)
ABLATIONS = (
    *((name, {}) for name in ablations.CHOICES if name != "guided-without-rungs"),  # a table has none
    ("guided", {"eafo_step": False}),
    ("guided", {"hybrids": False}),
    ("guided", {"shapes": False}),
    ("guided", {"newcomers": 1.0}),
)
SAMPLES, TOLD = 2000, 20_000


def even_draws(board: Board, best: frozenset[int], repeats: int = 5000) -> np.ndarray:
    """Return trainings until one of the best, the baselines first and then distinct functions drawn evenly."""
    luck, known = np.random.default_rng(0), set(board.baselines)
    first = next((n for n, place in enumerate(board.baselines, start=1) if place in best), None)
    others = np.array([place in best for place in range(len(board)) if place not in known])
    drawn = [len(known) + 1 + int(luck.permutation(others).argmax()) for _ in range(repeats)]
    return np.full(repeats, float(first)) if first is not None else np.array(drawn, dtype=float)


def noise_ceiling(board: Board, best: frozenset[int]) -> float:
    """Return the median trainings of whoever knows one seed's score of every function and trains in that order."""
    luck = np.random.default_rng(0)
    met = []
    for _ in range(300):
        said = [luck.choice(scores) if scores else np.inf for scores in board.scores]
        order = [*board.baselines, *(place for place in np.argsort(said) if place not in board.baselines)]
        met.append(next(n for n, place in enumerate(order, start=1) if place in best))
    return float(np.median(met))


def ratio(values: np.ndarray, rivals: np.ndarray) -> str:
    """Return the ratio of medians with a 95 % bootstrap interval."""
    luck = np.random.default_rng(0)
    found = [
        np.median(luck.choice(values, len(values))) / np.median(luck.choice(rivals, len(rivals)))
        for _ in range(SAMPLES)
    ]
    low, high = np.quantile(found, (0.025, 0.975))
    return f"{np.median(values) / np.median(rivals):.2f} ({low:.2f} to {high:.2f})"


def of(table: Plain, name: str, options: dict[str, object], repeats: int, rules: Rules = RULES) -> Outcome:
    chosen = STRATEGIES[name].options(**options)
    workers = os.cpu_count() or 1
    return played(table, name, chosen, rules, repeats, workers, ["tests.benchmarks.ablations"])


def said(outcome: Outcome, against: dict[str, np.ndarray]) -> str:
    """Return a line: medians and quartiles, regret, and ratios of medians to others."""
    values = np.minimum(outcome.first_percent, RULES.trainings)
    quartiles = [Quartiles.of(outcome.first_percent), Quartiles.of(outcome.first_ten)]
    first = "; ".join(f"{q.median} ({q.low} to {q.high})" for q in quartiles)
    regret = ", ".join(f"{after}: {np.median(some):.4f}" for after, some in outcome.regret.items())
    ratios = ", ".join(f"over {name} {ratio(values, others)}" for name, others in against.items())
    return f"top 1 %, top 10 {first}; regret {regret}; {ratios}"


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_guided_meets_a_top_function_in_a_third_of_the_trainings_of_aging_and_half_of_even_draws(file):
    table = plain(file)
    board = Board(table)
    best = board.best(max(1, round(len(board) / 100)))
    even = even_draws(board, best)
    print(f"\n{file.stem}: {len(board)} functions, batches of {RULES.batch}; medians (quartiles); ratios of medians")
    print(f"even draws {np.median(even):.0f}; noise ceiling {noise_ceiling(board, best):.0f}")
    found = {f"{name} {options or ''}": of(table, name, options, repeats) for name, options, repeats in RIVALS}
    against = {"even draws": even, "aging": np.minimum(found["aging "].first_percent, RULES.trainings)}
    for name, outcome in found.items():
        print(f"{name}: {said(outcome, against)}")
    guided = of(table, "guided", {}, 100)
    print(f"guided: {said(guided, against)}", flush=True)
    median = np.median(guided.first_percent)
    assert median <= np.median(against["aging"]) / 3
    assert median <= np.median(even) / 2


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_what_each_part_of_guided_brings(file):
    table = plain(file)
    whole = of(table, "guided", {}, 40, SHORT)
    against = {"guided": np.minimum(whole.first_percent, SHORT.trainings)}
    print(f"\n{file.stem}: 40 games of {SHORT.trainings} trainings")
    print(f"guided: {said(whole, against)}")
    for name, options in ABLATIONS:
        print(f"{name} {options or ''}: {said(of(table, name, options, 40, SHORT), against)}", flush=True)


def test_fitting_and_asking_stay_under_two_seconds_at_20000_told():
    """A batch of 16 out of 256 children; half of what is told was stopped at a rung."""
    grammar = Grammar(GrammarConfig())
    with seeded(5, 0):
        trees = [grammar.random_tree() for _ in range(4000)]
        found = [(tree, seen) for tree, seen in zip(trees, of_trees(trees), strict=True) if seen is not None]
        choice = Surrogate(grammar)
        choice.aim(chosen_objectives(("error", "cost", "complexity"), "error"))
        for number in range(TOLD):
            tree, seen = found[number % len(found)]
            choice.chose(number, grammar.dumps(tree), "")
            facts = seen.facts
            point = (random.gauss(facts["linear_share"], 0.05), facts["cost"], facts["complexity"])
            choice.tell(Result(number, {100: point, 400: point} if number % 2 else {100: point}, 400, number < 8))
        pool = [Child(Proposal(tree, "random"), seen, np.zeros(0)) for tree, seen in found[:256]]
        seconds = []
        for _ in range(7):
            started = time.perf_counter()
            choice.order(pool, 16)
            seconds.append(time.perf_counter() - started)
    first, *others = seconds  # the first looks at what was told
    print(
        f"\n{TOLD:,} told: {np.median(others):.2f} s ({min(others):.2f} to {max(others):.2f}), the first {first:.2f} s"
    )
    assert np.median(others) < 2
