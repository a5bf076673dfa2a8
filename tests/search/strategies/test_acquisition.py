from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.strategies.acquisition import gains, picked

coordinates = st.integers(0, 7).map(float)


def volume(points, reference):
    """Count the unit cubes below a reference that some point dominates: for whole numbers that is the hypervolume."""
    cubes = itertools.product(*(range(int(edge)) for edge in reference))
    return sum(any(all(p <= c for p, c in zip(point, cube, strict=True)) for point in points) for cube in cubes)


@given(
    st.lists(st.tuples(coordinates, coordinates, coordinates), max_size=5),
    st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=4),
)
def test_a_gain_is_the_volume_that_a_point_adds(front, points):
    reference = np.array([6.0, 5.0, 4.0])
    found = gains(np.array(points), np.array(front).reshape(-1, 3), reference)
    before = volume(front, reference)
    assert found == pytest.approx([volume([*front, point], reference) - before for point in points])


def test_what_is_worse_than_the_reference_adds_nothing_however_cheap_it_is():
    points = np.array([[0.9, 0.0], [0.5, 5.0]])
    assert gains(points, np.zeros((0, 2)), np.array([0.9, 10.0])) == pytest.approx([0.0, 0.4 * 5.0])


def test_members_of_a_batch_and_what_is_in_flight_leave_nothing_to_gain_twice():
    points = np.array([[0.10, 1.0], [0.11, 1.0], [0.5, 0.5], [0.8, 0.2]])
    none = np.zeros((0, 2))
    assert {*picked(lambda: (points, none), 3, np.ones(2) * 1.5, lambda: False)} == {0, 2, 3}
    assert {*picked(lambda: (points, points[:1]), 2, np.ones(2) * 1.5, lambda: False)} == {2, 3}


def test_a_greedy_member_goes_by_the_first_objective_alone():
    points = np.array([[0.2, 0.0], [0.1, 9.0]])
    assert picked(lambda: (points, np.zeros((0, 2))), 2, np.array([1.0, 10.0]), lambda: True) == [1, 0]
    assert picked(lambda: (points, np.zeros((0, 2))), 2, np.array([1.0, 10.0]), lambda: False) == [0, 1]
