from __future__ import annotations

import pytest

from primitives import ActsearchError
from search.configuration.layers import layers
from search.loading.formulas import Found, formulas_from
from search.session.starting import _with_seeds
from tests.search.campaign.test_campaign import Imagined, config, run

HALL_OF_FAME = """Complexity,Loss,Equation
1,0.9,"0.13"
2,0.8,"x0"
4,0.3,"tanh(x0 * 0.9)"
6,0.2,"square(x0) * inv(exp(x0) + 1.2)"
7,0.1,"cube(x0) ^ 2"
"""


def test_a_list_is_taken_line_by_line(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("gelu\n# a thought\nx*sin(x)  # periodic\n\n")
    assert formulas_from(file) == Found(("gelu", "x*sin(x)"), written=True)


@pytest.mark.parametrize("old", [False, True])
def test_of_pysrs_hall_of_fame_what_can_be_trained_is_taken_and_the_rest_named(tmp_path, old):
    file = tmp_path / "hall_of_fame.csv"
    text = HALL_OF_FAME.replace(',"', '|"').replace(",", "|", 1).replace(",", "|") if old else HALL_OF_FAME
    file.write_text(text)
    found = formulas_from(file)
    assert found.formulas == ("tanh(x * 0.9)", "square(x) * inverse(exp(x) + 1.2)", "cube(x) ^ 2")
    assert [line.partition(":")[0] for line in found.passed_over] == ["0.13", "x"]


def test_the_front_of_a_run_is_taken(tmp_path):
    run(tmp_path / "earlier", config(), Imagined())
    found = formulas_from(tmp_path / "earlier")
    assert found.formulas
    assert len(set(found.formulas)) == len(found.formulas)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "relu(x)\nsinn(x)\n", "line 2: "),
        ("a.csv", "Complexity,Loss,Equation\n3,0.1,x0 + x1\n", "of 2 variables (x0, x1); an activation has one"),
        ("a.csv", "Complexity,Loss,Equation\n1,0.1,x0\n", "nothing in"),
        ("b.txt", None, "there is no file or run"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(tmp_path, name, text, told):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ActsearchError) as caught:
        formulas_from(tmp_path / name)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_was_found_is_added_to_the_seeds_of_the_campaign_file(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("seeds = ['gelu', 'x*sin(x)']\n")
    asked = _with_seeds(layers(file, "quick", {}), [Found(("x*sin(x)", "tanh(x)*x"), ("x: a straight line",))])
    assert asked.config().seeds == ("gelu", "x*sin(x)", "tanh(x)*x")
