"""What each operator brought."""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_left, insort
from collections import Counter

from evaluators import Evaluation
from evaluators.training.cohort.halving import measured
from runs.account import credit
from runs.report.markup import Cell, Section, count, figure, paragraph, seeds_cell, table
from runs.report.material import Material

_USUAL = 16


def section(material: Material) -> Section:
    """Return a row an operator."""
    found = credit(material.run.counted(), material.frame.loc[material.frame["on_front"], "origin"])
    title = "What each operator brought"
    if found.empty:
        return Section("operators", title, (paragraph("Nothing has been trained yet."),))
    best = population(material)
    came = among_the_best(material, best)
    rows = [
        [
            Cell(row["operator"]),
            count(row["trained"]),
            count(row["ended"]),
            count(came[row["operator"]]),
            figure(100 * came[row["operator"]] / row["trained"], 0),
            count(row["front"]),
            seeds_cell(material.search_seeds),
        ]
        for row in sorted(found.to_dict("records"), key=lambda row: -row["trained"])
    ]
    caption = (
        f"By operator: who was trained, came to the end, was among the best {best} of those trained before it when its "
        "training ended, and is on the front"
    )
    heads = [
        "operator",
        ">trained",
        ">to the end",
        f">among the best {best}",
        ">% of trained",
        ">on the front",
        "seeds",
    ]
    return Section("operators", title, (table(caption, heads, rows),))


def population(material: Material) -> int:
    """Return how many the strategy keeps, as the stored configuration says; 16 where it does not say."""
    try:
        found = tomllib.loads(material.run.meta("config")).get("strategy", {}).get("population", _USUAL)
    except (tomllib.TOMLDecodeError, AttributeError, RecursionError):
        return _USUAL
    return found if type(found) is int and 0 < found < 10**6 else _USUAL


def among_the_best(material: Material, kept: int) -> Counter[str]:
    """Count by operator who was among the best when its training ended.

    The farthest come first, then the first objective at the place where each ended, as the strategies order them; what
    has no tree in the grammar is none of theirs.

    Args:
        material: of the run.
        kept: how many the best are.
    """
    best: list[tuple[int, float, int]] = []
    came: Counter[str] = Counter()
    name = material.axes[0].name
    for trained in material.trained:
        candidate = trained.candidate
        if candidate.genotype is None:
            continue
        value = material.first.get(candidate.id)
        if value is None:
            value = _at_its_end(material, trained.at(max(e.steps for e in trained.first)), name)
        entry = (-trained.reached, value, candidate.id)
        if bisect_left(best, entry) < kept:
            came[candidate.origin] += 1
            insort(best, entry)
            del best[kept:]
    return came


def _at_its_end(material: Material, evaluations: list[Evaluation], name: str) -> float:
    """Return the first objective of who was stopped; of several tasks the score of the first stands for it."""
    numbers = measured(evaluations)
    found = numbers.get(name, numbers.get(material.score(evaluations[0].task), math.inf))
    return found if math.isfinite(found) else math.inf
