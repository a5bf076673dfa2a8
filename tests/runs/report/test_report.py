"""What a report says of a run."""

from __future__ import annotations

import json
import re
from importlib import resources

import numpy as np
import pytest

from primitives import ActsearchError
from runs import comparisons, folder, scored
from runs.correlation import correlation
from runs.report import curves, features, operators, search
from runs.report.markup import spans
from runs.report.material import Material
from runs.report.page import write_report
from runs.report.plot import thinned
from runs.snapshot import Snapshot
from tests.runs.helpers import opened
from tests.runs.report.helpers import ERRORS, FORMULAS, page_of, rich_run

MOST_BYTES = 6_000_000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return rich_run(tmp_path_factory.mktemp("report") / "rich")


@pytest.fixture(scope="module")
def text(run):
    return page_of(run, seen=True)


@pytest.fixture
def material(run):
    with folder.reading(run) as store:
        yield Material(run, Snapshot(store))


def section(text, anchor):
    return re.search(rf'<section id="{anchor}".*?</section>', text, flags=re.DOTALL)[0]


def figures(text):
    """Return plotly's figures by name."""
    found = re.findall(r'<script type="application/json" data-for="([\w-]+)">(.*?)</script>', text, flags=re.DOTALL)
    return {name: json.loads(figure) for name, figure in found}


def trace(figure, name):
    return next(trace for trace in figure["data"] if trace.get("name") == name)


def test_the_page_is_one_small_file_that_names_every_section_and_asks_for_nothing(run, text):
    assert len(text.encode()) <= MOST_BYTES
    anchors = re.findall(r'<section id="(\w+)"', text)
    assert anchors == re.findall(r'<li><a href="#(\w+)"', text)
    assert len(anchors) == 12
    ours = text.replace(_plotly(), "")
    assert len(ours) < 300_000
    assert not re.search(r"https?:|@import|url\(|src=|<link (?!rel=\"icon\" href=\"data:)", ours)


def _plotly():
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def test_plotly_knows_every_property_of_the_pictures(text):
    from plotly.graph_objects import Figure

    found = figures(text)
    assert len(found) >= 8
    for figure in found.values():
        Figure(figure)  # raises at a property or a value that is none


def test_the_front_shows_formula_id_and_numbers_of_every_point_and_marks_baselines(run, text):
    front = figures(text)["plot-front"]
    with folder.reading(run) as store:
        frame = scored(store).set_index("id")
    shown = {name: trace(front, name) for name in ("other candidates", "on the front", "baselines", "finalists")}
    assert shown["baselines"]["text"] == ["relu", "gelu", "silu"]
    assert shown["finalists"]["text"] == ["#5", "#7"]
    drawn = [
        *shown["other candidates"]["hovertext"],
        *shown["on the front"]["hovertext"],
        *shown["baselines"]["hovertext"],
    ]
    assert len(drawn) == len(ERRORS)
    for identifier, row in frame.iterrows():
        (said,) = (each for each in drawn if re.match(rf"<b>#{identifier}[ <]", each))
        assert FORMULAS[identifier][0].split(";")[0] in said
        assert f"validation error {row['error']:.4f} ±{row['error_se']:.4f}" in said
        assert f"cost {row['cost']:.0f}" in said
    assert shown["on the front"]["y"] == pytest.approx(frame.loc[[5, 7, 10], "error"].tolist())
    assert [button["label"] for button in front["layout"]["updatemenus"][0]["buttons"]] == ["cost", "complexity"]


def test_a_finalist_is_drawn_with_the_constants_that_training_left_and_over_what_its_layers_saw(text):
    figure = figures(text)["plot-curve-7"]
    pairs = [t for t in figure["data"] if t.get("name") == "trained, layers.0"]
    x = pairs[0]["x0"] + pairs[0]["dx"] * np.arange(len(pairs[0]["y"]))
    assert pairs[0]["y"] == pytest.approx(-1.0 * x + x**2, abs=1e-3)
    assert pairs[1]["y"] == pytest.approx(-1.0 + 2 * x, abs=1e-3)
    initial = trace(figure, "initial constants")
    assert initial["y"] == pytest.approx(0.25 * x + x**2, abs=1e-3)
    seen = trace(figure, "inputs, layers.1")
    assert seen["y"][:-1] == pytest.approx([1 / 6] * 32, rel=1e-3)  # uniform on [-3, 3]
    assert (seen["x"][0], seen["x"][-1]) == (-3.0, 3.0)
    assert {"relu", "gelu", "silu"} <= {t["name"] for t in figure["data"]}
    assert "1.5000 ±0.1414" in section(text, "curves")
    assert "neither inputs nor trained constants for #5" in section(text, "curves")


def test_the_density_of_inputs_holds_all_of_them_though_many_are_equal():
    edges, heights = curves.density([-1.0, 0.0, 0.0, 0.0, 2.0])
    assert np.all(np.diff(edges) > 0)
    assert heights[-1] == 0.0
    assert np.sum(np.diff(edges) * heights[:-1]) == pytest.approx(1.0)


def test_best_so_far_and_hypervolume_are_those_of_the_trainings_in_their_order(material, text):
    line = trace(figures(text)["plot-search"], "best so far")
    assert line["x"] == [1, 2, 4, 6]
    assert line["y"] == pytest.approx([ERRORS[i] + 0.005 for i in (4, 5, 7, 7)])
    ids, places = search.ended(material)
    assert (ids, places) == ([4, 5, 6, 7, 10], [1, 2, 3, 4, 5])


def test_a_volume_grows_by_what_a_point_adds_and_by_nothing_that_is_dominated():
    reference = np.array([1.0, 1.0])
    points = np.array([[0.5, 0.5], [0.6, 0.6], [0.25, 0.75], [2.0, 0.0]])
    found = search.volumes(points, np.empty((0, 2)), reference)
    assert found == pytest.approx([0.0, 0.25, 0.25, 0.3125, 0.3125])


def test_every_confirmed_number_stands_with_its_seeds_interval_and_star(run, text):
    shown = section(text, "evidence")
    with folder.reading(run) as store:
        frame = comparisons(store)
    for row in frame.to_dict("records"):
        star = "*" if row["p_holm"] < 0.05 else ""
        ends = "" if np.isnan(row["low"]) else f" [{row['low']:+.4f}, {row['high']:+.4f}]"
        assert f">{row['difference']:+.4f}{ends}{star}<" in shown
    assert frame["p_holm"].lt(0.05).any()
    assert shown.count("1000 to 1004") >= 8
    assert "better than relu, gelu, silu" in shown


def test_lineage_filters_costs_and_how_to_make_it_again_say_what_the_run_holds(run, text):
    tree = section(text, "lineage")
    assert re.search(
        r"#7</b> <i>crossover</i>.*#6</b> <i>join</i>.*#4</b> <i>random</i>.*#5</b> <i>library</i>", tree, re.DOTALL
    )
    filters = section(text, "filters")
    for words in ("it is affine<", "1,234", "another child was preferred", "not among the best after 100 steps"):
        assert words in filters
    costs = section(text, "costs")
    assert "2.50 ±0.25" in costs
    assert "compiled: no compiler" in costs
    assert "a test machine" in costs
    again = section(text, "again")
    with folder.reading(run) as store:
        assert json.loads(store.meta("packages"))["torch"] in again
        assert store.meta("machine") in again
    assert "population = 4" in again
    assert f"actsearch launch {run}/config.toml" in again


def test_features_are_correlated_with_the_score_at_the_lowest_rung(material):
    found = features.correlations(material)
    trained = [*ERRORS, 8]
    at_the_rung = [ERRORS[i] + 0.105 if i in ERRORS else 0.6 for i in trained]
    assert found["prior"] == correlation([0.7 + 0.01 * i**2 for i in trained], at_the_rung)
    assert "error" not in found


def test_credit_is_that_of_the_strategy(material):
    """8 came to the rung only, 4, 5, 6 and 7 were among the best four when they ended, 10 came too late."""
    came = operators.among_the_best(material, operators.population(material))
    assert came == {"baseline": 3, "random": 1, "library": 1, "join": 1, "crossover": 1}


@pytest.mark.parametrize("config", ["", "population", "[strategy]\npopulation = true", "strategy = 3"])
def test_a_configuration_that_says_no_population_means_the_usual_one(tmp_path, config):
    with folder.reading(rich_run(tmp_path / "run", meta={"config": config})) as store:
        assert operators.population(Material(tmp_path, Snapshot(store))) == 16


@pytest.mark.parametrize("left", ["candidates", "evaluations", "confirm"])
def test_a_run_that_has_hardly_begun_has_a_report_too(tmp_path, left):
    run = rich_run(tmp_path / "run", "searching")
    with opened(run) as store:
        store._db.execute(
            "DELETE FROM evaluations"
            + (" WHERE stage IN (SELECT id FROM stages WHERE purpose = 'confirm')" if left == "confirm" else "")
        )
        store._db.execute("UPDATE meta SET value = '' WHERE key IN ('costs', 'passed_over') AND 0")
        if left == "candidates":
            store._db.execute("DELETE FROM candidates")
        store._db.commit()
    text = page_of(run)
    assert "Nothing has been confirmed yet" in text
    assert "There is no front" in text or left == "confirm"


def test_it_is_replaced_at_once_and_only_what_is_a_report(run, tmp_path):
    file = tmp_path / "own.html"
    assert write_report(run, file) == file
    first = file.read_bytes()
    assert write_report(run, file).read_bytes()[:200] == first[:200]
    assert [path.name for path in tmp_path.iterdir()] == ["own.html"]
    (tmp_path / "thesis.html").write_text("years of work")
    with pytest.raises(ActsearchError, match="is no report of actsearch"):
        write_report(run, tmp_path / "thesis.html")
    assert (tmp_path / "thesis.html").read_text() == "years of work"
    for nowhere in (tmp_path / "no" / "report.html", tmp_path):
        with pytest.raises(ActsearchError, match="cannot write the report"):
            write_report(run, nowhere)


def test_points_are_thinned_evenly_and_seeds_drawn_together():
    assert [*thinned(range(10), 20)] == [*range(10)]
    assert [*thinned(range(100), 4)] == [0, 25, 50, 75]
    assert spans([3, 1, 2, 9, 2]) == "1 to 3, 9"


def test_the_page_brings_its_style_and_script(text):
    for name in ("page.css", "page.js"):
        assert resources.files("runs.report").joinpath(name).read_text(encoding="utf-8") in text
