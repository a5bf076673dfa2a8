from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluators.instruments.network_features import NETWORK_FEATURES
from evaluators.judging.features.catalogue import FEATURES
from search.campaign.loop import seeded
from search.space.describe import of_trees
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig
from search.strategies import model
from search.studies.worth import fit
from search.studies.worth.__main__ import TABLES, main
from search.studies.worth.fit import ABLATIONS, ADDITIONS, ALL, Case, Regime, compared, design, importances, predictions
from search.studies.worth.measure import Subject, ablations, worths
from search.studies.worth.network import complete, of_network
from search.studies.worth.sheet import COMPONENTS, NETWORK, Sheet, group_of, seconds, sheet
from search.tables.table import read, write

TABLE = Path(__file__).parents[3] / "evaluators" / "study" / "tables" / "text-gpt.parquet"
ONCE = Regime("once", 3, 1)


@pytest.fixture(autouse=True)
def smaller(monkeypatch):
    """Fewer trees and permutations, which take most of the time."""
    monkeypatch.setattr(model, "TREES", 25)
    monkeypatch.setattr(fit, "_PERMUTATIONS", 2)


@pytest.fixture(scope="module")
def functions():
    grammar = Grammar(GrammarConfig())
    with seeded(3, 0):
        trees = [grammar.random_tree() for _ in range(160)]
    found = [each for each in of_trees(trees) if each is not None][:120]
    assert len(found) == 120
    return found


def made(functions, scores):
    """Return a sheet of functions that have one more feature, of pure noise."""
    noise = np.random.default_rng(7).normal(size=len(functions))
    described = tuple(
        replace(each, facts={**each.facts, "noise": value}, features=np.append(each.features, value))
        for each, value in zip(functions, noise, strict=True)
    )
    texts = tuple(map(str, range(len(functions))))
    return Sheet("made", "none", "error", texts, described, np.column_stack([scores, scores]))


@pytest.fixture(scope="module")
def line(functions):
    """A sheet whose score is one feature and nothing else."""
    return made(functions, np.array([each.facts["linear_share"] for each in functions]))


def test_the_feature_that_is_the_score_comes_first_and_noise_is_worth_nothing(line):
    found = worths(Subject(line, {}), importances(line, ONCE), {"noise": 0.5})
    first, noise = found.iloc[0], found.set_index("feature").loc["noise"]
    assert first["feature"] == "linear_share"
    assert first["rho"] == first["rho_low"] == pytest.approx(1.0)
    assert found["importance"].idxmax() == 0
    assert first["importance_low"] > 0
    assert noise["rho_low"] < 0 < noise["rho_high"]
    assert noise["half_rho_low"] < 0 < noise["half_rho_high"]
    assert noise["importance_low"] < 0.01 > noise["importance"]
    assert noise["seconds"] == 0.5
    assert set(found["group"]) >= {"formula", "output", "linearity", "own", COMPONENTS}
    assert found["rho"].abs().is_monotonic_decreasing


def test_the_forest_loses_what_the_score_is_made_of_and_wins_it_back_from_a_network(functions):
    score = np.random.default_rng(1).normal(size=len(functions))
    blind = made(functions, score)
    subject = Subject(blind, {"gradient_norm": score})
    said = {case.name: predictions(blind, ONCE, case, subject.network) for case in subject.cases}
    found = ablations(subject, {"once": said}).set_index("case")
    assert found.loc["all", "rho_low"] < 0.1
    assert found.loc["with network", "difference_low"] > 0.5
    assert found.loc["network only", "rho"] > 0.9
    assert found.loc["all", ["difference", "difference_low", "difference_high"]].tolist() == [0, 0, 0]
    assert found.loc["components only", "difference_high"] < 0.5
    assert found["judged"].tolist() == [60] * len(found)


def test_each_case_hides_its_group_and_nothing_else(line):
    fitted, more = np.arange(80), {"gradient_norm": np.zeros(len(line))}
    whole, table = design(line, fitted, more, Case("everything"))
    assert len(whole) == table.shape[1]
    assert design(line, fitted, more, ALL)[0] == whole[:-1]
    for case in ABLATIONS[1:-1]:
        (group,) = case.hidden
        names, columns = design(line, fitted, {}, case)
        assert names == tuple(name for name in whole[:-1] if group_of(name) != group)
        assert np.array_equal(columns, table[:, [whole.index(name) for name in names]])
    assert {group_of(name) for name in design(line, fitted, more, ABLATIONS[-1])[0]} == {COMPONENTS}


def test_each_function_is_judged_once_a_repeat_by_forests_that_have_not_seen_it(line):
    regime = Regime("some", 2, 3, 25)
    judged = {repeat: [] for repeat in range(3)}
    for repeat, fitted, places in regime.splits(41, 5):
        assert not set(fitted) & set(places)
        assert len(fitted) in (20, 21)
        judged[repeat] += places.tolist()
    assert all(sorted(places) == list(range(41)) for places in judged.values())
    said = predictions(line, regime, ALL)
    assert said.shape == (3, len(line))
    assert np.isfinite(said).all()
    assert np.array_equal(said, predictions(line, regime, ALL))
    row = compared(line, {"all": said})[0]
    places = line.better
    expected = [stats.spearmanr(own[places], line.scores[places]).statistic for own in said]
    assert row["rho"] == pytest.approx(np.mean(expected))
    assert row["rho_low"] < row["rho"] < row["rho_high"]


def test_a_table_is_read_with_what_its_seeds_said_and_its_features_are_timed():
    found, times = sheet(TABLE), seconds(TABLE)
    assert (found.name, found.task, found.by, len(found)) == ("text-gpt", "text-gpt", "error", 435)
    rows = read(TABLE).rows
    assert found.scores[3] == pytest.approx(rows.loc[rows["expression"] == found.texts[3], "error"].mean())
    assert 0.9 < found.noise.agreement < 1
    assert set(times) == set(found.names)
    assert all(0 <= value < 0.01 for value in times.values())


def test_features_of_a_network_go_on_where_they_stopped(tmp_path):
    some, file = sheet(TABLE)[np.array([4, 9, 17])], tmp_path / "rows.csv"
    whole = complete([some], file, workers=1)
    assert whole["expression"].tolist() == list(some.texts)
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:3]) + "\n" + lines[3][:9])
    again = complete([some], file, workers=1)
    times = ["seconds_gradient", "seconds_spectrum"]
    pd.testing.assert_frame_equal(again.drop(columns=times), whole.drop(columns=times))
    assert again.loc[:1, times].equals(whole.loc[:1, times])
    assert np.array_equal(of_network(again, some)["fisher_50"], whole["fisher_50"])


def test_the_study_runs_on_a_table(tmp_path):
    whole = read(TABLE)
    texts = list(dict.fromkeys(whole.rows["expression"]))[:30]
    write(replace(whole, rows=whole.rows[whole.rows["expression"].isin(texts)]), tmp_path / "small.parquet")
    asked = ("--functions", "10", "--repeats", "1", "--workers", "1")
    main([str(tmp_path / "small.parquet"), "--out", str(tmp_path), *asked])
    worth, ablation = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("features", "features_ablation"))
    assert set(worth.loc[worth["group"] == NETWORK, "feature"]) == set(NETWORK_FEATURES)
    assert worth["seconds"].notna().sum() == len(seconds(TABLE)) + len(NETWORK_FEATURES)
    assert set(ablation["case"]) == {case.name for case in (*ABLATIONS, *ADDITIONS)}
    page = (tmp_path / "features.md").read_text()
    assert "## small: 30 functions, 2 seeds, by `error`" in page
    assert "| network and components |" in page
    assert all(f"`{name}`" in page for name in worth["feature"])


def test_what_was_committed_is_of_every_feature_and_table():
    folder = TABLE.parents[1]
    worth = pd.read_csv(folder / "features.csv")
    for _, own in worth.groupby("table"):
        names = set(own["feature"])
        assert {name for name, feature in FEATURES.items() if FEATURES.is_ours(name) and feature.quick} <= names
        assert set(NETWORK_FEATURES) <= names
    assert set(worth["table"]) == {file.stem for file in TABLES}
