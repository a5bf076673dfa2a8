"""Joining a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from primitives.errors import ActsearchError

_AUTHENTICATION = "set RAY_AUTH_MODE=token if it asks for one (Ray keeps it in ~/.ray/auth_token); otherwise "

_OBJECT_STORE = 200 * 2**20


def connect(address: str | None, workers: int | None) -> Any:
    """Import Ray quietly and join or start a cluster.

    Workers of a local cluster run at the priority of this process, so that ``nice actsearch launch …`` lowers both. Of
    itself Ray adds 15 to their niceness, and anything else on the machine would then go before them: a campaign stood
    still for minutes. ``RAY_worker_niceness`` in the environment overrules this; a cluster by address has its own.

    Args:
        address: of a running cluster; ``None`` starts a local one that ends with this process.
        workers: CPUs of a local cluster; all of the machine when ``None``.

    Returns:
        The module ``ray``.

    Raises:
        ActsearchError: no cluster answers at the address, or none can be started.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # as this process; Ray's own 15 starves on a busy machine
    import ray

    from evaluators.training.executors.ray.path import job

    if address is not None:
        _check_reachable(address)
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if not (address or "").startswith("ray://"):  # that one's workers have the path of the cluster's own server
        options["job_config"] = job(ray)
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
