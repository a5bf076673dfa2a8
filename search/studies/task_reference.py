"""Trains ReLU and GELU by the recipe of every offline task: ``python -m search.studies.task_reference``.

Of a field where the activation decides, also tanh, sine, a Gaussian and the field's own favourites. Writes
``evaluators/tasks/reference.csv``, one row a training. The test part is scored once, here, with recipes that were
chosen on the validation part.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from evaluators import Task, assess
from evaluators.tasks.catalogue import OFFLINE, load_task
from evaluators.training.pieces import pick_device, warm_up
from evaluators.training.scoring import score
from evaluators.training.single import fit
from primitives import compile_expression, resolve

OUT = Path("evaluators/tasks/reference.csv")
ACTIVATIONS = ("relu", "gelu")
_ALL = ("tanh", "sine", "gaussian")
_COORDINATES = (*_ALL, "siren", "sinc", "wire", "finer", "staf")
_PHYSICS = (*_ALL, "silu", "mish", "staf")
FAVOURITES: dict[str, tuple[str, ...]] = {
    "deep-mlp": (*_ALL, "selu", "elu"),
    "forecast": (*_ALL, "snake", "silu"),
    "inr-image": _COORDINATES,
    "inr-signal": _COORDINATES,
    "pinn-burgers": _PHYSICS,
    "pinn-helmholtz": _PHYSICS,
    "pinn-poisson": _PHYSICS,
}
"""What else is trained, by task."""
SEEDS = range(10_000, 10_005)


def measure(task: Task, name: str, seed: int) -> dict[str, object]:
    """Train once and return a row of the file."""
    expression, device = resolve(name), pick_device("cpu")
    activation, gain = compile_expression(expression).module, assess(expression).gain
    assert gain is not None
    started = time.process_time()
    network, _ = fit(task, activation, gain, task.recipe.steps, seed, device)
    seconds = time.process_time() - started
    return {
        "task": task.name,
        "activation": name,
        "seed": seed,
        "validation_error": round(score(network, task, "validation", device).error, 6),
        "test_error": round(score(network, task, "test", device).error, 6),
        "seconds": round(seconds, 2),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the named tasks and keep the rows of the others."""
    parser = argparse.ArgumentParser(prog="python -m search.studies.task_reference", description=__doc__)
    parser.add_argument("tasks", nargs="*", default=tuple(OFFLINE), help="measure only these again")
    chosen = parser.parse_args(arguments).tasks
    torch.set_num_threads(1)
    warm_up()
    measured = []
    for name in chosen:
        task = load_task(name)
        assert isinstance(task, Task)
        task.data("train")
        for activation in (*ACTIVATIONS, *FAVOURITES.get(name, ())):
            measured += [measure(task, activation, seed) for seed in SEEDS]
            shown = pd.DataFrame(measured[-len(SEEDS) :])[["validation_error", "test_error", "seconds"]].mean()
            print(name, activation, shown.round(4).to_dict(), flush=True)
    rows = pd.DataFrame(measured)
    if OUT.exists():
        before = pd.read_csv(OUT)
        rows = pd.concat([before[~before["task"].isin(chosen)], rows])
    rows = rows.sort_values("task", kind="stable")  # within a task as they were measured
    rows.to_csv(OUT, index=False)
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
