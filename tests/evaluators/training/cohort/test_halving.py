"""Who goes on at a rung."""

from __future__ import annotations

import math

import moocore
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evaluators import Evaluation
from evaluators.judging.objectives import DEFAULT_OBJECTIVES, chosen_objectives
from evaluators.training.cohort.halving import dominating, leading, points_of, promoted

POINTS = st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), min_size=1, max_size=25)
OBJECTIVES = chosen_objectives(DEFAULT_OBJECTIVES, "error")
SHARES = st.floats(0.05, 0.95)


def beats(one, other):
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


@given(POINTS)
def test_a_rank_is_one_more_than_the_largest_of_those_that_dominate(points):
    ranks = moocore.pareto_rank(np.array(points))
    for point, rank in zip(points, ranks, strict=True):
        above = [ranks[i] for i, other in enumerate(points) if beats(other, point)]
        assert rank == (max(above) + 1 if above else 0)


@given(POINTS, POINTS, SHARES)
def test_the_share_of_all_ever_seen_goes_on_and_nobody_passes_one_that_dominates_it(points, history, keep):
    goes_on = promoted(points, history, keep)
    assert len(goes_on) == len(points)
    assert sum(goes_on) <= math.ceil(keep * (len(points) + len(history)))
    for point, chosen in zip(points, goes_on, strict=True):
        if chosen:
            assert all(c for other, c in zip(points, goes_on, strict=True) if beats(other, point))


@given(POINTS, POINTS, SHARES)
def test_who_stays_behind_finds_the_whole_share_no_worse_than_itself(points, history, keep):
    everyone = [*points, *history]
    ranks = moocore.pareto_rank(np.array(everyone))
    for index, chosen in enumerate(promoted(points, history, keep)):
        place = (ranks[index], points[index][0])
        if not chosen:
            others = (i for i in range(len(everyone)) if i != index)
            ahead = sum((ranks[i], everyone[i][0]) <= place for i in others)
            assert ahead >= math.ceil(keep * len(everyone))


@given(POINTS, POINTS)
def test_each_objective_has_one_leader_who_has_the_least_of_it_and_is_not_dominated(points, history):
    leads = leading(points, history)
    assert sum(leads) <= 3
    assert all(leads[i] <= (not any(beats(o, points[i]) for o in [*points, *history])) for i in range(len(points)))
    for objective in range(3):
        least = min(point[objective] for point in [*points, *history])
        if least < min((point[objective] for point in history), default=math.inf):
            assert any(lead and point[objective] == least for point, lead in zip(points, leads, strict=True))


@given(POINTS, POINTS, SHARES, st.sampled_from([1e-7, 0.3, 1e7]))
def test_the_unit_of_the_error_changes_nothing_at_a_rung(points, history, keep, unit):
    def scaled(some):
        return [(unit * error, *others) for error, *others in some]

    assert promoted(scaled(points), scaled(history), keep) == promoted(points, history, keep)
    assert leading(scaled(points), scaled(history)) == leading(points, history)
    assert dominating(scaled(points), scaled(history)) == dominating(points, history)


def test_a_point_is_a_mean_over_all_seeds_or_there_is_none():
    ok = [Evaluation(1, "t", steps, seed, "ok", error=steps + seed, loss=1.0) for steps in (2, 4) for seed in (0, 1)]
    failed = Evaluation(1, "t", 8, 1, "diverged", "why")
    assert points_of(ok, 2, OBJECTIVES, {"cost": 3.0, "complexity": 5}) == {2: (2.5, 3.0, 5.0), 4: (4.5, 3.0, 5.0)}
    assert points_of([*ok[:3], failed], 2, OBJECTIVES[:1], {}) == {2: (2.5,)}
    assert points_of(ok, 3, OBJECTIVES[:1], {}) == {}


@given(POINTS, SHARES)
def test_without_history_exactly_the_share_goes_on(points, keep):
    assert sum(promoted(points, (), keep)) == math.ceil(keep * len(points))


@given(POINTS, POINTS)
def test_dominating_is_having_someone_below(points, history):
    expected = [any(beats(point, other) for other in [*points, *history]) for point in points]
    assert dominating(points, history) == expected
