from __future__ import annotations

import pytest

from primitives import ExpressionError, library, nearest_known, parse

SAME = {
    "x*tanh(exp(x))": "= telu",  # TeLU (2024) is TanhExp (2020)
    "x*exp(-exp(-x))": "= golu",  # GoLU is ExpExpish
    "alpha*x - beta*logsigmoid(gamma*x)": "= softplus",  # PANGAEA's specialised function
    "2*relu(x) + 3": "= 2*relu + 3",
    "-relu(-x)": "= -relu(-x)",
    "(1 + tanh(x))/2": "= 0.5*tanh + 0.5",
    "2*sigmoid(2*x) - 1": "= tanh",
    "tanh(3*x + 1)": "= tanh(3*x + 1)",
    "x*tanh(x) + x": "= 2*aptx",
    "logsigmoid(2*x) + 1": "= -softplus(-2*x) + 1",
    "min(6, relu(x))": "= relu6",
}


@pytest.mark.parametrize("text", SAME)
def test_a_known_function_in_disguise_is_named_with_the_map_between(text):
    assert str(nearest_known(parse(text))) == SAME[text]


@pytest.mark.parametrize("name", ["relu6", "hardtanh", "minsin", "max_sigmoid", "gelusine", "xielu", "pau", "siren"])
def test_a_reference_is_itself(name):
    found = nearest_known(library()[name].expression)
    assert (found.name, found.same) == (name, True)


def test_what_is_new_gets_its_nearest_neighbour_and_a_distance():
    found = nearest_known(parse("x**3*gaussian(x) + abs(x)"))
    assert not found.same
    assert found.distance > 0.05
    assert str(found) == f"{found.name}, {found.distance:.3f} away"


def test_agreement_near_zero_is_not_enough():
    assert not nearest_known(parse("min(9, relu(x))")).same


def test_a_function_that_is_not_finite_resembles_nothing():
    with pytest.raises(ExpressionError, match="resembles nothing"):
        nearest_known(parse("log(x)"))
