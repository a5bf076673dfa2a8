from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluators import assess
from evaluators.tasks.agreement import agreement_of, agreements, warning
from evaluators.tasks.catalogue import OFFLINE, load_task
from primitives import IdentityIndex, fingerprint, resolve
from search.configuration.reading import load_preset
from search.studies.entropy.correlate import of_mean
from search.studies.telling import measure
from search.studies.telling.__main__ import main
from search.studies.telling.agree import (
    LEAST,
    LEAST_LOW,
    agreement,
    better_half,
    noise,
    prediction,
    seeds_needed,
    summary,
    tells,
)
from search.studies.telling.measure import COLUMNS, complete, train
from search.studies.telling.panel import FUNCTIONS, OFTEN, OFTEN_SEEDS, SEEDS, Unit, measured_task, units, version


def made(functions=64, seeds=4, spread=1.0, deviation=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return spread * rng.normal(size=(functions, 1)) + deviation * rng.normal(size=(functions, seeds))


# --- the statistics --------------------------------------------------------------------------------


def test_where_functions_do_not_differ_the_better_half_agrees_by_nothing_on_average():
    """Chosen by the judged seeds themselves it would be biased, as it is measured here too."""
    fair, biased = [], []
    for seed in range(300):
        table = made(spread=0.0, seed=seed)
        fair.append(better_half(table))
        biased.append(better_half(table[:, [0, 1, 0, 1]]))
    assert abs(np.mean(fair)) < 0.02
    assert np.mean(biased) < -0.3


def test_the_better_half_agrees_less_than_all_and_fully_without_noise():
    table = made(functions=4000)
    assert 0 < better_half(table) < agreement(table)
    assert better_half(made(deviation=0.0)) == agreement(made(deviation=0.0)) == 1.0


def test_the_mean_of_seeds_agrees_as_foretold():
    table = made(functions=20_000, seeds=8)
    pairs = agreement(table[:, :4])
    means = np.stack([table[:, :4].mean(axis=1), table[:, 4:].mean(axis=1)])
    assert of_mean(pairs, 4) == pytest.approx(stats.spearmanr(*means).statistic, abs=0.02)
    assert of_mean(-0.2, 4) == -0.2


def test_the_noise_of_a_difference_is_found_without_what_seeds_or_functions_add():
    shared = 5 * np.random.default_rng(1).normal(size=(1, 4))
    table = made(functions=4000, deviation=0.3) + shared
    assert noise(table) == pytest.approx(0.3 * math.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("effect", "seeds"), [(0.5, 34), (1.0, 10), (2.0, 5)])
def test_the_seeds_needed_are_those_of_the_textbooks(effect, seeds):
    """Cohen's d_z of a paired t-test, power 0.8, two-sided 5 %: as G*Power 3.1 says."""
    assert seeds_needed(1.0, effect) == seeds


def test_a_score_that_is_the_error_of_other_seeds_predicts_it_and_one_without_relation_does_not():
    rng, errors = np.random.default_rng(0), made(functions=2000, seeds=12, deviation=0.01)
    assert prediction(np.hstack([errors, errors])) > 0.99
    assert abs(prediction(np.hstack([rng.normal(size=errors.shape), errors]))) < 0.05


def rows_of(task="made", failing=(), **scores):
    found = []
    for score, table in scores.items():
        for name, values in zip([*OFTEN, *(f"f{n}" for n in range(48))], table, strict=True):
            for seed, value in zip(OFTEN_SEEDS, values, strict=True):
                found.append({"function": name, "seed": seed, "score": score, "value": value})
    frame = pd.DataFrame(found).pivot(index=["function", "seed"], columns="score", values="value").reset_index()
    frame = frame.assign(task=task, version="v", steps=5, seconds=1.0, status="ok")
    frame.loc[frame["function"].isin(failing), "status"] = "diverged"
    return frame.reindex(columns=COLUMNS)


def test_a_score_tells_as_far_as_it_ranks_the_better_half_by_the_test_error_of_other_seeds():
    truth = made(functions=4000, seeds=1, deviation=0.0)
    rng = np.random.default_rng(2)
    errors, same, other = (truth + s * rng.normal(size=(4000, 4)) for s in (0.3, 0.0, 3.0))
    half = np.argsort(truth[:, 0])[:2000]
    assert tells(np.hstack([same, errors])) == pytest.approx(
        stats.spearmanr(truth[half, 0], errors[half, 0]).statistic, abs=0.05
    )
    assert tells(np.hstack([other, errors])) < 0.3


def test_a_search_goes_by_what_tells_most_of_the_test_error():
    rng = np.random.default_rng(3)
    truth, other = 0.5 + 0.1 * rng.normal(size=(2, 60, 1))

    def seen(values, deviation):
        return values + deviation * rng.normal(size=(60, 12))

    rows = rows_of(
        error=seen(truth, 0.06), loss=seen(other, 0.001), brier=seen(truth, 0.01), test_error=seen(truth, 0.02)
    )
    found = summary(rows).set_index("score")
    assert list(found.index[found["chosen"]]) == ["brier"], "loss repeats better, and says nothing of the error"
    assert found.loc["loss", "better"] > found.loc["brier", "better"] > found.loc["error", "better"]
    assert (found["better_low"] < found["better"]).all()
    assert found.loc["brier", "seeds_to_agree"] == 1
    assert found.loc["error", "seeds_needed"] > found.loc["brier", "seeds_needed"]


def test_a_task_of_noise_does_not_agree_with_four_seeds_and_a_failed_training_ranks_last():
    noise_alone = 0.5 + 0.1 * np.random.default_rng(4).normal(size=(60, 12))
    (row,) = summary(rows_of(error=noise_alone, test_error=noise_alone)).to_dict("records")
    assert row["seeds_to_agree"] is None or math.isnan(row["seeds_to_agree"])
    (failed,) = summary(rows_of(failing=("f0", "f1"), error=noise_alone, test_error=noise_alone)).to_dict("records")
    assert (row["failed"], failed["failed"]) == (0, 2)
    assert failed["all"] > row["all"]


# --- what is trained -------------------------------------------------------------------------------


def test_the_panel_is_60_functions_or_more_no_two_alike_and_all_can_be_trained():
    index = IdentityIndex()
    for number, name in enumerate(FUNCTIONS):
        expression = resolve(name)
        assert assess(expression).rejection is None, name
        known = index.find_values(fingerprint(expression))
        assert known is None, (name, FUNCTIONS[known or 0])
        index.add(number, expression.key, fingerprint(expression))
    assert len(FUNCTIONS) >= 60
    assert len(OFTEN) == 12 <= len(OFTEN_SEEDS)
    wanted = [(name, seed) for unit in units("digits-mlp", 64) for name in unit.functions for seed in unit.seeds]
    assert len(wanted) == len(set(wanted)) == 64 * len(SEEDS) + 12 * 8


def test_finished_trainings_are_not_repeated_a_cut_line_and_an_older_task_are(tmp_path, monkeypatch):
    trained = []

    def counted(unit):
        trained.append(unit)
        return train(unit)

    task = measured_task("digits-mlp")
    monkeypatch.setattr(task, "recipe", task.recipe.__class__(steps=3))
    monkeypatch.setattr(measure, "train", counted)
    wanted = [Unit("digits-mlp", ("relu", "tanh"), (1, 2)), Unit("digits-mlp", ("gelu",), (1,))]
    file = tmp_path / "tasks.csv"
    first = complete(wanted[:1], file, workers=1)
    assert set(first["status"]) == {"ok"}
    assert first[["error", "loss", "calibrated_loss", "brier", "test_error"]].notna().all().all()
    file.write_text(file.read_text() + f"digits-mlp,{version(task)},gelu,1,3,")
    whole = complete(wanted, file, workers=1)
    assert trained == wanted
    assert len(whole) == 5
    monkeypatch.setattr(task, "recipe", task.recipe.__class__(steps=4, learning_rate=1e30, clip=1e30))
    again = complete(wanted[1:], file, workers=1)
    assert trained == [*wanted, wanted[1]]
    assert set(pd.read_csv(file)["steps"]) == set(again["steps"]) == {4}
    assert set(again["status"]) == {"diverged"}


@pytest.mark.parametrize("left", ["", "task,version,func", "task\n"])
def test_a_study_goes_on_after_a_stop_before_its_first_row(tmp_path, monkeypatch, left):
    task = measured_task("digits-mlp")
    monkeypatch.setattr(task, "recipe", task.recipe.__class__(steps=3))
    file = tmp_path / "tasks.csv"
    file.write_text(",".join(measure.COLUMNS) + "\n" if left == "task\n" else left)
    assert len(complete([Unit("digits-mlp", ("relu",), (1,))], file, workers=1)) == 1
    assert len(pd.read_csv(file)) == 1


@pytest.mark.slow
def test_the_whole_study_runs_on_a_task_and_writes_its_table(tmp_path, capsys):
    main(["digits-mlp", "--functions", "16", "--workers", "1", "--out", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {"tasks.csv", "tasks.md", "agreement.csv"}
    assert "| digits-mlp | **" in (tmp_path / "tasks.md").read_text()
    assert "has the table" in capsys.readouterr().out


# --- the committed table ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", OFFLINE)
def test_a_task_goes_by_the_score_that_the_table_chose_and_the_table_is_of_this_task(name):
    found = agreement_of(name)
    assert found is not None
    assert load_task(name).score == found.score
    rows = agreements().query("task == @name")
    assert set(rows["version"]) == {version(measured_task(name))}
    assert rows["chosen"].sum() == 1
    assert (rows["functions"] >= 60).all()
    assert (warning(name) is None) == found.can_tell
    if found.can_tell:
        assert of_mean(found.better, found.seeds_to_agree) >= LEAST - 1e-3
        assert of_mean(found.better_low, found.seeds_to_agree) >= LEAST_LOW - 1e-3


@pytest.mark.parametrize(
    ("task", "score", "seeds", "told"),
    [
        ("mnist5k-vit", "error", 4, "cannot tell good functions apart by error"),
        ("mnist5k-vit", None, 1, "tells good functions apart by calibrated loss with 3 seeds, not 1"),
        ("digits-mlp", "loss", 4, "cannot tell good functions apart by loss"),
        ("mnist1d-mlp", "error", 1, None),
        ("my-task", "error", 1, None),
    ],
)
def test_a_task_is_warned_of_by_the_score_and_the_seeds_that_it_is_used_with(task, score, seeds, told):
    found = warning(task, score, seeds)
    assert found is None if told is None else told in found


@pytest.mark.parametrize("preset", ["quick", "standard", "smoke"])
def test_a_preset_names_only_tasks_that_can_tell(preset):
    said = load_preset(preset)
    for name in {said["task"], *said["confirm"].get("tasks", ())}:
        found = agreement_of(name)
        assert found is not None
        assert found.can_tell, name


def test_the_table_follows_from_the_committed_trainings():
    from pathlib import Path

    rows = pd.read_csv(Path(__file__).parents[3] / "evaluators" / "study" / "tasks.csv", dtype={"version": str})
    one = rows[rows["task"] == "mnist1d-mlp"]
    again = summary(one).set_index("score")
    stored = agreements().query("task == 'mnist1d-mlp'").set_index("score")
    for column in ("all", "better", "better_low", "predicts", "noise"):
        assert again[column].to_numpy(dtype=float) == pytest.approx(stored[column].to_numpy(dtype=float), abs=2e-3)
