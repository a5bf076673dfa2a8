from __future__ import annotations

import pandas as pd
import pytest

from evaluators import cost as model
from evaluators.cost import cost
from primitives import parse
from primitives.registry import of_function
from tests.benchmarks.cost_calibration import FILE, functions

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


def test_the_measurement_repeats():
    spread = (MEASURED.compiled_high - MEASURED.compiled_low) / MEASURED.compiled.clip(lower=4)
    assert spread.quantile(0.9) < 0.15


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
