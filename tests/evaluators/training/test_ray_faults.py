"""What happens to a cohort on Ray when a member, a worker or a node goes."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from evaluators import Cohort, Job, OwnLoop, Recipe, load_task
from evaluators.training.executors.ray.executor import RayExecutor
from evaluators.training.isolation import Isolation
from evaluators.training.task import Outcome
from primitives import ActsearchError

FINE, DIES, HANGS, RAISES, FILLS, WAITS = range(6)


class Scripted(OwnLoop):
    """Behaves as the candidate's gain says; tells which process it ran in.

    Nothing here goes by the clock, so that no load on the machine changes what happens: who hangs or waits says so
    in a file, and who waits goes on when there is a file ``open``.
    """

    name, recipe = "scripted", Recipe(steps=3)

    def __init__(self, folder):
        self.folder = folder

    def train(self, activation, gain, steps, seed, device, deadline, score_test):
        import torch

        if gain == DIES:
            os._exit(1)
        if gain in (HANGS, WAITS):
            (self.folder / f"stuck{os.getpid()}").touch()
        while gain == HANGS or (gain == WAITS and not (self.folder / "open").exists()):
            time.sleep(0.05)
        if gain == RAISES:
            raise ValueError("pretend")
        if gain == FILLS:
            raise torch.OutOfMemoryError("pretend")
        return Outcome(seed + gain, 1.0, metrics={"process": float(os.getpid())})


@pytest.fixture(autouse=True)
def _by_value(monkeypatch):
    """Send this module to workers whole, since they cannot import it."""
    from ray import cloudpickle

    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def cohort(first, gains):
    jobs = (Job(first + n, "relu(x)", gain, "scripted", 3, (0, 1), timeout=HOUR) for n, gain in enumerate(gains))
    return Cohort(tuple(jobs))


HOUR = 3600.0


def drain(executor):
    answers = {}
    while finished := executor.collect():
        answers |= by_candidate(finished)
    return answers


def by_candidate(finished):
    return {job.candidate: rows for whole, many in finished for job, rows in zip(whole.jobs, many, strict=True)}


def stuck(folder):
    """Return the processes that hang or wait."""
    return sorted(folder.glob("stuck*"))


def hours_pass_when_only_the_hung_one_is_left(executor, folder, monkeypatch):
    """Replace the executor's clock by one that jumps past every limit when nothing else runs."""
    jumps = []

    def monotonic():
        if len(executor._running) == 1 and len(executor._fleet.hands) == 2 and stuck(folder):
            stuck(folder)[0].unlink()
            jumps.append(3 * HOUR)
        return time.monotonic() + sum(jumps)

    clock = SimpleNamespace(monotonic=monotonic, sleep=time.sleep)
    monkeypatch.setattr("evaluators.training.executors.ray.executor.time", clock)


@pytest.fixture
def executor(tmp_path):
    tasks = {"scripted": Scripted(tmp_path), "digits-vit": load_task("digits-vit")}
    with RayExecutor(tasks, workers=2, device="cpu", cohort=7) as executor:
        yield executor
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and is_ray(pid)], "a Ray process outlived us"


def failures(answers):
    """Return the status and reason of each that failed, after a look at the others."""
    failed = {number: rows for number, rows in answers.items() if rows[0].status != "ok"}
    assert all([row.error for row in rows] == [0.0, 1.0] for number, rows in answers.items() if number not in failed)
    return {number: (rows[0].status, rows[0].reason) for number, rows in failed.items()}


def test_a_member_that_raises_or_fills_the_memory_costs_one_row(executor):
    assert executor.members("digits-vit", 2) == 7
    assert executor.members("scripted", 2) == 1, "a task with a loop of its own has no stack"
    executor.submit(cohort(200, [FINE, RAISES, FINE, FILLS]))
    answers = drain(executor)
    assert len(answers) == 4
    assert failures(answers) == {201: ("crashed", "ValueError: pretend"), 203: ("oom", "the device ran out of memory")}


@pytest.mark.slow
def test_a_member_that_dies_or_hangs_costs_one_row_and_its_worker_is_replaced(executor, tmp_path, monkeypatch):
    hours_pass_when_only_the_hung_one_is_left(executor, tmp_path, monkeypatch)
    executor.submit(cohort(0, [FINE, DIES, FINE]))
    executor.submit(cohort(100, [FINE, HANGS]))
    answers = drain(executor)
    assert len(answers) == 5
    assert failures(answers) == {
        1: ("crashed", "its worker process died"),
        101: ("timeout", "it hung past 3600 s and was killed"),
    }


@pytest.mark.slow
def test_a_worker_that_died_while_idle_is_replaced_when_it_is_asked():
    with RayExecutor({"digits-vit": load_task("digits-vit")}, workers=1, device="cpu") as executor:
        until(lambda: executor._fleet.hands, executor)
        dead = executor._fleet.hands[0]
        executor._ray.kill(dead.actor)
        assert executor.members("digits-vit", 1) >= 1
        assert dead not in executor._fleet.hands


def is_ray(pid):
    """Tell whether a process is a Ray daemon of this process."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            parent = int(stat.read().rsplit(")", 1)[1].split()[1])
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            return parent == os.getpid() and b"raylet" in command.read()
    except (OSError, IndexError, ValueError):
        return False


@pytest.fixture
def cluster():
    """Yield a cluster of one node without CPUs, which this process belongs to, that notices lost nodes soon."""
    from ray.cluster_utils import Cluster

    checks = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    head = {"num_cpus": 0, "object_store_memory": 100 * 2**20, "include_dashboard": False, "_system_config": checks}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()


def add_node(cluster, cpus):
    node = cluster.add_node(num_cpus=cpus, object_store_memory=100 * 2**20)
    cluster.wait_for_nodes()
    return node


def processes(answers):
    return Counter(int(row.metrics["process"]) for rows in answers.values() for row in rows)


def until(happened, executor):
    """Let an executor look after its workers until something has happened."""
    while not happened():
        executor._turn()


@pytest.mark.slow
def test_a_node_that_joins_is_used_one_that_is_lost_costs_a_retry_and_without_any_the_wait_ends(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr("evaluators.training.executors.ray.fleet._POLL", 0.5)
    lose, retries = Isolation.lose, []
    monkeypatch.setattr(Isolation, "lose", lambda parts, part: (retries.append(part), lose(parts, part)))
    monkeypatch.setattr(Isolation, "fail", lambda *_, **__: pytest.fail("a node's loss was blamed on its cohort"))
    first = add_node(cluster, 1)
    with RayExecutor({"scripted": Scripted(tmp_path)}, address=cluster.address, device="cpu") as executor:
        assert executor.capacity == 1
        executor.submit(cohort(0, [FINE, FINE]))
        answers = drain(executor)
        second = add_node(cluster, 1)
        for number in range(2):
            executor.submit(cohort(10 + 10 * number, [WAITS, FINE]))
        until(lambda: len(stuck(tmp_path)) == 2, executor)
        assert executor.capacity == 2

        cluster.remove_node(second, allow_graceful=False)
        until(lambda: retries, executor)
        (tmp_path / "open").touch()
        answers |= drain(executor)
        until(lambda: executor.capacity == 1, executor)
        assert len(retries) == len(processes(answers)) == 1
        assert sorted(answers) == [0, 1, 10, 11, 20, 21]
        assert all(row.status == "ok" for rows in answers.values() for row in rows)

        monkeypatch.setattr("evaluators.training.executors.ray.executor._ABANDONED", 2.0)
        executor.submit(cohort(30, [HANGS]))
        cluster.remove_node(first, allow_graceful=False)
        with pytest.raises(ActsearchError, match=r"no Ray worker .* for 2 s; results so far are saved: .* resume"):
            executor.collect()
