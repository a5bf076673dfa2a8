from __future__ import annotations

import sys
import types

import pytest

import evaluators.tasks.reference
from evaluators import Cohort, load_task
from evaluators.tasks.catalogue import OFFLINE
from evaluators.testing import ExecutorContract
from evaluators.training.executors.ray.connection import connect
from evaluators.training.executors.ray.executor import RayExecutor
from evaluators.training.executors.ray.fleet import allot
from evaluators.training.executors.serial import SerialExecutor
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
        monkeypatch.setattr("evaluators.training.executors.serial.works", lambda device: False)
        executor.submit(Cohort((self.job(1),)))
        with pytest.raises(ActsearchError, match=r"does not answer any more; .* resume --executor ray"):
            executor.collect()


class TestRay(ExecutorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls):
        with RayExecutor({cls.TASK: load_task(cls.TASK)}, workers=1, device="cpu") as executor:
            yield executor


def test_a_configured_cohort_size_is_the_one_used():
    with SerialExecutor({"digits-vit": load_task("digits-vit")}, "cpu", cohort=7) as executor:
        assert executor.members("digits-vit", 3) == 7


def test_an_address_where_no_cluster_answers_is_refused_in_one_sentence():
    with pytest.raises(ActsearchError, match=r"cannot reach a Ray cluster at '127\.0\.0\.1:1'"):
        RayExecutor({}, address="127.0.0.1:1")


@pytest.mark.slow
def test_workers_import_our_packages_whatever_lies_in_the_current_folder(tmp_path, monkeypatch):
    lay_foreign_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    ray = connect(None, 1)
    try:
        there = ray.get(ray.remote(evaluators.tasks.reference.reference).remote())
        path = ray.get(ray.remote(lambda: sys.path).remote())
    finally:
        ray.shutdown()
    assert set(there["task"]) == set(OFFLINE)
    assert str(tmp_path) not in path


class RayError(Exception): ...


class TaskError(RayError):
    cause = ValueError("what it was")


class ActorError(RayError): ...


class MemoryFull(RayError): ...


class Asked:
    """A cluster whose workers answer a question with what a test says."""

    exceptions = types.SimpleNamespace(
        RayError=RayError, RayTaskError=TaskError, RayActorError=ActorError, OutOfMemoryError=MemoryFull
    )

    def __init__(self, answers):
        self.answers = iter(answers)

    def wait(self, references, num_returns=1, timeout=None):
        return list(references), []

    def get(self, reference):
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Hands:
    """As many workers as are asked for, each buried once."""

    def __init__(self):
        self.hands = [types.SimpleNamespace(actor=self)]
        self.buried = 0
        self.members = self

    def remote(self, *_):
        return object()

    def bury(self, hand):
        assert hand is self.hands.pop()
        self.buried += 1
        self.hands = [types.SimpleNamespace(actor=self)]


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([5], 5),
        ([ActorError(), 5], 5),
        ([MemoryFull(), ActorError(), 5], 5),
        ([MemoryFull()] * 3, "3 Ray workers in a row died when they first looked at the tasks; is there enough memory"),
        ([TaskError()], "a Ray worker cannot look at the tasks: ValueError: what it was"),
    ],
)
def test_a_worker_that_dies_of_a_question_is_buried_and_another_one_asked(answers, wanted):
    executor = RayExecutor.__new__(RayExecutor)
    executor.tasks, executor._cohort, executor._sizes = {"digits-vit": load_task("digits-vit")}, None, {}
    executor._ray, executor._fleet = Asked(answers), Hands()
    if isinstance(wanted, int):
        assert executor.members("digits-vit", 2) == wanted
    else:
        with pytest.raises(ActsearchError, match=wanted):
            executor.members("digits-vit", 2)
    assert executor._fleet.buried == sum(not isinstance(answer, (int, TaskError)) for answer in answers)


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
