"""The committed table of ranges says what a measurement says now."""

from __future__ import annotations

import torch

from primitives import library, parse
from search.studies import ranges

SOME = ("squareplus", "pau", "gelu", "telu")


def test_the_committed_table_is_what_is_measured():
    text = ranges.FILE.read_text()
    for row in ranges.rows({name: library()[name].expression for name in SOME}):
        assert row in text
    assert "| `gelu` |" not in text


def test_of_random_formulas_shares_are_told_and_the_nearest_limits_first():
    limits = ranges.measured([parse("x**2"), parse("sqrt(x**2 + 1)"), parse("x**3/sqrt(x**2 + 1)"), *ranges.drawn(5)])
    rows = list(ranges.shares(limits))
    assert len(rows) == 8
    assert rows[0].startswith("| to the end | value |")
    assert next(iter(ranges.worst(limits))) in (
        "| `x**3/sqrt(x**2 + 1)` | slope | 1e9 |\n",
        "| `x**3/sqrt(x**2 + 1)` | value | 1e9 |\n",
    )
    assert [str(each) for each in ranges.drawn(5)] == [text for text, _ in limits[3:]]


def test_an_overflow_of_the_spelling_is_told_and_one_of_the_function_is_not():
    assert ranges.last_right(parse("sqrt(x**2 + 1)"), torch.float32) == (18, 18)
    assert ranges.last_right(parse("x**2"), torch.float32) == (None, None)
    assert ranges.last_right(parse("x**5/(1 + x**4)"), torch.float32)[1] is None


def test_waves_are_left_out():
    assert ranges.oscillates(parse("x + sin(x)"))
    assert not ranges.oscillates(parse("x*tanh(x)"))
