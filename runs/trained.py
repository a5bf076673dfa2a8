"""What a candidate's learnable constants became in the trainings that count as evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from evaluators import Evaluation
from primitives import Expression


@dataclass(frozen=True)
class Constant:
    """A learnable constant after training.

    Attributes:
        name: in the formula.
        initial: its value before.
        mean: over layers and seeds.
        low, high: the smallest and largest of them.
    """

    name: str
    initial: float
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it in words, as ``alpha = 0.31 (0.2 to 0.4 over layers and seeds; 0.25 at first)``."""
        spread = f"{self.low:.4g} to {self.high:.4g} over layers and seeds; " if self.low != self.high else ""
        return f"{self.name} = {self.mean:.4g} ({spread}{self.initial:.4g} at first)"


def trained_constants(expression: Expression, evaluations: Iterable[Evaluation]) -> dict[str, list[Constant]]:
    """Return by task what constants became; tasks whose trainings say nothing of it are left out.

    Args:
        expression: of a candidate.
        evaluations: its confirmation.
    """
    initial = {name: float(value) for name, value in expression.initial}
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for evaluation in evaluations:
        for place in evaluation.places:
            for name, value in place.constants.items():
                if name in initial:
                    found[evaluation.task][name].append(value)
    return {
        task: [
            Constant(name, initial[name], sum(values) / len(values), min(values), max(values))
            for name, values in constants.items()
        ]
        for task, constants in found.items()
    }


def at_trained(expression: Expression, evaluations: Iterable[Evaluation], task: str | None = None) -> dict[str, float]:
    """Return the constants to draw a function with: trained ones of a task, the first that says any, else none."""
    by_task = trained_constants(expression, evaluations)
    chosen = by_task.get(task or "") or next(iter(by_task.values()), [])
    return {constant.name: constant.mean for constant in chosen}
