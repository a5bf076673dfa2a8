from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.judging.looks import QUANTILES
from evaluators.judging.looks import standardised as standardised_outputs
from primitives import library, parse, resolve
from primitives.nearest import function_of
from search.space.novelty import Neighbourhood, distances

NAMES = [name for name in library() if name not in ("identity", "symexp", "siren")]


def standardised(expression):
    return standardised_outputs(function_of(expression)(QUANTILES))


def add(known, identifier, text):
    expression = resolve(text)
    known.add(identifier, len(expression.initial), standardised(expression))


def nearest(known, text):
    expression = resolve(text)
    return known.nearest([len(expression.initial)], standardised(expression)[None])[0]


@given(st.sampled_from(NAMES), st.sampled_from([-7.0, -0.3, 0.01, 4.0]), st.sampled_from([-2.0, 0.0, 5.5]))
def test_affine_copies_are_at_distance_zero(name, scale, shift):
    inner = library()[name].expression
    text = f"{scale}*({inner.formula}) + {shift}" + "".join(f"; {n}={v}" for n, v in inner.initial)
    assert distances(standardised(parse(text)), standardised(inner)) < 1e-6


def test_the_radius_decides_and_zero_allows_everything():
    for radius, found in {0.0: None, 0.05: None, 0.2: 1}.items():
        known = Neighbourhood(radius)
        add(known, 1, "gelu")
        near = nearest(known, "silu")
        assert (near and near[0]) == found


def test_another_number_of_learnable_parameters_is_never_near():
    known = Neighbourhood(0.5)
    add(known, 1, "relu")
    assert nearest(known, "relu(x) + alpha*x; alpha=0.001") is None
    assert nearest(known, "relu(x) + 0.001*x") is not None


def test_a_reflected_function_is_at_distance_zero():
    known = Neighbourhood(0.02)
    add(known, 1, "softplus")
    assert nearest(known, "logsigmoid") == (1, pytest.approx(0.0, abs=1e-6))
    assert nearest(known, "softplus(-2*x)") is None


def test_the_nearest_is_the_nearest():
    known = Neighbourhood(1.5)
    for number, name in enumerate(["relu", "tanh", "silu"], start=1):
        add(known, number, name)
    assert nearest(known, "gelu")[0] == 1
    assert nearest(known, "hardtanh")[0] == 2
    assert nearest(known, "hardtanh")[1] == pytest.approx(
        float(np.sqrt(np.mean((standardised(resolve("hardtanh")) - standardised(resolve("tanh"))) ** 2)))
    )


@pytest.mark.parametrize("radius", [0.02, 0.3])
def test_many_thousand_known_ones_give_what_comparing_with_each_gives(radius):
    """Random walks, each standardised, some with even or odd symmetry, some near to others, some reflected."""
    generator = np.random.default_rng(0)
    steps = generator.standard_normal((1500, 64)).cumsum(axis=1)
    mixed = np.concatenate([steps, steps + steps[:, ::-1], steps - steps[:, ::-1]])
    rows = standardised_outputs(np.concatenate([mixed, mixed + 0.02 * generator.standard_normal(mixed.shape)]))
    rows = rows[generator.permutation(len(rows))]
    asked = np.where(generator.random(len(rows))[:, None] < 0.5, rows[:, ::-1], -rows)[:200]
    asked = standardised_outputs(asked + 0.01 * generator.standard_normal(asked.shape))
    known, parameters = Neighbourhood(radius), generator.integers(3, size=len(rows))
    wanted = np.where(generator.random(200) < 0.9, parameters[:200], 3)
    for number, row in enumerate(rows):
        known.add(number, int(parameters[number]), row)
        if number in (100, 3000, len(rows) - 1):
            for one, own, found in zip(asked, wanted, known.nearest(wanted, asked), strict=True):
                apart = np.where(parameters[: number + 1] == own, distances(rows[: number + 1], one), 2.0)
                at = int(np.argmin(apart))
                assert (found is not None) == (apart[at] < radius)
                if found is not None:
                    assert found == (at, pytest.approx(apart[at], abs=1e-9))
