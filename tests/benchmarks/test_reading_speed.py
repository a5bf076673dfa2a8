"""How long reading a formula takes, beside sympy's own reader of LaTeX, which needs the same parser library."""

from __future__ import annotations

import statistics
import time

import pytest

from primitives import read

pytestmark = pytest.mark.bench

TIMES = 9
INFIX = "0.5x(1 + tanh(√(2/π)(x + 0.044715x³)))"
SIMPLE = r"\frac{x}{1 + e^{-2 x}} + \sin(x)"
"""Which sympy reads, too; it knows no ``\\tanh``."""
LATEX = r"\frac{x}{2} \left(1+\tanh \left(\sqrt{\frac{2}{\pi}}\left(x + 0.044715 x^{3}\right)\right)\right)"


def milliseconds(function):
    """Return the median and the spread of some times, after one that is not counted."""
    taken = []
    for _ in range(TIMES + 1):
        started = time.perf_counter()
        function()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[1:]), min(taken[1:]), max(taken[1:])


def test_forty_characters_take_5_ms_and_latex_20():
    from sympy.parsing.latex import parse_latex_lark

    infix, latex = milliseconds(lambda: read(INFIX)), milliseconds(lambda: read(LATEX))
    simple, rival = milliseconds(lambda: read(SIMPLE)), milliseconds(lambda: parse_latex_lark(SIMPLE))
    found = {"infix": infix, "LaTeX": latex, "simple LaTeX": simple, "the same by sympy": rival}
    for name, (median, low, high) in found.items():
        print(f"\n{name}: {median:.1f} ms ({low:.1f} to {high:.1f})", end="")
    print(f"\n{simple[0] / rival[0]:.2f} of sympy's time")
    assert infix[0] <= 5
    assert latex[0] <= 20
