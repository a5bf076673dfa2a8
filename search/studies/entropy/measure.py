"""Trains the plan on several processes; every finished training is a row on disk at once."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from evaluators.instruments.dynamic import DynamicEAFO
from evaluators.instruments.dynamic.adaptive import AdaptiveActivation
from evaluators.theory.quadrature import gain, sample
from evaluators.training.pieces import Diverged, Watch, pick_device
from evaluators.training.pulse import Late
from evaluators.training.scoring import score
from evaluators.training.single import fit
from evaluators.training.task import ActivationFactory
from primitives import activation_parameters, compile_expression, parse
from search.studies.entropy.plan import Training, Variant, study_task
from search.studies.spreading import mend, spread, write_rows

KEY = ["task", "setting", "name", "seed", "steps"]
COLUMNS = [*KEY, "status", "reason", "error", "loss", "seconds", "constants"]
LIMIT = 120.0
"""Seconds after which a training is given up."""

CPU = pick_device("cpu")


def train(training: Training) -> dict[str, Any]:
    """Return the row of one training; a failure of any kind is a status.

    Columns beside the key: ``status`` and ``reason`` as in :class:`evaluators.Evaluation`;
    ``error`` and ``loss`` on the validation part; ``seconds``; ``constants``, the learned values of
    the activations' parameters, in the order of the layers.
    """
    started = time.monotonic()
    row = dict(zip(KEY, training.key, strict=True)) | {"status": "ok", "reason": ""}
    try:
        task = study_task(training.task, training.setting, training.variant.activation_decay)
        factory, watch = _activation(training.variant)
        first = gain(sample(parse(training.variant.expression)))
        network, _ = fit(task, factory, first, training.steps, training.seed, CPU, started + LIMIT, watch)
        scores = score(network, task, "validation", CPU)
        row["error"], row["loss"] = scores.error, scores.loss
        row["constants"] = _constants(network)
    except Diverged as failure:
        row |= {"status": "diverged", "reason": str(failure)}
    except Late:
        row |= {"status": "timeout", "reason": f"it took longer than {LIMIT:g} s"}
    except Exception as failure:
        row |= {"status": "crashed", "reason": f"{type(failure).__name__}: {failure}".splitlines()[0]}
    return row | {"seconds": round(time.monotonic() - started, 2)}


def _activation(variant: Variant) -> tuple[ActivationFactory, Watch | None]:
    expression = parse(variant.expression)
    if not variant.dynamic:
        return compile_expression(expression).module, None
    return lambda: AdaptiveActivation(expression), lambda network: DynamicEAFO(network).step


def _constants(network: nn.Module) -> str:
    return " ".join(f"{value:.4f}" for p in activation_parameters(network) for value in p.detach().flatten().tolist())


def complete(trainings: Sequence[Training], file: Path, workers: int) -> pd.DataFrame:
    """Train what the file does not have yet and return the rows of all trainings.

    Args:
        trainings: what is wanted.
        file: CSV that rows are appended to; a line that was cut off is dropped.
        workers: processes of one thread each; 1 trains in this one.
    """
    mend(file)
    known = {_key(row) for row in _rows(file)}
    missing = [training for training in trainings if training.key not in known]
    write_rows(file, COLUMNS, ([row] for row in spread(train, missing, workers)), len(missing), every=50)
    return read(trainings, file)


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _key(row: dict[str, str]) -> tuple[str, str, str, int, int]:
    return row["task"], row["setting"], row["name"], int(row["seed"]), int(row["steps"])


def read(trainings: Iterable[Training], file: Path) -> pd.DataFrame:
    """Return the rows of these trainings; error and loss are infinite where a training failed."""
    wanted = {training.key for training in trainings}
    frame = pd.DataFrame([row for row in _rows(file) if _key(row) in wanted], columns=COLUMNS)
    frame = frame.astype({"seed": int, "steps": int, "seconds": float})
    for column in ("error", "loss"):
        frame[column] = pd.to_numeric(frame[column]).where(frame["status"] == "ok", math.inf)
    return frame
