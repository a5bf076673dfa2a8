"""Who goes on at a rung."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evaluators.cohort.halving import dominating, non_dominated_rank, promoted

POINTS = st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), min_size=1, max_size=25)
SHARES = st.floats(0.05, 0.95)


def beats(one, other):
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


@given(POINTS)
def test_a_rank_is_one_more_than_the_largest_of_those_that_dominate(points):
    ranks = non_dominated_rank(np.array(points))
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


@given(POINTS, SHARES)
def test_without_history_exactly_the_share_goes_on(points, keep):
    assert sum(promoted(points, (), keep)) == math.ceil(keep * len(points))


@given(POINTS, POINTS)
def test_dominating_is_having_someone_below(points, history):
    expected = [any(beats(point, other) for other in [*points, *history]) for point in points]
    assert dominating(points, history) == expected
