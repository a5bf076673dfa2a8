"""Asking workers, while they train, how far they are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from evaluators.training.executors.ray.fleet import Hand
from evaluators.training.pulse import Pulse

_EVERY = 1.0
_AT_ONCE = 64
"""Seconds between two rounds, in each of which so many workers are asked, so that a large cluster costs no more."""


class Pulses:
    """What workers last said; a worker that does not answer is not asked again before it does."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._asked: dict[Any, Hand] = {}
        self._said: dict[Hand, tuple[int, Pulse | None, float, float]] = {}
        self._next = 0.0

    def listen(self, hands: Sequence[Hand]) -> bool:
        """Take in what was answered and, once a second, ask again; tell whether it was asked.

        Args:
            hands: the workers that train now.
        """
        self._take_in()
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _EVERY
        self._said = {hand: self._said[hand] for hand in hands if hand in self._said}
        asked = set(self._asked.values())
        waiting = sorted((h for h in hands if h not in asked), key=self._last)
        for hand in waiting[:_AT_ONCE]:
            self._asked[hand.ask_pulse()] = hand
        return True

    def _take_in(self) -> None:
        if not self._asked:
            return
        ready, _ = self._ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0.0)
        for reference in ready:
            hand = self._asked.pop(reference)
            try:
                number, pulse, silent = self._ray.get(reference)
            except self._ray.exceptions.RayError:  # the worker died: whoever waits for its cohort is told
                continue
            self._said[hand] = number, pulse, silent, time.monotonic()

    def _last(self, hand: Hand) -> float:
        return self._said[hand][-1] if hand in self._said else 0.0

    def of(self, hand: Hand, number: int) -> tuple[Pulse | None, float] | None:
        """Return the last pulse of a run and the seconds since it, ``None`` where its worker has said nothing of it."""
        if hand not in self._said or self._said[hand][0] != number:
            return None
        _, pulse, silent, at = self._said[hand]
        return pulse, silent + time.monotonic() - at
