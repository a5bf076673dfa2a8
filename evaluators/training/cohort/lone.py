"""A group of one: what cannot be stacked, with the interface and the answers of a stack."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from evaluators.training.cohort.group import Failure, Group, Member
from evaluators.training.pieces import SCORED_AT_ONCE, Diverged, autocast, curve_of, on_device, seeded, stream_of
from evaluators.training.places import Place, places_of, watched
from evaluators.training.pulse import Beat, Late
from evaluators.training.scoring import Scores, score
from evaluators.training.single import Single
from evaluators.training.task import Data, Part, Task
from primitives import compile_expression, parse


class Lone(Group):
    """One member's network, by itself."""

    def __init__(
        self, task: Task, member: Member, device: torch.device, data: Data | None = None, why: str = ""
    ) -> None:
        self.members, self.why_alone = (member,), why
        self._task, self._device, self._data = task, device, data
        self._training: Single | None = None

    def advance(self, to: int, beat: Beat) -> dict[Member, Failure]:
        """Train up to a step; whatever the network raises is that member's failure."""
        for member in self.members:
            try:
                self._started(member).advance(to, beat)
            except Exception as error:
                return self._lose(member, _failure(error))
        return {}

    def _started(self, member: Member) -> Single:
        if self._training is None:
            job = member.job
            activation = compile_expression(parse(job.expression)).module
            stream = stream_of(self._task.recipe, job.candidate)
            self._training = Single(
                self._task, activation, job.gain, job.steps, member.seed, self._device, stream=stream, data=self._data
            )
        return self._training

    def _lose(self, member: Member, failure: Failure) -> dict[Member, Failure]:
        self.keep(())
        return {member: failure}

    def scores(self, part: Part) -> dict[Member, Scores | Failure]:
        """Score the network, if it is still there."""
        found: dict[Member, Scores | Failure] = {}
        for member in self.members:
            try:
                found[member] = score(self._started(member).network, self._task, part, self._device)
            except Exception as error:
                found |= self._lose(member, _failure(error))
        return found

    def losses(self, part: Part) -> dict[Member, float]:
        """Return the loss on one part of the data, if the network is there and it is finite."""
        found = {}
        for member in self.members:
            try:
                found[member] = score(self._started(member).network, self._task, part, self._device).loss
            except Exception as error:
                _failure(error)  # it will fail again when its score counts
        return found

    def places(self) -> dict[Member, tuple[Place, ...]]:
        """Return what the network's activations have become and see."""
        found = {}
        for member in self.members:
            network = self._started(member).network.eval()
            kind = compile_expression(parse(member.job.expression)).module
            layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, kind)]
            data = on_device(self._task.data("validation"), self._task.recipe, self._device)
            inputs, _ = self._task.batch(data, torch.arange(len(data))[:SCORED_AT_ONCE], None)
            with (
                torch.no_grad(),
                seeded(0, self._device),
                autocast(self._task.recipe, self._device),
                watched(layers) as seen,
            ):
                network(inputs)
            found[member] = tuple(
                place for name, layer in layers for place in places_of(name, _constants(layer), seen[name])
            )
        return found

    def keep(self, members: Collection[Member]) -> None:
        """Drop the network unless its member is kept."""
        self.members = tuple(member for member in self.members if member in members)
        if not self.members:
            self._training = None

    def curve(self, member: Member) -> tuple[float, ...]:
        """Return the training loss so far."""
        return curve_of(self._started(member).losses)


def _constants(layer: nn.Module) -> dict[str, float]:
    return {name: float(value.detach().mean()) for name, value in layer.named_parameters(recurse=False)}


def _failure(error: Exception) -> Failure:
    """Return what an error means for the member that raised it; one of the whole group is raised again."""
    if isinstance(error, Late):
        raise error
    if isinstance(error, Diverged):
        return Failure("diverged", str(error))
    if isinstance(error, torch.OutOfMemoryError):
        return Failure("oom", "the device ran out of memory")
    return Failure("crashed", f"{type(error).__name__}: {error}")
