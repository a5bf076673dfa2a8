from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from primitives import library, parse, resolve
from primitives.drawing import REACH, sampled
from primitives.module import compile_expression


def paths(svg):
    root = ElementTree.fromstring(svg)
    return [(each.get("stroke"), each.get("d")) for each in root.iter() if each.tag.endswith("path")]


@pytest.mark.parametrize("name", ["relu", "crrelu", "gelusine", "prelu"])
def test_what_is_drawn_is_what_the_module_computes(name):
    expression, x = resolve(name), np.linspace(-REACH, REACH, 33)
    compiled = compile_expression(expression)
    assert sampled(expression.body, x, expression.parameters) == pytest.approx(compiled.at(x), abs=1e-9)
    inner = x[x != 0]
    assert sampled(expression.by_x(1), inner, expression.parameters) == pytest.approx(
        compiled.slope_at(inner), abs=1e-9
    )


def test_a_curve_goes_through_the_pixels_of_its_values():
    svg = parse("x/2")._repr_svg_()
    (function,) = [d for colour, d in paths(svg) if colour == "#0b6e99"]
    points = np.array([tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.]+) ([\d.-]+)", function)])
    assert points[:, 0].tolist() == pytest.approx(np.linspace(0, 280, 161), abs=0.051)
    assert np.ptp(np.diff(points[:, 1])) <= 0.21, "a straight line"
    assert points[0, 1] > points[-1, 1], "which rises"


def test_a_pole_breaks_the_curve_and_every_known_function_is_drawn_in_one_small_element():
    (broken,) = [d for colour, d in paths(parse("1/x")._repr_svg_()) if colour == "#0b6e99"]
    assert broken.count("M") == 2
    for name in list(library())[:40]:
        svg = resolve(name)._repr_svg_()
        assert len(svg) < 9000
        assert not re.search("nan|inf", svg), name


def test_a_notebook_is_shown_formula_curve_and_text():
    expression = parse("alpha*relu(x); alpha=0.5")
    assert expression._repr_latex_() == f"${expression.latex}$"
    html = expression._repr_html_()
    assert html.index("$") < html.index("<svg") < html.index("<code>alpha*relu(x); alpha=0.5</code>")
