"""The Ray executor: one actor a slot, on a local cluster of our own or on one by address."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from evaluators.evaluation import Evaluation, Job, Status, failed
from evaluators.executor import Executor
from evaluators.task import Task
from primitives.errors import ActsearchError

_GRACE = 10.0
"""Seconds past a job's own timeout before its worker is killed; a worker's start does not count."""

_AUTHENTICATION = "set RAY_AUTH_MODE=token if it asks for one (Ray keeps it in ~/.ray/auth_token); otherwise "

_OBJECT_STORE = 200 * 2**20


class _Worker:
    """The code inside an actor: holds the tasks and trains one job at a time."""

    def __init__(self, tasks: Mapping[str, Task], device: str) -> None:
        import torch

        from evaluators.train import pick_device, warm_up

        torch.set_num_threads(1)
        warm_up()
        self.tasks, self.device = tasks, pick_device(device)

    def ready(self) -> bool:
        return True

    def run(self, job: Job) -> list[Evaluation]:
        from evaluators.cohort.trainer import run_job

        return run_job(job, self.tasks[job.task], self.device)


class RayExecutor(Executor):
    """Runs jobs on Ray actors, one CPU each; GPUs are shared out when the cluster has any.

    The tasks, with their data, are shipped once through the object store. A worker that dies,
    hangs past its limit or runs out of memory is replaced, and its job is answered with a status.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        workers: int | None = None,
        address: str | None = None,
        device: str = "auto",
    ) -> None:
        """Start (or join) a cluster and its workers.

        Args:
            tasks: every task that jobs will name.
            workers: number of actors; all CPUs of the cluster when ``None``.
            address: of a running cluster, e.g. ``"auto"`` or ``"ray://host:10001"``; ``None``
                starts a local one that ends with this process.
            device: ``auto``, ``cpu`` or ``cuda``.

        Raises:
            ActsearchError: no cluster answers at the address, or it has no CPU to offer.
        """
        self.tasks = tasks
        self._ray = _connect(address, workers)
        resources = self._ray.cluster_resources()
        cpus = int(resources.get("CPU", 0))
        if cpus < 1:
            raise ActsearchError("the Ray cluster offers no CPU; start a worker node with at least one")
        count = min(workers or cpus, cpus)
        gpus = resources.get("GPU", 0.0) / count if device != "cpu" else 0.0
        _ship_user_modules(tasks, self._ray)
        self._shipped = self._ray.put(dict(tasks))
        self._device = device
        # Fractions above one must be whole; a worker never needs more than one.
        self._remote = self._ray.remote(_Worker).options(num_cpus=1, num_gpus=min(1.0, gpus))
        self._count = count
        self._queue: deque[Job] = deque()
        self._idle: deque[Any] = deque()
        self._running: dict[Any, tuple[Job, Any, float]] = {}
        self._starting: dict[Any, Any] = {}
        for _ in range(count):
            self._start()

    def _start(self) -> None:
        """Start a worker; it is idle once it has answered for the first time."""
        worker = self._remote.remote(self._shipped, self._device)
        self._starting[worker.ready.remote()] = worker

    def _admit(self, reference: Any) -> None:
        worker = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise ActsearchError(
                f"a Ray worker cannot start: {str(error).splitlines()[-1]}; "
                "are the same packages installed on every node?"
            ) from error
        self._idle.append(worker)

    @property
    def capacity(self) -> int:
        """The number of workers."""
        return self._count

    def submit(self, job: Job) -> None:
        """Start a job on an idle worker, or queue it until one is."""
        if job.task not in self.tasks:
            raise KeyError(job.task)
        self._queue.append(job)
        self._fill()

    def _fill(self) -> None:
        while self._queue and self._idle:
            job, worker = self._queue.popleft(), self._idle.popleft()
            self._running[worker.run.remote(job)] = (job, worker, time.monotonic() + job.timeout + _GRACE)

    def collect(self) -> list[tuple[Job, list[Evaluation]]]:
        """Wait for at least one job, replacing workers that died or hang."""
        done: list[tuple[Job, list[Evaluation]]] = []
        while (self._running or self._queue) and not done:
            awaited = [*self._running, *self._starting]
            ready, _ = self._ray.wait(awaited, num_returns=1, timeout=1.0)
            for reference in ready:
                if reference in self._starting:
                    self._admit(reference)
                else:
                    done.append(self._answer(reference))
            done += self._expire()
            self._fill()
        return done

    def _answer(self, reference: Any) -> tuple[Job, list[Evaluation]]:
        job, worker, _ = self._running.pop(reference)
        try:
            evaluations: list[Evaluation] = self._ray.get(reference)
        except self._ray.exceptions.OutOfMemoryError as error:
            return self._replace(job, worker, "oom", str(error).splitlines()[0])
        except self._ray.exceptions.RayActorError:
            return self._replace(job, worker, "crashed", "its worker process died")
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(worker)
            return job, [failed(job, seed, "crashed", repr(error.cause)) for seed in job.seeds]
        except self._ray.exceptions.RayError as error:
            return self._replace(job, worker, "crashed", f"{type(error).__name__}: {str(error).splitlines()[0]}")
        self._idle.append(worker)
        return job, evaluations

    def _expire(self) -> list[tuple[Job, list[Evaluation]]]:
        late = [r for r, (_, _, limit) in self._running.items() if time.monotonic() > limit]
        answers = []
        for reference in late:
            job, worker, _ = self._running.pop(reference)
            answers.append(self._replace(job, worker, "timeout", f"it hung past {job.timeout:g} s and was killed"))
        return answers

    def _replace(self, job: Job, worker: Any, status: Status, reason: str) -> tuple[Job, list[Evaluation]]:
        self._ray.kill(worker)
        self._start()
        return job, [failed(job, seed, status, reason) for seed in job.seeds]

    def close(self) -> None:
        """Stop the workers and leave the cluster; a cluster started here ends."""
        self._queue.clear()
        self._running.clear()
        self._idle.clear()
        self._starting.clear()
        self._ray.shutdown()


def _connect(address: str | None, workers: int | None) -> Any:
    """Import Ray quietly and join or start a cluster."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if address is not None:
        _check_reachable(address)
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is None:
        options |= {"num_cpus": workers, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    try:
        # "local" starts a cluster even where another one runs, which None would join.
        with _keeping_sigterm():
            ray.init(address=address or "local", **options)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        where = f"at '{address}'" if address else "on this machine"
        raise ActsearchError(
            f"cannot reach a Ray cluster {where}: {str(error).splitlines()[0]}; "
            + (_AUTHENTICATION if address else "")
            + "leave --address out to start a local one, or use --executor serial"
        ) from error
    return ray


@contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Keep Ray from replacing the handler with one that aborts the process."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _check_reachable(address: str) -> None:
    """Try to open ``host:port`` of an address first: Ray itself would try for minutes.

    Raises:
        ActsearchError: nothing listens there.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return  # "auto" and the like are Ray's to resolve
    try:
        socket.create_connection((host, int(port)), timeout=5.0).close()
    except (OSError, ValueError) as error:
        raise ActsearchError(
            f"cannot reach a Ray cluster at '{address}': {error}; "
            "leave --address out to start a local one, or use --executor serial"
        ) from None


def _ship_user_modules(tasks: Mapping[str, Task], ray: Any) -> None:
    """Send a user's task classes by value, since workers cannot import the file."""
    for task in tasks.values():
        module = sys.modules[type(task).__module__]
        if module.__name__.startswith("actsearch_task_"):
            ray.cloudpickle.register_pickle_by_value(module)
