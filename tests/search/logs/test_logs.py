"""What logs wrote, read back by the libraries that they are for."""

from __future__ import annotations

import pytest

import runs
from primitives import ActsearchError
from search import Campaign, Watcher
from search.logs import catalogue
from search.logs.numbers import flat
from tests.search.cli.test_cli import invoke
from tests.search.session.test_campaign import SMALL, Rings, Seen


def logged(folder, names):
    """Run a campaign that Ctrl-C stops once, with logs; return its run and what was seen."""
    with pytest.raises(KeyboardInterrupt):
        Campaign(SMALL, run=folder / "run", task=Rings()).run(Seen(interrupt_at=4), log=names)
    yield "stopped"
    campaign = Campaign.resume(folder / "run", task=Rings())
    yield campaign.run(log=names), campaign


def test_tensorboard_and_mlflow_hold_the_search_its_settings_and_its_evidence(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a tenth of the time that a new data base takes
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    steps = logged(tmp_path, ("tensorboard", "mlflow"))
    next(steps)
    assert [each.info.status for each in mlflow_runs()] == ["KILLED"]
    run, campaign = next(steps)
    check_tensorboard(run, campaign)
    check_mlflow(run, campaign)


def best(run):
    found = run.candidates
    return found.loc[~found["baseline"], "error"].min()


def evidence(run):
    name = "confirmation/Rings/test_error"
    return {(name, int(row["id"])): row["test_score"] for row in run.confirmed.to_dict("records")}


def check_tensorboard(run, campaign):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    scalars = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    errors = scalars["search/best_error"]
    assert [each.value for each in errors] == sorted((each.value for each in errors), reverse=True)
    assert errors[-1].value == pytest.approx(best(run))
    assert max(each.step for each in errors) <= 12
    assert scalars["search/trained"][-1].value == 12
    assert scalars["search/steps_spent"][-1].value == campaign.progress.steps_spent
    tests = scalars["confirmation/Rings/test_error"]
    assert {("confirmation/Rings/test_error", e.step): pytest.approx(e.value) for e in tests} == evidence(run)
    texts = {tag.removesuffix("/text_summary") for tag in events.Tags()["tensors"]}
    assert {"config", "front", "comparisons"} <= texts
    assert "_hparams_/session_start_info" in events.summary_metadata


def mlflow_runs():
    import mlflow

    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("campaign")
    return client.search_runs([experiment.experiment_id])


def check_mlflow(run, campaign):
    import mlflow

    (one,) = mlflow_runs()  # the same goes on when the campaign does
    assert (one.info.status, one.info.run_name) == ("FINISHED", "run")
    assert one.data.params == {name: str(value) for name, value in flat(campaign.config).items()}
    assert one.data.params["budget.trainings"] == "12"
    client = mlflow.MlflowClient()
    history = client.get_metric_history(one.info.run_id, "search/trained")
    assert [each.value for each in sorted(history, key=lambda m: m.step)][-1] == 12
    assert one.data.metrics["search/best_error"] == pytest.approx(best(run))
    tests = client.get_metric_history(one.info.run_id, "confirmation/Rings/test_error")
    assert {(each.key, each.step): pytest.approx(each.value) for each in tests} == evidence(run)


@pytest.mark.slow
def test_mlflow_writes_to_its_own_data_base_where_nobody_says_otherwise(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Campaign(SMALL, run=tmp_path / "run", task=Rings()).run(log="mlflow")
    assert (tmp_path / "mlflow.db").is_file()
    assert [each.info.status for each in mlflow_runs()] == ["FINISHED"]


def test_a_missing_library_is_told_with_its_remedy_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)
    code, _, error = invoke("launch", "--preset", "smoke", "--run", tmp_path / "run", "--log", "tensorboard")
    assert code == 2
    assert "log 'tensorboard' needs tensorboard, not installed here: pip install 'actsearch[tensorboard]'" in error
    with pytest.raises(ActsearchError, match=r"pip install 'actsearch\[mlflow\]'"):
        Campaign(SMALL, run=tmp_path / "run", task=Rings()).run(log="mlflow")
    code, _, error = invoke("launch", "--preset", "smoke", "--run", tmp_path / "run", "--log", "tensorbord")
    assert (code, "did you mean 'tensorboard'" in error) == (2, True)
    assert not (tmp_path / "run").exists()


class Broken(Watcher):
    calls = 0

    def __call__(self, progress):
        Broken.calls += 1
        raise OSError(28, "No space left on device")


def test_a_log_that_fails_ends_and_not_the_campaign_with_it(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard")
    monkeypatch.setattr(catalogue, "_made", lambda name: Broken())
    short = {**SMALL, "budget": {"trainings": 1}, "confirm": {"automatic": False}}
    run = Campaign(short, run=tmp_path / "run", task=Rings()).run(log="tensorboard")
    assert runs.load(run.path).state == "finished"
    assert Broken.calls == 1
    assert "log 'tensorboard' failed, and the campaign goes on without it: OSError" in capsys.readouterr().err
