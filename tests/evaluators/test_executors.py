from __future__ import annotations

import os
import time

import pytest

from evaluators import Job, load_task
from evaluators.ray_executor import RayExecutor
from evaluators.serial import SerialExecutor
from evaluators.testing import ExecutorContract
from primitives import ActsearchError

FAULTY = '''
import os, time
import torch
from evaluators import Classification, Data, Recipe
from evaluators.networks import mlp


class Faulty(Classification):
    """Misbehaves as the candidate's gain says: 1 fine, 2 dies, 3 hangs, 4 raises."""

    name = "faulty"
    recipe = Recipe(steps=3, batch_size=8)

    def data(self, part):
        return Data(torch.randn(16, 4), torch.zeros(16, dtype=torch.long))

    def network(self, activation, gain):
        if gain == 2:
            os._exit(1)
        if gain == 3:
            time.sleep(600)
        if gain == 4:
            raise MemoryError("pretend")
        return mlp([4, 8, 2], activation, gain)
'''


class TestSerial(ExecutorContract):
    @pytest.fixture
    def executor(self):
        with SerialExecutor({self.TASK: load_task(self.TASK)}, "cpu") as executor:
            yield executor

    def test_jobs_run_in_the_order_of_submission(self, executor):
        for number in (5, 2, 9):
            executor.submit(self.job(number))
        assert list(self.drain(executor)) == [5, 2, 9]


@pytest.mark.xdist_group("ray")
class TestRay(ExecutorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls):
        with RayExecutor({cls.TASK: load_task(cls.TASK)}, workers=2, device="cpu") as executor:
            yield executor


@pytest.mark.xdist_group("ray")
def test_dead_hanging_and_raising_workers_cost_one_row_each_and_are_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluators.ray_executor._GRACE", 2.0)
    file = tmp_path / "faulty_task.py"
    file.write_text(FAULTY)
    name = f"{file}:Faulty"
    started = time.monotonic()
    with RayExecutor({name: load_task(name)}, workers=2, device="cpu") as executor:
        gains = {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0, 5: 1.0, 6: 1.0}
        for number, gain in gains.items():
            executor.submit(Job(number, "relu(x)", gain, name, 3, (0,), timeout=12.0))
        answers = {}
        while finished := executor.collect():
            answers |= {job.candidate: evaluations[0] for job, evaluations in finished}
    statuses = {number: answer.status for number, answer in answers.items()}
    assert statuses == {1: "ok", 2: "crashed", 3: "timeout", 4: "crashed", 5: "ok", 6: "ok"}
    assert "worker process died" in answers[2].reason
    assert "pretend" in answers[4].reason
    assert time.monotonic() - started < 120
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_ray(pid)], "a Ray process outlived us"


def _is_ray(pid):
    """Tell whether a process is a Ray daemon of this process."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            parent = int(stat.read().rsplit(")", 1)[1].split()[1])
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            return parent == os.getpid() and b"raylet" in command.read()
    except (OSError, IndexError, ValueError):
        return False


@pytest.mark.xdist_group("ray")
def test_an_address_where_no_cluster_answers_is_refused_in_one_sentence():
    with pytest.raises(ActsearchError, match=r"cannot reach a Ray cluster at '127\.0\.0\.1:1'"):
        RayExecutor({}, address="127.0.0.1:1")
