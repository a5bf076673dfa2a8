"""What a candidate's learnable constants became in the trainings that count as evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from evaluators import Evaluation
from primitives import Expression
from runs.candidate import readable
from runs.store import Store


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


def constants_of(store: Store) -> dict[int, dict[str, float]]:
    """Return what constants became, by candidate and name: means on the task that was confirmed first."""
    found: dict[int, list[Evaluation]] = defaultdict(list)
    for evaluation in store.evaluations("confirm"):
        found[evaluation.candidate].append(evaluation)
    known = {c.id: readable(c.expression) for c in store.candidates() if c.id in found}
    became = {i: trained_constants(e, found[i]) for i, e in known.items() if e is not None and e.initial}
    return {i: {c.name: c.mean for c in next(iter(tasks.values()))} for i, tasks in became.items() if tasks}
