from __future__ import annotations

import sys

import pytest

import evaluators.tasks.reference
from evaluators import Cohort, load_task
from evaluators.ray.connection import connect
from evaluators.ray.executor import RayExecutor
from evaluators.ray.fleet import allot
from evaluators.serial import SerialExecutor
from evaluators.testing import ExecutorContract
from primitives import ActsearchError
from tests.helpers import lay_foreign_files


class TestSerial(ExecutorContract):
    @pytest.fixture
    def executor(self):
        with SerialExecutor({self.TASK: load_task(self.TASK)}, "cpu") as executor:
            yield executor

    def test_cohorts_run_in_the_order_of_submission(self, executor):
        for number in (5, 2, 9):
            executor.submit(Cohort((self.job(number),)))
        assert list(self.drain(executor)) == [5, 2, 9]

    def test_a_device_that_stopped_answering_ends_the_campaign_in_one_sentence(self, executor, monkeypatch):
        monkeypatch.setattr("evaluators.serial.works", lambda device: False)
        executor.submit(Cohort((self.job(1),)))
        with pytest.raises(ActsearchError, match=r"does not answer any more; .* resume --executor ray"):
            executor.collect()


@pytest.mark.xdist_group("ray")
class TestRay(ExecutorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls):
        with RayExecutor({cls.TASK: load_task(cls.TASK)}, workers=2, device="cpu") as executor:
            yield executor


def test_a_configured_cohort_size_is_the_one_used():
    with SerialExecutor({"digits-vit": load_task("digits-vit")}, "cpu", cohort=7) as executor:
        assert executor.members("digits-vit", 3) == 7


@pytest.mark.xdist_group("ray")
def test_an_address_where_no_cluster_answers_is_refused_in_one_sentence():
    with pytest.raises(ActsearchError, match=r"cannot reach a Ray cluster at '127\.0\.0\.1:1'"):
        RayExecutor({}, address="127.0.0.1:1")


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_workers_import_our_packages_whatever_lies_in_the_current_folder(tmp_path, monkeypatch):
    lay_foreign_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    ray = connect(None, 1)
    try:
        there = ray.get(ray.remote(evaluators.tasks.reference.reference).remote())
        path = ray.get(ray.remote(lambda: sys.path).remote())
    finally:
        ray.shutdown()
    assert set(there["task"]) == set(evaluators.tasks.OFFLINE)
    assert str(tmp_path) not in path


def node(cpus, gpus=0, alive=True):
    return {"NodeID": "n", "Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus} if alive else {}}


@pytest.mark.parametrize(
    ("nodes", "wanted", "device", "workers", "share"),
    [
        ([node(4), node(3.5)], None, "auto", 7, 0.0),
        ([node(4), node(8, alive=False)], 6, "auto", 4, 0.0),
        ([node(16, 1)], 4, "auto", 4, 1 / 4),
        ([node(16, 2)], 3, "cuda", 3, 1 / 2),
        ([node(4, 8)], None, "auto", 4, 1.0),
        ([node(64), node(8, 2)], None, "auto", 8, 1 / 4),
        ([node(16, 2)], None, "cpu", 16, 0.0),
        ([node(8, 1)], 2, "mps", 2, 0.0),
        ([], 2, "auto", 0, 0.0),
    ],
)
def test_workers_share_gpus_evenly_and_fit_the_nodes_that_are_alive(nodes, wanted, device, workers, share):
    found = allot(nodes, wanted, device)
    assert (found.workers, found.share) == (workers, share)
