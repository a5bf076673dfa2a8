from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from primitives import parse
from search.studies.entropy.__main__ import main
from search.studies.entropy.correlate import OUTCOMES, bootstrapped, correlations, noise, outcomes, spearman
from search.studies.entropy.measure import complete, train
from search.studies.entropy.paper import LOGS, paper_correlations, paper_scores
from search.studies.entropy.plan import (
    PANELS,
    SMALL,
    Training,
    Variant,
    comparisons,
    paired_variants,
    plan,
    reference_panel,
    study_task,
)
from search.studies.entropy.scores import columns


def test_the_rank_correlation_is_scipys_and_ranks_infinities():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=40).round(1), rng.normal(size=40)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert spearman(np.array([-math.inf, 1.0, 2.0]), np.array([1.0, 2.0, math.inf])) == 1.0
    assert math.isnan(spearman(np.ones(5), np.arange(5.0)))


def test_the_interval_covers_the_true_correlation_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(1), 0
    for _ in range(200):
        x, e = rng.normal(size=(2, 60))
        found = bootstrapped(x, 0.5 * x + math.sqrt(0.75) * e, resamples=300)
        covered += found.low <= 6 / math.pi * math.asin(0.25) <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_ceiling_is_what_a_perfect_score_reaches():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=4000)
    table = truth[:, None] + rng.normal(size=(4000, 3))
    assert noise(table).ceiling == pytest.approx(spearman(truth, table.mean(axis=1)), abs=0.02)
    assert math.isnan(noise(np.ones((5, 2))).ceiling)


def test_a_failed_training_ranks_its_function_worst_and_an_unfinished_function_is_left_out():
    rows = [("a", 0, 0.3), ("a", 1, 0.4), ("b", 0, math.inf), ("b", 1, 0.1), ("c", 0, 0.2)]
    frame = pd.DataFrame(rows, columns=["name", "seed", "error"]).assign(task="digits-vit", setting="small")
    table = outcomes(frame, "digits-vit", "small", "error", 2)
    assert table.mean(axis=1).to_dict() == {"a": 0.35, "b": math.inf}


def test_the_small_setting_has_pre_activations_of_the_published_size_and_the_controlled_one_is_the_task():
    for task, setting in PANELS:
        seen = []

        class Probe(nn.Module):
            def forward(self, x, seen=seen):
                seen.append(float(x.detach().std()))
                return x

        torch.manual_seed(0)
        network = study_task(task, setting).network(Probe, 1.0)
        network(study_task(task, setting).data("train").inputs[:256])
        assert seen[0] == pytest.approx(1.0 if setting == "controlled" else SMALL, rel=0.1)
        torch.manual_seed(0)
        plain = study_task(task, setting).inner.network(Probe, 1.0)
        scale = 1.0 if setting == "controlled" else SMALL
        linear = [[m.weight for m in n.modules() if isinstance(m, nn.Linear)] for n in (network, plain)]
        assert all(torch.allclose(a, scale * b) for a, b in zip(*linear, strict=True))


def test_everything_that_is_compared_is_trained_on_all_pairs_and_nothing_twice():
    panel = reference_panel(["relu", "celu", "elu", "identity"])
    assert [v.name for v in panel.variants] == ["relu", "celu"]
    assert panel.merged == {"elu": "celu"}
    assert list(panel.rejected) == ["identity"]
    wanted = plan(panel, 2, 3, {"mnist1d-mlp": 5, "digits-vit": 5})
    assert len({t.key for t in wanted}) == len(wanted) == 4 * (3 * len(paired_variants()) + 2)
    names = {t.variant.name for t in wanted}
    assert all({one, other} <= names for one, other in comparisons())
    assert len({(v.expression, v.activation_decay, v.dynamic) for v in paired_variants()}) == len(paired_variants())


def test_a_failing_training_is_a_row_with_a_status():
    exploding = Training(Variant("boom", "exp(3*x**2)"), "digits-vit", "controlled", 0, 3)
    assert train(exploding)["status"] == "diverged"
    assert train(Training(Variant("typo", "rleu(x)"), "digits-vit", "controlled", 0, 3))["status"] == "crashed"


def test_finished_trainings_are_not_repeated_and_a_line_that_was_cut_off_is(tmp_path):
    wanted = [Training(Variant("relu", "relu(x)"), "digits-vit", "small", seed, 2) for seed in range(3)]
    file = tmp_path / "trainings.csv"
    first = complete(wanted[:2], file, workers=1)
    before = file.read_text()
    file.write_text(before + "digits-vit,small,relu,2,")
    whole = complete(wanted, file, workers=1)
    assert file.read_text().startswith(before)
    assert len(whole) == 3
    pd.testing.assert_frame_equal(whole.iloc[:2], first)


def test_the_published_order_at_the_published_scale_is_that_of_the_nonlinearity():
    """Eight functions of the CIFAR-10 ViT-Tiny logs: 0.976, as the notes beside them say."""
    found = paper_correlations(paper_scores())
    assert found["nonlinearity at 0.139"].iloc[0] == pytest.approx(0.976, abs=5e-4)
    assert len(found) == len(LOGS) == 20
    for row in LOGS:
        assert all(parse(variant.expression) for variant in row.variants())


@pytest.mark.slow
def test_the_whole_study_runs_and_says_what_it_did(tmp_path, capsys):
    main(["--quick", "--seeds", "2", "--workers", "1", "--out", str(tmp_path)])
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {
        "trainings.csv", "scores.csv", "correlations.csv", "table.md", "correlations.png", "accuracy.png"
    }  # fmt: skip
    rows = pd.read_csv(tmp_path / "trainings.csv")
    assert set(rows["status"]) == {"ok"}
    page = (tmp_path / "table.md").read_text()
    for part in ("identity: it is affine", "celu equals elu", "gelu dynamic less gelu", "CIFAR-100 ViT-Tiny"):
        assert part in page
    found = pd.read_csv(tmp_path / "correlations.csv")
    assert len(found) == len(PANELS) * 2 * 21
    assert ((found["spearman"].abs() <= 1) | found["spearman"].isna()).all()
    assert "ceiling" in capsys.readouterr().out
    again = correlations(rows, pd.read_csv(tmp_path / "scores.csv", index_col="name"), 2)
    assert again["spearman"].to_numpy() == pytest.approx(found["spearman"].to_numpy(), abs=1e-3, nan_ok=True)


STUDY = Path(__file__).parents[3] / "evaluators" / "study"


def test_the_committed_numbers_follow_from_the_committed_trainings_and_are_on_the_page():
    # Scores are written with six digits, which ties a few that differ in the seventh.
    trainings, scores = pd.read_csv(STUDY / "trainings.csv"), pd.read_csv(STUDY / "scores.csv", index_col="name")
    found = pd.read_csv(STUDY / "correlations.csv").set_index(["task", "setting", "outcome", "score"])
    page = (STUDY.parent / "README.md").read_text()
    assert set(trainings["status"]) == {"ok"}
    for (task, setting), outcome in itertools.product(PANELS, OUTCOMES):
        means = outcomes(trainings, task, setting, outcome, 3).mean(axis=1).loc[scores.index]
        for name, column in columns(task, setting).items():
            row = found.loc[task, setting, outcome, name]
            assert spearman(scores[column].to_numpy(), means.to_numpy()) == pytest.approx(row["spearman"], abs=1e-2)
            shown = f"{row['spearman']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
            assert outcome == "loss" or shown in page
