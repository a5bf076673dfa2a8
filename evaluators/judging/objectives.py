"""What the front trades off: numbers of a trained candidate, all minimised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from primitives.errors import ActsearchError
from primitives.registries import Registry

Facts = Mapping[str, float]
"""All numbers that are known of a candidate, by name: its features; once it is trained also ``error`` and ``loss``
of the validation part and the metrics that its task reports, averaged over the seeds."""

Point = tuple[float, ...]
"""A candidate's values of some objectives, in their order."""


MOST_DIGITS = 12


@dataclass(frozen=True)
class Objective:
    """A number to be made small.

    Attributes:
        name: in configurations, JSON and the run file's frames.
        unit: e.g. ``nodes``; ``1`` for none.
        label: what tables and plots call it.
        of: takes it from what is known of a trained candidate; it must be finite.
        digits: decimals in tables.
    """

    name: str
    unit: str
    label: str
    of: Callable[[Facts], float]
    digits: int = 4

    def __post_init__(self) -> None:
        """Check what is printed.

        Raises:
            ActsearchError: the decimals are no whole number from 0 to 12, or unit and label are no printable text.
        """
        if not isinstance(self.digits, int) or not 0 <= self.digits <= MOST_DIGITS:
            raise ActsearchError(f"objective '{self.name}' has {self.digits!r} digits; they go from 0 to {MOST_DIGITS}")
        if not all(isinstance(text, str) and text.isprintable() for text in (self.name, self.unit, self.label)):
            raise ActsearchError(f"unit and label of objective {self.name!r} must be printable text")

    def value(self, facts: Facts) -> float:
        """Return the objective of a candidate.

        Raises:
            ActsearchError: it is not finite, or what computes it fails.
        """
        try:
            value = float(self.of(facts))
        except Exception as error:
            what = f"there is no {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
            raise ActsearchError(
                f"objective '{self.name}' cannot be computed: {what}; known of a trained candidate: {', '.join(facts)}"
            ) from error
        if not math.isfinite(value):
            raise ActsearchError(f"objective '{self.name}' is {value}, and only finite numbers can be compared")
        return value


OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "error": Objective("error", "mean of the task's error", "validation error", itemgetter("error")),
        "loss": Objective("loss", "mean of the task's loss", "validation loss", itemgetter("loss")),
        "calibrated_loss": Objective(
            "calibrated_loss", "nats", "validation calibrated loss", itemgetter("calibrated_loss")
        ),
        "brier": Objective("brier", "1", "validation brier", itemgetter("brier")),
        "mean_score": Objective(
            "mean_score", "mean of the baselines' scores", "mean relative score", itemgetter("mean_score"), 3
        ),
        "worst_score": Objective(
            "worst_score", "mean of the baselines' scores", "worst relative score", itemgetter("worst_score"), 3
        ),
        "cost": Objective("cost", "float32 multiplications", "cost", itemgetter("cost"), 0),
        "complexity": Objective("complexity", "nodes", "complexity", itemgetter("complexity"), 0),
    },
    Objective,
)
"""Every objective by name; an extension adds to it with ``OBJECTIVES.register(name, Objective(...))``."""

SCORE = "score"
"""The name among objectives that stands for the score of the task, whichever that is."""

MEASURED = ("error", "loss", "calibrated_loss", "brier")
"""The registered objectives that are scores of a task."""

RELATIVE = ("mean_score", "worst_score")
"""The objectives over several tasks: each score in the mean of the baselines' on the same seeds, and then the mean of
the tasks and the worst."""

SCORE_NAME = r"^[a-z][a-z0-9_]{0,63}$"
"""What a score may be called, in a task's class and in a campaign file."""

DEFAULT_OBJECTIVES = (SCORE, "cost", "complexity")
SEVERAL_TASKS_OBJECTIVES = (*RELATIVE, "cost", "complexity")


def chosen_objectives(names: Iterable[str], score: str) -> tuple[Objective, ...]:
    """Return objectives by name.

    Args:
        names: of objectives, :data:`SCORE` among them.
        score: what the task goes by, see :attr:`evaluators.Task.score`.

    Raises:
        ActsearchError: there is none of a name, or one comes twice.
    """
    chosen = tuple(_of_score(score) if name == SCORE else OBJECTIVES[name] for name in names)
    if len({each.name for each in chosen}) < len(chosen):
        raise ActsearchError(f"the score of the task is '{score}', which the objectives name as well; leave one out")
    return chosen


def on_one_task(names: Iterable[str], score: str) -> tuple[str, ...]:
    """Return objectives with the score of a task in the place of those over several tasks.

    Args:
        names: of objectives.
        score: what the task goes by.
    """
    return tuple(dict.fromkeys(SCORE if name in (*RELATIVE, score) else name for name in names))


def _of_score(name: str) -> Objective:
    """Return the objective that a task goes by: a registered one, or what evaluations hold under that name."""
    if name in OBJECTIVES:
        return OBJECTIVES[name]
    return Objective(name, name, f"validation {spoken(name)}", itemgetter(name))


def spoken(name: str) -> str:
    """Return the name of a score as tables say it.

    >>> spoken("calibrated_loss")
    'calibrated loss'
    """
    return name.replace("_", " ")


def point(objectives: Sequence[Objective], facts: Facts) -> Point:
    """Return a candidate's values; errors as in :meth:`Objective.value`."""
    return tuple(objective.value(facts) for objective in objectives)
