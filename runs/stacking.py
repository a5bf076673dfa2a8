"""What a run says of trainings that were not done in a stack."""

from __future__ import annotations

from collections import Counter

from primitives.text import printable
from runs.readable import Readable


def unstacked(store: Readable) -> Counter[str]:
    """Return how many trainings ran by themselves, by the reason; rungs of one training count once."""
    found = {tuple(place): reason for *place, reason in store.unstacked()}
    return Counter(found.values())


def unstacked_lines(store: Readable) -> list[str]:
    """Return a line a reason, the commonest first; none when nothing ran by itself for want of a stack."""
    return [
        f"{count} training{'s' if count > 1 else ''} ran one by one, not in a stack: {printable(reason)}"
        for reason, count in unstacked(store).most_common()
    ]
