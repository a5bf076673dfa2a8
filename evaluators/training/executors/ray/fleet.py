"""The workers on a cluster: as many as it can hold, replaced when lost, more when it grows."""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.training.executors.ray.worker import Shipment, Worker
from primitives.errors import ActsearchError

_POLL = 3.0
"""Seconds between two looks at the cluster's nodes."""

_FRESH = 60.0
"""Seconds that a worker is expected to need to start; after them it no longer counts as capacity."""

_STARTS = 3
"""Starts in a row that raise, after which something is wrong with the workers."""

_DEATHS = 10
"""Workers in a row that die before they have started, those lost with a node not counted: somebody kills them."""

_RAISED = "raised in its creation task"

_ASIDE = "aside"
"""Threads of a worker that answer while another one trains."""

Nodes = Sequence[Mapping[str, Any]]
"""What ``ray.nodes()`` tells: ``NodeID``, ``Alive`` and ``Resources`` of each node ever seen."""


@dataclass(frozen=True)
class Allotment:
    """What a cluster can hold.

    Attributes:
        workers: one CPU each.
        share: of a GPU for each; 0 when none is used.
    """

    workers: int
    share: float


def allot(nodes: Nodes, wanted: int | None, device: str) -> Allotment:
    """Share out a cluster: with GPUs in use only nodes that have one count, and workers share them evenly.

    Args:
        nodes: as Ray tells them.
        wanted: at most so many workers; as many as there are CPUs when ``None``.
        device: ``auto`` and ``cuda`` use GPUs when there are any; Ray knows no other accelerator of ours.
    """
    resources = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = sum(r.get("GPU", 0.0) for r in resources) if device in ("auto", "cuda") else 0.0
    room = sum(int(r.get("CPU", 0)) for r in resources if not gpus or r.get("GPU"))
    workers = min(wanted or room, room)
    # Whole workers to a GPU: thirds of two GPUs would leave one of three workers without a place.
    return Allotment(workers, 1 / max(1, math.ceil(workers / gpus)) if gpus else 0.0)


@dataclass(frozen=True, eq=False)
class Hand:
    """A worker that runs.

    Attributes:
        actor: Ray's handle of it.
        node: the id of its node.
        name: a number, the smallest that no other one has.
    """

    actor: Any
    node: str
    name: str

    def ask_pulse(self) -> Any:
        """Return a reference to what :meth:`Worker.pulse` answers while it trains."""
        return self.actor.pulse.options(concurrency_group=_ASIDE).remote()


class Fleet:
    """Starts workers, knows which are idle, and follows the cluster as nodes come and go."""

    def __init__(self, ray: Any, shipment: Shipment, wanted: int | None, device: str) -> None:
        """Start the workers, each of which gets the shipment; none is waited for.

        Raises:
            ActsearchError: the cluster has no CPU, or not the GPU that is asked for.
        """
        self._ray, self._wanted, self._device = ray, wanted, device
        found = allot(ray.nodes(), wanted, device)
        if found.workers < 1:
            raise ActsearchError("the Ray cluster offers no CPU; start a worker node with at least one")
        if device == "cuda" and not found.share:
            raise ActsearchError("the Ray cluster offers no GPU for device 'cuda'; use --device auto or cpu")
        self._shipped = ray.put(shipment)
        self._remote = ray.remote(concurrency_groups={_ASIDE: 1})(Worker)
        self._starting: dict[Any, tuple[Any, float]] = {}
        self._idle: deque[Hand] = deque()
        self._busy: set[Hand] = set()
        self._failures = 0
        self._look(found)

    # --- what there is ----------------------------------------------------------------------

    @property
    def awaited(self) -> list[Any]:
        """References that are ready when a worker has started."""
        return list(self._starting)

    @property
    def hands(self) -> list[Hand]:
        """All workers that run."""
        return [*self._idle, *self._busy]

    @property
    def capacity(self) -> int:
        """How many workers run or will soon, at least 1."""
        now = time.monotonic()
        soon = sum(now - since < _FRESH for _, since in self._starting.values())
        return max(1, len(self._idle) + len(self._busy) + soon)

    # --- starting and stopping --------------------------------------------------------------

    def admit(self, reference: Any) -> None:
        """Count a worker as idle that has started; one whose node is gone is started anew.

        Raises:
            ActsearchError: several in a row could not start.
        """
        actor, _ = self._starting.pop(reference)
        try:
            node, taken = self._ray.get(reference), {hand.name for hand in self.hands}
            free = next(name for name in map(str, itertools.count(1)) if name not in taken)
            self._idle.append(Hand(actor, node, free))
            self._failures = 0
        except self._ray.exceptions.RayError as error:
            if not self.lost(error, None):
                self._failures += 1
            if self._failures >= (_STARTS if _RAISED in str(error) else _DEATHS):
                reason = [line for line in str(error).splitlines() if line.strip()][-1]
                raise ActsearchError(
                    f"a Ray worker cannot start: {reason.strip()}; are the same packages installed on every node?"
                ) from error
            self._next_look = 0.0

    def take(self) -> Hand | None:
        """Return an idle worker, now busy, or ``None``."""
        if not self._idle:
            return None
        hand = self._idle.popleft()
        self._busy.add(hand)
        return hand

    def release(self, hand: Hand) -> None:
        """Count a busy worker as idle again."""
        self._busy.discard(hand)
        self._idle.append(hand)

    def replace(self, hand: Hand) -> None:
        """Kill a worker and start another one in its place, at once where there is room."""
        self._busy.discard(hand)
        self._ray.kill(hand.actor)
        self._next_look = 0.0

    def bury(self, hand: Hand) -> None:
        """Start another worker in the place of one that died while idle; a busy one is replaced when it answers."""
        if hand in self._idle:
            self._idle.remove(hand)
            self._next_look = 0.0

    def lost(self, error: Exception, hand: Hand | None) -> bool:
        """Tell whether an error is the loss of a node, or of the way to it, rather than of one process."""
        kinds = self._ray.exceptions
        if isinstance(error, (kinds.ActorUnavailableError, kinds.NodeDiedError, kinds.ObjectLostError)):
            return True
        if getattr(error, "preempted", False) or "node has died" in str(error) or "node died" in str(error):
            return True
        return hand is not None and hand.node not in _alive(self._ray.nodes())

    def follow(self) -> None:
        """Every few seconds fit the workers to the nodes that there are now."""
        if time.monotonic() >= self._next_look:
            nodes = self._ray.nodes()
            alive = _alive(nodes)
            self._idle = deque(hand for hand in self._idle if hand.node in alive)
            self._look(allot(nodes, self._wanted, self._device))

    def _look(self, found: Allotment) -> None:
        self._next_look = time.monotonic() + _POLL
        missing = found.workers - len(self._idle) - len(self._busy) - len(self._starting)
        for _ in range(missing):
            self._start(found.share)
        for reference in list(self._starting)[: max(0, -missing)]:
            self._ray.kill(self._starting.pop(reference)[0])

    def _start(self, share: float) -> None:
        """Start a worker; it waits without holding anyone up until the cluster has room."""
        actor = self._remote.options(num_cpus=1, num_gpus=share).remote(self._shipped, self._device, share)
        self._starting[actor.node.remote()] = actor, time.monotonic()

    def close(self) -> None:
        """Forget the workers; they end with the connection."""
        self._starting.clear()
        self._idle.clear()
        self._busy.clear()


def _alive(nodes: Nodes) -> set[str]:
    return {node["NodeID"] for node in nodes if node["Alive"]}
