from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives import library, parse, resolve
from primitives.nearest import QUANTILES, distances, function_of
from primitives.nearest import standardised as standardised_outputs
from search.space.novelty import Neighbourhood

NAMES = [name for name in library() if name not in ("identity", "symexp", "siren")]


def standardised(expression):
    return standardised_outputs(function_of(expression)(QUANTILES))


@given(st.sampled_from(NAMES), st.sampled_from([-7.0, -0.3, 0.01, 4.0]), st.sampled_from([-2.0, 0.0, 5.5]))
def test_affine_copies_are_at_distance_zero(name, scale, shift):
    inner = library()[name].expression
    text = f"{scale}*({inner.formula}) + {shift}" + "".join(f"; {n}={v}" for n, v in inner.initial)
    assert distances(standardised(parse(text)), standardised(inner)) < 1e-6


def test_the_radius_decides_and_zero_allows_everything():
    for radius, found in {0.0: None, 0.05: None, 0.2: 1}.items():
        known = Neighbourhood(radius)
        known.add(1, resolve("gelu"))
        near = known.nearest(resolve("silu"))
        assert (near and near[0]) == found


def test_another_number_of_learnable_parameters_is_never_near():
    known = Neighbourhood(0.5)
    known.add(1, resolve("relu"))
    assert known.nearest(resolve("relu(x) + alpha*x; alpha=0.001")) is None
    assert known.nearest(resolve("relu(x) + 0.001*x")) is not None


def test_a_reflected_function_is_at_distance_zero():
    known = Neighbourhood(0.02)
    known.add(1, resolve("softplus"))
    assert known.nearest(resolve("logsigmoid")) == (1, pytest.approx(0.0, abs=1e-6))
    assert known.nearest(resolve("softplus(-2*x)")) is None


def test_the_nearest_is_the_nearest():
    known = Neighbourhood(1.5)
    for number, name in enumerate(["relu", "tanh", "silu"], start=1):
        known.add(number, resolve(name))
    assert known.nearest(resolve("gelu"))[0] == 1
    assert known.nearest(resolve("hardtanh"))[0] == 2
    assert known.nearest(resolve("hardtanh"))[1] == pytest.approx(
        float(np.sqrt(np.mean((standardised(resolve("hardtanh")) - standardised(resolve("tanh"))) ** 2)))
    )
