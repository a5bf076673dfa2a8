from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from primitives import ActsearchError
from runs import comparisons, confirmed, folder
from runs.scores import remember, scores_of
from runs.statistics import holm, paired
from tests.runs.helpers import evaluation, made_run, opened


def test_the_paired_test_is_scipys_on_the_same_pairs():
    generator = np.random.default_rng(0)
    one, other = generator.normal(0.30, 0.02, 8), generator.normal(0.32, 0.02, 8)
    found, wanted = paired(one, other), stats.ttest_rel(one, other)
    assert found.p == pytest.approx(wanted.pvalue)
    interval = wanted.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.difference == pytest.approx((one - other).mean())


def test_one_pair_gives_a_difference_without_interval_and_equal_pairs_no_evidence():
    assert paired([0.2], [0.3]).p is None
    for other in ([0.2, 0.4], [0.3, 0.5]):  # no difference, and one that happens to be alike twice
        found = paired([0.2, 0.4], other)
        assert found.p is None
        assert found.low is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_value_keeps_the_order_and_is_at_most_bonferroni(values):
    adjusted = holm(values)
    for value, corrected in zip(values, adjusted, strict=True):
        assert value - 1e-9 <= corrected <= min(1.0, len(values) * value) + 1e-9
    order = np.argsort(values, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= -1e-12)


def test_equal_activations_are_called_different_in_at_most_five_percent_of_families():
    """Family-wise: 3 finalists against 8 baselines on 6 seeds, all alike, sharing the seeds' noise."""
    generator, wrong, families = np.random.default_rng(1), 0, 250
    for _ in range(families):
        shared = generator.normal(0, 0.01, 6)
        errors = shared + generator.normal(0.3, 0.01, (11, 6))
        p_values = [paired(errors[f], errors[b]).p for f in range(3) for b in range(3, 11)]
        wrong += min(holm(p_values)) < 0.05
    assert stats.binomtest(wrong, families, 0.05, alternative="greater").pvalue > 0.01


def test_a_real_difference_is_found():
    generator = np.random.default_rng(2)
    shared = generator.normal(0.3, 0.02, 6)
    one, other = shared + generator.normal(-0.03, 0.004, 6), shared + generator.normal(0, 0.004, 6)
    assert holm([paired(one, other).p] + [0.5] * 23)[0] < 0.05


@pytest.fixture
def store(tmp_path):
    run = made_run(tmp_path / "run")
    with opened(run) as store:
        for candidate, base in {1: 0.31, 2: 0.29, 3: 0.23}.items():
            tests = [base + 0.01 * s + 0.001 * ((candidate * s) % 3) for s in range(5)]
            rows = [evaluation(candidate, 10_000 + s, base, t) for s, t in enumerate(tests)]
            store.record("confirm", rows)
        store.record("confirm", [evaluation(3, 10_005, None, status="diverged")])
        store.record("confirm", [evaluation(1, 10_005, 0.3, 0.3)])
    with folder.reading(run) as store:
        yield store


def test_confirmation_pairs_by_seed_counts_failures_and_keeps_the_searchs_claim(store):
    frame = confirmed(store).set_index("id")
    assert frame.loc[3, "failed"] == 1
    assert frame.loc[3, "seeds"] == 5
    assert frame.loc[3, "search_score"] == pytest.approx(0.21)
    assert set(frame["score"]) == {"error"}, "what a run that says nothing went by"
    table = comparisons(store)
    assert set(table["baseline"]) == {"relu", "gelu"}
    assert (table["pairs"] == 5).all()
    assert (table["difference"] < 0).all()
    assert (table["p"] < 0.05).all()
    assert (table["failed"] == 1).all()
    assert (table["p_holm"] == 1.0).all(), "survivors of a failed seed prove nothing"


def test_trainings_of_different_length_are_never_mixed(tmp_path):
    run = made_run(tmp_path / "run")
    with opened(run) as store:
        store.record("confirm", [evaluation(3, 10_000, 0.5, 0.5, steps=5), evaluation(3, 10_000, 0.1, 0.1, steps=50)])
        assert dict(confirmed(store)[["steps", "test_error"]].to_numpy()) == {5: 0.5, 50: 0.1}


def test_a_task_is_judged_by_its_score_and_a_training_without_it_counts_as_failed(tmp_path):
    def scored(candidate, seed, loss, error):
        return dataclasses.replace(
            evaluation(candidate, seed, error, error),
            metrics={"calibrated_loss": loss},
            test_metrics={"calibrated_loss": loss + 0.5},
        )

    run = made_run(tmp_path / "run")
    with opened(run) as store:
        remember(store, {"digits-vit": "calibrated_loss", "other": "loss"})
        rows = [scored(c, s, 0.1 * c + 0.01 * s + 0.001 * c * s, 0.9 - 0.1 * c) for c in (1, 3) for s in range(3)]
        store.record("confirm", [*rows, evaluation(3, 9, 0.1, 0.1)])
        found, table = confirmed(store).set_index("id"), comparisons(store)
        assert scores_of(store) == {"digits-vit": "calibrated_loss", "other": "loss"}
        remember(store, {"digits-vit": "error", "third": "error"})
        assert scores_of(store)["digits-vit"] == "calibrated_loss", "what it has results of it goes on by"
        assert scores_of(store)["third"] == "error"
    assert set(found["score"]) == {"calibrated_loss"}
    assert found.loc[1, "test_score"] == pytest.approx(0.611)
    assert found.loc[1, "validation_score"] == pytest.approx(0.111)
    assert found.loc[1, "test_error"] == pytest.approx(0.8)
    assert (found.loc[3, "failed"], found.loc[3, "seeds"]) == (1, 3)
    assert table.loc[0, "difference"] == pytest.approx(0.202), "by error it would be -0.2"
    assert table.loc[0, "score"] == "calibrated_loss"


def test_scores_in_a_run_file_that_are_not_ours_are_refused(tmp_path):
    run = made_run(tmp_path / "run")
    for text in ("[]", "{", '{"a": 3}', '{"a": "no name\\u001b"}'):
        with opened(run) as store:
            store.set_meta("scores", text)
            with pytest.raises(ActsearchError, match="scores that are not ours"):
                confirmed(store)
