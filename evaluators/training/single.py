"""One network in training, resumable between steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from evaluators.training.pieces import (
    Diverged,
    Watch,
    augmenting,
    autocast,
    batches,
    curve_of,
    forked,
    fresh_network,
    generators,
    groups_of,
    is_checked,
    make_optimiser,
    make_schedule,
    mixed,
    on_device,
    seeded,
    set_generators,
    weights_type,
)
from evaluators.training.pulse import Beat
from evaluators.training.task import ActivationFactory, Data, Task

_DROPOUT = 2**33
"""A number that no step has: dropout draws apart from augmentation."""


class Randomness:
    """The global generators as one training sees them; outside of ``with`` they are as they were.

    Initial weights and what the steps draw (dropout) come from different streams, so that the
    second does not depend on how many numbers the first took.
    """

    def __init__(self, seed: int, device: torch.device, stream: int = 0) -> None:
        """Start the stream of a seed; another number gives another stream."""
        self._device = device
        with seeded(mixed(mixed(seed, stream), _DROPOUT), device):
            self._states = generators(device)

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Go on with what the steps draw."""
        with forked(self._device):
            set_generators(self._states, self._device)
            yield
            self._states = generators(self._device)


class Single:
    """One network, its optimiser and where it stands.

    Attributes:
        network: being trained.
        losses: of the steps done, shape (steps done,), on the device.
    """

    def __init__(
        self,
        task: Task,
        activation: ActivationFactory,
        gain: float,
        steps: int,
        seed: int,
        device: torch.device,
        watch: Watch | None = None,
        stream: int = 0,
        data: Data | None = None,
    ) -> None:
        """Build a fresh network.

        Args:
            task: what to train on.
            activation: called once for each place that needs an activation layer.
            gain: initialisation factor of the layers after an activation.
            steps: of the whole training.
            seed: of initial weights and batches.
            device: where to train.
            watch: as in :func:`evaluators.training.single.fit`.
            stream: of the random numbers that steps draw, see :func:`evaluators.training.pieces.stream_of`.
            data: the training part on the device, if it is there already.
        """
        self._task, self._steps, self._seed, self._device, self._stream = task, steps, seed, device, stream
        self.network: nn.Module = fresh_network(task, activation, gain, seed, device)
        self._after_step = watch(self.network) if watch else None
        self._randomness = Randomness(seed, device, stream)
        self._data = data or on_device(task.data("train"), task.recipe, device)
        self._batches = batches(len(self._data), task.recipe.batch_size, seed)
        self._optimiser = make_optimiser(groups_of(self.network, task.recipe), task.recipe)
        self._schedule = make_schedule(self._optimiser, task.recipe, steps)
        self._done = 0
        self._losses = torch.zeros(steps, device=device, dtype=weights_type(task.recipe))

    @property
    def losses(self) -> torch.Tensor:
        """The losses of the steps done, shape (steps done,)."""
        return self._losses[: self._done]

    def advance(self, to: int, beat: Beat) -> None:
        """Train up to a step.

        Args:
            to: steps done afterwards, at most the steps of the whole training.
            beat: hears of every step.

        Raises:
            Diverged: the training loss stopped being finite.
            Late: the deadline has passed.
        """
        self.network.train()
        with self._randomness.steps():
            for step in range(self._done, to):
                loss = self._step(step)
                if is_checked(step, self._steps) and not torch.isfinite(loss):
                    raise Diverged("the training loss stopped being finite")
                beat.step(step + 1, 1)

    def _step(self, step: int) -> torch.Tensor:
        recipe = self._task.recipe
        inputs, targets = self._task.batch(self._data, next(self._batches), augmenting(self._seed, step, self._stream))
        with autocast(recipe, self._device):
            loss = self._task.loss_of(self.network, inputs, targets)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self._optimiser.step()
        self._schedule.step()
        if self._after_step:
            self._after_step()
        self._losses[step] = loss.detach()
        self._done = step + 1
        return loss


def fit(
    task: Task,
    activation: ActivationFactory,
    gain: float,
    steps: int,
    seed: int,
    device: torch.device,
    deadline: float = math.inf,
    watch: Watch | None = None,
) -> tuple[nn.Module, tuple[float, ...]]:
    """Train a fresh network of a task by its recipe.

    Args:
        task: what to train on.
        activation: called once for each place that needs an activation layer.
        gain: initialisation factor of the layers after an activation.
        steps: optimiser steps.
        seed: fixes initial weights and batches; equal seeds give paired results across activations.
            The global generator is left as it was.
        device: where to train.
        deadline: on the clock of :func:`time.monotonic`.
        watch: for what must see every step, e.g. ``lambda network: DynamicEAFO(network).step``.

    Returns:
        The network and its training loss averaged over 20 equal stretches.

    Raises:
        Diverged: the training loss stopped being finite.
        Late: the deadline has passed.
    """
    training = Single(task, activation, gain, steps, seed, device, watch)
    training.advance(steps, Beat(deadline))
    return training.network, curve_of(training.losses)
