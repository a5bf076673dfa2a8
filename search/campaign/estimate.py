"""How long a campaign will still take, from the optimiser steps that are left and the pace of those that were made."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from evaluators.training.executors.executor import Hearing
from evaluators.training.pulse import Beat
from evaluators.training.single import Single
from evaluators.training.task import AnyTask, Task
from primitives import BASELINES, compile_expression, parse
from search.configuration.config import CampaignConfig

_STEPS = 6


def step_seconds(task: AnyTask) -> float | None:
    """Return the seconds of an optimiser step of one network on this machine's CPU: the least of five after the first.

    Whatever else the machine does only adds to them. ``None`` of a task with a loop of its own, or where it cannot be
    trained here: its first training will say why.
    """
    if not isinstance(task, Task):
        return None
    try:
        activation = compile_expression(parse("relu(x)")).module
        training = Single(task, activation, 1.0, _STEPS, 0, torch.device("cpu"))
        times = []
        for step in range(1, _STEPS + 1):
            started = time.perf_counter()
            training.advance(step, Beat())
            times.append(time.perf_counter() - started)
        return min(times[1:])
    except Exception:
        return None


def paces(tasks: Mapping[str, AnyTask]) -> dict[str, float]:
    """Return the seconds of a step by task; those that cannot be known are left out."""
    found = {name: step_seconds(task) for name, task in tasks.items()}
    return {name: seconds for name, seconds in found.items() if seconds is not None}


def in_flight(hearings: Sequence[Hearing]) -> int:
    """Return the optimiser steps that cohorts in training have done."""
    return sum(hearing.pulse.done for hearing in hearings if hearing.pulse)


@dataclass
class Pace:
    """Steps that were made since it began to count, and the seconds that they took.

    What was made before, by an earlier process, says nothing of this machine, nor do the seconds in which workers
    started.
    """

    _first: tuple[float, int] | None = None
    _last: tuple[float, int] | None = None

    def heard(self, seconds: float, steps: int) -> None:
        """Take in how many steps had been made after so many seconds."""
        if self._first is None or steps <= self._first[1]:
            self._first = seconds, steps
        self._last = seconds, steps

    def seconds(self, steps: float) -> float | None:
        """Return how long so many steps will take; ``None`` before any was made."""
        if self._first is None or self._last is None or self._last[1] <= self._first[1]:
            return None
        return steps * (self._last[0] - self._first[0]) / (self._last[1] - self._first[1])


@dataclass
class ConfirmEstimate:
    """What is left of a confirmation: steps by task, each task at its own pace.

    Attributes:
        left: optimiser steps by task.
        relative: seconds of a step of one network by task, as :func:`paces` measures them; only their ratios count.
        worker_seconds: of a step, as trainings of this confirmation, or of the search, took them, by task.
    """

    left: Counter[str]
    relative: Mapping[str, float]
    worker_seconds: dict[str, float] = field(default_factory=dict)

    def seconds(self, workers: int) -> float | None:
        """Return how long it will take; ``None`` where the pace of a task cannot be told."""
        each = [steps * seconds for task, steps in self.left.items() if steps and (seconds := self._of(task))]
        if len(each) < sum(steps > 0 for steps in self.left.values()):
            return None
        return sum(each) / max(1, workers)

    def _of(self, task: str) -> float | None:
        if task in self.worker_seconds:
            return self.worker_seconds[task]
        known = [name for name in self.worker_seconds if self.relative.get(name)]
        if task not in self.relative or not known:
            return None
        return self.worker_seconds[known[0]] * self.relative[task] / self.relative[known[0]]


_SHARE = 0.5
"""Of a whole training that a candidate gets where losers are stopped, before any was seen."""
_FEW = 8
_MEASURING = 6.0


def measuring_seconds(config: CampaignConfig) -> float:
    """Return how long it takes, about, to measure what finalists cost; nothing where that is not wanted."""
    return _MEASURING * config.confirm.top if config.confirm.measure else 0.0


@dataclass
class Outlook:
    """What search and the confirmation after it still take.

    Attributes:
        whole: optimiser steps of a candidate that is never stopped, all seeds together.
        share: of those, what a candidate gets before any was seen.
        confirmation: optimiser steps by task of the confirmation that follows.
        task: of the search, by whose pace others are judged.
        afterwards: seconds in which costs are measured at the end.
        relative: seconds of a step of one network by task.
    """

    whole: int
    share: float
    confirmation: Mapping[str, int]
    task: str
    afterwards: float = 0.0
    relative: Mapping[str, float] | None = None
    _pace: Pace = field(default_factory=Pace)

    def look(self, tasks: Mapping[str, AnyTask]) -> None:
        """Measure, once, the pace of the tasks that are confirmed on beside the search's."""
        names = {self.task, *self.confirmation}
        if self.relative is None:
            self.relative = paces({name: tasks[name] for name in names if name in tasks}) if len(names) > 1 else {}

    def heard(self, seconds: float, steps: int) -> None:
        """Take in how many steps this process had made after so many seconds."""
        self._pace.heard(seconds, steps)

    def search(self, candidates: int, trained: int, steps: int, running: int) -> float:
        """Return the optimiser steps that are left of the search.

        Args:
            candidates: that are still to be trained, those in training among them.
            trained: how many have been.
            steps: that those took.
            running: steps that those in training have done.
        """
        guess = self.share * self.whole
        mean = (steps + max(0, _FEW - trained) * guess) / max(_FEW, trained)
        return max(0.0, candidates * mean - running)

    def seconds_left(self, steps: float, workers: int, limit: float | None) -> float | None:
        """Return the seconds until everything is done; ``None`` before the pace is known.

        Args:
            steps: that are left of the search.
            workers: that run.
            limit: seconds that the search may take at most.
        """
        search = self._pace.seconds(steps)
        step = self._pace.seconds(1)
        if search is None or step is None:
            return None
        search = search if limit is None else min(search, max(0.0, limit))
        worker_seconds = {self.task: step * workers}
        after = ConfirmEstimate(Counter(self.confirmation), self.relative or {}, worker_seconds).seconds(workers)
        return search + (after or 0.0) + self.afterwards


def outlook_of(config: CampaignConfig, whole: int, tasks: Mapping[str, AnyTask]) -> Outlook:
    """Return the outlook of a campaign at its start.

    Args:
        config: with everything settled.
        whole: optimiser steps of a training on all tasks of the search.
        tasks: of the search and the confirmation, by name.
    """
    chosen = config.confirm
    trainings = chosen.seeds * (chosen.top + len(BASELINES) + len(config.baselines)) if chosen.automatic else 0
    after = {
        name: trainings * (chosen.steps or tasks[name].recipe.steps) for name in config.confirm_tasks if name in tasks
    }
    share = _SHARE if config.fidelity.rung_steps else 1.0
    following, measuring = after if trainings else {}, measuring_seconds(config)
    return Outlook(config.fidelity.seeds * whole, share, following, config.task, measuring)
