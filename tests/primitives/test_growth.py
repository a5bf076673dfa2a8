from __future__ import annotations

import pytest

from primitives import growth, parse, resolve

TAILS = {
    "relu": ("0", "x"),
    "leaky_relu": ("x", "x"),
    "elu": ("constant", "x"),
    "relu6": ("0", "constant"),
    "asinh": ("log", "log"),
    "squared_relu": ("0", "x^2"),
    "calu": ("constant", "x"),
    "pflu": ("0", "x"),
    "gcu": ("oscillating", "oscillating"),
    "snake": ("x", "x"),
    "gaussian": ("0", "0"),
    "exp(x)": ("0", "exp"),
    "sinh(x)": ("exp", "exp"),
    "sqrt(abs(x))*x": ("x^1.5", "x^1.5"),
    "log(x)": ("undefined", "log"),
    "sin(x)*gaussian(x) + 1/(1 + x**2)": ("0", "0"),
    "-3*x + sin(x)": ("x", "x"),
    "relu(x) - 1e9": ("constant", "x"),
    "exp(x)*gaussian(x)": ("0", "0"),
    "squareplus": ("0", "x"),
}


@pytest.mark.parametrize("text", TAILS)
def test_tails_are_classified(text):
    lower, upper = growth(resolve(text))
    assert (str(lower), str(upper)) == TAILS[text]


def test_reflection_swaps_the_tails():
    for text in ("softplus(x)", "x*exp(x)", "max(x**3, x)"):
        there = growth(parse(text))
        back = growth(parse(text.replace("x", "(-x)").replace("e(-x)p", "exp").replace("ma(-x)", "max")))
        assert there == back[::-1]
