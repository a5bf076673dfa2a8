"""Features of a function in a task's real network at initialisation: dearer than the others, and of one task only.

They belong to (task, activation, gain), where the features of :mod:`evaluators.judging.features` belong to a formula.
What each is worth is measured in ``evaluators/study/features.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch

from evaluators.instruments.fisher import LEVELS, log_spectrum
from evaluators.instruments.proxies import Proxies, proxies
from evaluators.theory.density import Array
from evaluators.training.task import ActivationFactory, Task
from primitives.registries import Registry

_LEAST = 1e-30


class Start:
    """A task's networks at initialisation with an activation; what several features need is computed once."""

    def __init__(
        self,
        task: Task,
        activation: ActivationFactory,
        gain: float,
        seeds: Sequence[int] = (0, 1, 2),
        examples: int = 128,
        device: torch.device | None = None,
    ) -> None:
        """Prepare to look.

        Args:
            task: gives network, training data and loss.
            activation: called once for each place that needs an activation layer.
            gain: initialisation factor of the layers after an activation.
            seeds: one network and one batch each.
            examples: of the training part in a batch.
            device: where; the CPU when ``None``.
        """
        self._asked = (task, activation, gain, tuple(seeds), examples, device)

    @cached_property
    def proxies(self) -> Proxies:
        """What one gradient says."""
        return proxies(*self._asked)

    @cached_property
    def log_spectrum(self) -> Array:
        """Quantiles of the log10 of the Fisher information's eigenvalues, shape (levels,)."""
        return log_spectrum(*self._asked)


@dataclass(frozen=True)
class NetworkFeature:
    """A pure number that describes a function by what it does in a network before any training.

    Attributes:
        name: in tables and JSON.
        label: what reports call it.
        of: computes it; not finite where a gradient is not.
        digits: decimals in tables.
    """

    name: str
    label: str
    of: Callable[[Start], float]
    digits: int = 2


def _log10(value: float) -> float:
    return float(np.log10(np.maximum(value, _LEAST)))


def _quantile(start: Start, place: int) -> float:
    return float(start.log_spectrum[place])


GRADIENT = (
    NetworkFeature("gradient_norm", "log10 of the gradient's norm", lambda s: _log10(s.proxies.gradient_norm)),
    NetworkFeature("fisher_trace", "log10 of the Fisher trace", lambda s: _log10(s.proxies.fisher_trace)),
    NetworkFeature(
        "gradient_ratio",
        "log of the gradient's norm at the first weights over the last",
        lambda s: s.proxies.gradient_ratio,
    ),
)
"""See :class:`evaluators.instruments.proxies.Proxies`."""

FISHER = tuple(
    NetworkFeature(
        f"fisher_{round(100 * level)}",
        f"log10 of the Fisher eigenvalues, {level:.0%} quantile",
        partial(_quantile, place=place),
    )
    for place, level in enumerate(LEVELS)
)
"""See :mod:`evaluators.instruments.fisher`."""

NETWORK_FEATURES: Registry[NetworkFeature] = Registry(
    "network feature", {feature.name: feature for feature in (*GRADIENT, *FISHER)}, NetworkFeature
)
"""Every one by name; an extension adds to it with ``NETWORK_FEATURES.register(name, NetworkFeature(...))``."""


def described(start: Start) -> dict[str, float]:
    """Return every feature by name."""
    return {name: float(feature.of(start)) for name, feature in NETWORK_FEATURES.items()}
