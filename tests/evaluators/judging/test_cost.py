from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.judging import cost as model
from evaluators.judging.cost import cost
from primitives import parse
from primitives.registry import of_function
from search.studies import cost_calibration
from search.studies.cost_calibration import CHAIN, COPIES, FILE, functions

MEASURED = pd.read_csv(FILE, index_col="name")
FREE = {
    "abs": "a masked bit, hidden behind the additions around it",
    "step": "of a slope: it selects the gradient, one operation with the product by it; ReLU so costs 2",
}


def test_every_function_of_the_table_was_measured_and_costs_what_was_measured():
    bodies = functions()
    assert set(bodies) == set(MEASURED.index)
    entries = {name: of_function(body.func) for name, body in bodies.items()}
    costs = {name: entry.cost for name, entry in entries.items() if entry is not None and entry.name == name}
    expected = {name: max(1, round(MEASURED.compiled[name])) for name in costs if name not in FREE}
    assert {name: value for name, value in costs.items() if name not in FREE} == expected
    assert all(costs[name] == 1 for name in FREE)


def test_operators_cost_what_was_measured():
    found = {"addition": 1, "division": model.DIVISION, "root": model.ROOT, "power": model.POWER}
    assert found == {name: round(MEASURED.compiled[name]) for name in found}


def test_a_measured_cost_is_what_a_function_adds_in_multiplications_whatever_disturbs_some_rounds(monkeypatch):
    wanted = np.linspace(0.5, 60.0, len(functions()))

    def timed(calls, rounds, device):
        seconds = np.tile(3.0 + 0.01 * COPIES * np.array([0.0, CHAIN, *wanted]), (rounds, 1))
        assert seconds.shape == (rounds, len(calls))
        seconds[1::2] *= 1.7
        return seconds

    monkeypatch.setattr(cost_calibration, "interleaved", timed)
    monkeypatch.setattr(cost_calibration, "ELEMENTS", 16)
    found = cost_calibration.measure_primitives("eager", 6)
    assert list(found.index) == list(functions())
    for column in ("eager", "eager_low", "eager_high"):
        assert found[column].to_numpy() == pytest.approx(wanted, abs=0.01)


def test_forward_and_backward_count_apart():
    sigmoid = of_function(parse("sigmoid(x)").body.func).cost
    assert cost(parse("sigmoid(x)")) == 2 * sigmoid + 2  # s, then s*(1 - s)
    assert cost(parse("sin(x)*beta")) == cost(parse("sin(x)")) + 1 + 1 + of_function(parse("sin(x)").body.func).cost


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("relu(x)", 2),
        ("x**2", 1 + 1),
        ("x/2", 1),
        ("1/x", model.DIVISION + 1 + model.DIVISION),
        ("sqrt(x)", model.ROOT + 1 + model.ROOT + model.DIVISION),
    ],
)
def test_operations_add_up(text, operations):
    assert cost(parse(text)) == operations
