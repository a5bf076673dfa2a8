from __future__ import annotations

import pytest

from evaluators.instruments import timing
from evaluators.instruments.timing import Spread, Timing
from primitives import parse
from runs.costs import measured_costs
from search.cli.output import console
from search.cli.timing_table import timing_table

RATIO = Spread(2.0, 1.9, 2.3, 1.8)


@pytest.fixture
def measured(monkeypatch):
    def fake(expressions, device):
        texts = [str(expression) for expression in expressions]
        eager = [Timing(text, "eager", Spread(1e-3, 1e-3, 1e-3, 1e-3), RATIO, RATIO, 4.0) for text in texts]
        return [*(Timing(text, "compiled", reason="no compiler") for text in texts), *eager]

    monkeypatch.setattr(timing, "measure_cost", fake)


def test_a_row_holds_both_modes_of_its_expression(measured):
    frame = measured_costs([parse("tanh(x)"), parse("relu(x)")])
    assert frame["expression"].tolist() == ["tanh(x)", "relu(x)"]
    row = frame.iloc[0]
    assert (row["eager_microseconds"], row["eager_to_relu"], row["eager_to_gelu_high"]) == (1000.0, 2.0, 2.3)
    assert row["eager_saved_bytes"] == 4.0
    assert row["compiled_reason"] == "no compiler"
    assert frame["compiled_to_relu"].isna().all()


def test_the_table_shows_spread_and_why_a_mode_is_missing(measured, capsys):
    console().print(timing_table(measured_costs([parse("tanh(x)")])))
    out = capsys.readouterr().out
    assert "2.00 ±0.20" in out
    assert "- / 4.0" in out
    assert "no compiler" in out
    assert "peak" not in out
