"""What the study trains: functions, seeds, and the offline tasks with every score that is compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from evaluators import Task, load_task
from evaluators.training.calibration import brier_score, calibrated_loss
from evaluators.training.task import ActivationFactory
from search.studies.around import Around

SCORES = ("error", "loss", "calibrated_loss", "brier", "log_error")
"""What is compared, as far as a task has it; ``log_error`` is the kind of Brier score that a regression has."""

KNOWN = (
    *("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "mish", "crrelu"),
    *("sigmoid", "tanh", "erf", "softsign", "hardtanh", "softplus", "bent_identity", "relu6"),
    *("abs", "squared_relu", "selu", "xielu", "hardswish", "serf", "smish", "logish"),
    *("loglogish", "gish", "golu", "lisht", "elish", "aptx", "dsilu", "snake"),
    *("siren", "gcu", "gaussian", "squ", "tanhshrink", "symlog", "sinlu", "telu"),
)
"""Functions of the library, of every kind."""

DRAWN = (
    "atan(alpha*(abs(x) + softplus(x))); alpha=0.25",
    "x/sqrt(relu(0.707106781185*softplus(x) + 1.41421356237)**4 + 1)",
    "sigmoid(x/sqrt(relu(x)**2 + 1))/sqrt(sin(x)**2 + 1)",
    "min(erf(erf(x/sqrt(alpha**2 + 1))), max(2, x)); alpha=1.0",
    "gelu(0.707106781185*asinh(x) + atan(erf(x)))",
    "cos(x + softplus(x - alpha)/sqrt(x**2 + 1)); alpha=0.01",
    "min(alpha, erf(relu(x))/sqrt(x**2 + 1)); alpha=0.25",
    "relu(x/sqrt(x**2 + 1))",
    "x + x/sqrt(x**2 + 1)",
    "x - gelu(sin(elu(min(0.1, x))))",
    "max(alpha*x, min(0.5, x)); alpha=0.25",
    "-alpha/sqrt(x**2 + 1); alpha=0.25",
    "(x + relu(x) - 2)/sqrt(alpha**2 + 1); alpha=0.25",
    "min(alpha, cos(x - tanh(x - 0.1))); alpha=0.25",
    "sigmoid(x/sqrt(min(x, x**2)**2 + 1) - x)",
    "x*(beta - max(alpha, x)) + x; alpha=0.01; beta=1.0",
    "max(x, x/sqrt(sigmoid(x)**2 + 1))",
    "erf(sigmoid(alpha + x)); alpha=0.25",
    "atan(x/sqrt(x**2 + 1))/sqrt(x**2 + 1)",
    "x*(erf(x) - 1)/sqrt(x**2 + 1)",
    "relu(alpha*min(beta, x)); alpha=0.01; beta=0.25",
    "-(alpha - x)/sqrt(4*x**2 + 1); alpha=0.25",
    "max(x, x**2/sqrt(alpha**2 + 1)); alpha=1.0",
    "abs(x)*asinh(x)",
)
"""Functions such as a search tries: drawn once from the default grammar; they pass the screen and are not known."""

FUNCTIONS = (*KNOWN, *DRAWN)
SEEDS = (1, 2, 3, 4)

OFTEN = (
    *("relu", "leaky_relu", "elu", "selu", "gelu", "silu"),
    *("mish", "crrelu", "tanh", "softplus", "squared_relu", "sinlu"),
)
OFTEN_SEEDS = tuple(range(1, 13))
"""What is trained more often, to know its test error well."""


@dataclass(frozen=True)
class Unit:
    """Functions that are trained together on a task, each once for every seed."""

    task: str
    functions: tuple[str, ...]
    seeds: tuple[int, ...]


def units(task: str, functions: int, at_once: int = 8) -> list[Unit]:
    """Return what is trained on a task, the first seeds of everything before more seeds of some.

    Args:
        task: its name.
        functions: how many of the panel: those that are trained often, and an even spread of the others.
        at_once: how many are trained together.
    """
    others = [name for name in FUNCTIONS if name not in OFTEN]
    count = min(functions - len(OFTEN), len(others))
    chosen = (*OFTEN, *(others[number * len(others) // count] for number in range(count)))
    more = tuple(seed for seed in OFTEN_SEEDS if seed not in SEEDS)
    parts = [(chosen, SEEDS), (OFTEN, more)]
    return [
        Unit(task, names[at : at + at_once], seeds) for names, seeds in parts for at in range(0, len(names), at_once)
    ]


class _WithScores(Around):
    """The language model with the scores of its probabilities, which are too dear for a search."""

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the task's network."""
        return self.inner.network(activation, gain)

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return ``calibrated_loss`` and ``brier`` over all characters."""
        logits, symbols = outputs.flatten(0, 1), targets.flatten()
        return {"calibrated_loss": calibrated_loss(logits, symbols), "brier": brier_score(logits, symbols)}


@cache
def measured_task(name: str) -> Task:
    """Return an offline task that reports every score of :data:`SCORES` that it can have."""
    task = load_task(name)
    assert isinstance(task, Task)
    return _WithScores(task) if name == "text-gpt" else task


def version(task: Task) -> str:
    """Return eight characters that change with the task's recipe, network, or sizes of data."""
    sizes = [tuple(task.data(part).inputs.shape) for part in ("train", "validation", "test")]
    with torch.random.fork_rng(devices=[]):
        network = repr(task.network(nn.ReLU, 1.0))
    return hashlib.sha256(repr((task.recipe, sizes, network)).encode()).hexdigest()[:8]
