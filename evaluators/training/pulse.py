"""How far a cohort is, told while it trains, and when it is given up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

_EVERY = 0.5
"""Seconds between two pulses at least; a step that takes longer has one of its own."""


class Late(Exception):
    """The training is past its deadline."""


@dataclass(frozen=True)
class Pulse:
    """How far a cohort is.

    Attributes:
        task: that it trains on.
        step: optimiser steps done by those that are in training now.
        steps: of the whole training.
        rung: steps at which they are looked at next; ``steps`` where nobody stops any more.
        members: trainings that are left, a candidate and a seed each.
        started: trainings that began.
        done: optimiser steps of all of them together.
        rate: of those a second, since the first.
        best: the lowest score at the last look; ``None`` before the first.
        best_candidate: whose that is.
    """

    task: str
    step: int
    steps: int
    rung: int
    members: int
    started: int
    done: int = 0
    rate: float = 0.0
    best: float | None = None
    best_candidate: int | None = None


Listener = Callable[[Pulse], None]


def nobody(_: Pulse) -> None:
    """Hear nothing."""


@final
@dataclass
class Beat:
    """Called after every step of a training: tells now and then how far it is, and gives it up past its deadline.

    Attributes:
        deadline: on the clock of :func:`time.monotonic`.
        listener: hears a pulse twice a second at most; what it raises ends the training.
    """

    deadline: float = math.inf
    listener: Listener = nobody
    _task: str = ""
    _started: int = 0
    _left: int = 0
    _steps: int = 0
    _rung: int = 0
    _step: int = 0
    _done: int = 0
    _first: int = 0
    _best: tuple[float, int] | None = None
    _since: float = 0.0
    _next: float = 0.0

    def begin(self, task: str, members: int, steps: int) -> None:
        """Say what starts: a number of trainings of so many steps."""
        self._task, self._started, self._left, self._steps, self._rung = task, members, members, steps, steps
        self._tell(time.monotonic())

    def towards(self, rung: int, members: int) -> None:
        """Say at which step those that are left are looked at next."""
        self._rung, self._left = rung, members

    def saw(self, score: float, candidate: int) -> None:
        """Say the lowest score of a look."""
        self._best = score, candidate

    def step(self, done: int, members: int) -> None:
        """Say that a number of trainings have done so many steps.

        Raises:
            Late: the deadline has passed.
        """
        if time.monotonic() > self.deadline:
            raise Late
        self.passed(done, members)

    def passed(self, done: int, steps: int) -> None:
        """Say where the trainings stand, after so many more steps in all."""
        now = time.monotonic()
        if not self._done:
            self._since, self._first = now, steps
        self._step, self._done = done, self._done + steps
        if now >= self._next:
            self._tell(now)

    def _tell(self, now: float) -> None:
        self._next = now + _EVERY
        score, candidate = self._best or (None, None)
        rate = (self._done - self._first) / max(1e-9, now - self._since)
        self.listener(
            Pulse(
                self._task,
                self._step,
                self._steps,
                self._rung,
                self._left,
                self._started,
                self._done,
                rate,
                score,
                candidate,
            )
        )
