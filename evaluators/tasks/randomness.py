"""Libraries that draw from, or seed, the global generators of Python, numpy and torch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from evaluators.training.pieces import seeded


@contextmanager
def every_generator(seed: int, device: torch.device) -> Iterator[None]:
    """Seed Python's, numpy's and torch's generators within, and put all back as they were.

    Args:
        seed: below 2**32.
        device: whose generator is meant beside the CPU's.
    """
    states = random.getstate(), np.random.get_state()
    with seeded(seed, device):
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
