from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from primitives import ActsearchError
from runs import folder, scored
from runs.plots import curve, plot_derivation, plot_front
from tests.runs.helpers import made_run


@pytest.fixture
def everything(tmp_path):
    with folder.reading(made_run(tmp_path / "run")) as store:
        return scored(store)


def test_the_picture_names_the_formulas_on_the_front(everything, tmp_path):
    plot_front(everything, tmp_path / "front.svg", "made")
    text = (tmp_path / "front.svg").read_text()
    assert "<svg" in text
    plot_front(everything, tmp_path / "front.png", "made")
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw_or_nowhere_to_write_is_said(everything, tmp_path):
    with pytest.raises(ActsearchError, match="nothing to plot"):
        plot_front(pd.DataFrame(), tmp_path / "front.png", "t")
    with pytest.raises(ActsearchError, match="cannot write the plot"):
        plot_front(everything, tmp_path / "no" / "front.png", "t")
    with pytest.raises(ActsearchError, match="cannot write the plot"):
        plot_front(everything, tmp_path / "front.nonsense", "t")


def test_a_curve_is_the_function():
    x, y = curve("x**2", count=5)
    assert y.tolist() == [16, 4, 0, 4, 16]
    assert x.tolist() == [-4, -2, 0, 2, 4]


def test_a_derivation_shows_every_labelled_curve(tmp_path):
    x = np.linspace(-1, 1, 5)
    lines = {"before": (x, x), "after": (x, x**3)}
    plot_derivation(lines, (x, -x, 1 - x**2), lines, tmp_path / "d.svg", "made up")
    text = (tmp_path / "d.svg").read_text()
    assert text.count("<!-- before -->") == text.count("<!-- after -->") == 2
    with pytest.raises(ActsearchError, match="cannot write the plot"):
        plot_derivation(lines, (x, -x, 1 - x**2), lines, tmp_path / "no" / "d.svg", "made up")
