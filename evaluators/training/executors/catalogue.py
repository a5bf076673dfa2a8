"""The executors by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from evaluators.training.executors.executor import Executor
from evaluators.training.executors.options import ExecutorOptions
from evaluators.training.task import AnyTask
from primitives.registries import Maker, Registry


class RayOptions(ExecutorOptions):
    """Where trainings run."""

    executor: Literal["ray"] = Field("ray", description="ray, or serial for one process")
    workers: int | None = Field(None, ge=1, le=100_000, description="Ray actors; all CPUs when left out")
    address: str | None = Field(None, description="of a running Ray cluster")


class SerialOptions(ExecutorOptions):
    """Where trainings run."""

    executor: Literal["serial"] = Field("serial", description="serial: one process, or ray for many")


def _ray(tasks: Mapping[str, AnyTask], options: RayOptions) -> Executor:
    from evaluators.training.executors.ray.executor import RayExecutor

    return RayExecutor(tasks, options.workers, options.address, options.device, options.cohort)


def _serial(tasks: Mapping[str, AnyTask], options: SerialOptions) -> Executor:
    from evaluators.training.executors.serial import SerialExecutor

    return SerialExecutor(tasks, options.device, options.cohort)


EXECUTORS: Registry[Maker[Executor]] = Registry(
    "executor",
    {
        "ray": Maker(_ray, RayOptions, "actors on this machine or on a cluster"),
        "serial": Maker(_serial, SerialOptions, "one cohort at a time in this process, bit-reproducible on a CPU"),
    },
    Maker,
    ExecutorOptions,
)
"""Every executor by name. A factory is called with the tasks by name and its options, see :class:`Executor`."""
