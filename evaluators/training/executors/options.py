"""What every executor can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from primitives.options import Options


class ExecutorOptions(Options):
    """Where trainings run."""

    executor: str
    cohort: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="candidates trained as one network; when left out, what fits and the population allows",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where networks live")
