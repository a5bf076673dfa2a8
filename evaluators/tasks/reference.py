"""What ReLU and GELU reach on the offline tasks: measured by ``python -m search.studies.task_reference``."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def trainings() -> pd.DataFrame:
    """Return one row a training with the task's recipe.

    Its columns are task, activation, seed, validation_error, test_error and seconds (of one
    core, training alone).
    """
    import pandas as pd

    with resources.files("evaluators.tasks").joinpath("reference.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def reference() -> pd.DataFrame:
    """Return means over seeds and their standard errors, one row a task and activation.

    Its columns are task, activation, seeds, validation_error, validation_se, test_error, test_se and seconds.
    """
    return (
        trainings()
        .groupby(["task", "activation"], as_index=False, sort=False)
        .agg(
            seeds=("seed", "count"),
            validation_error=("validation_error", "mean"),
            validation_se=("validation_error", "sem"),
            test_error=("test_error", "mean"),
            test_se=("test_error", "sem"),
            seconds=("seconds", "mean"),
        )
    )
