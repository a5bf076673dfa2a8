"""Members in groups: in as few stacks as can be, and by themselves where a stack would not be what they are alone."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence

import torch
from torch import nn

from evaluators.training.cohort.built import Built, build, own_network, skeleton_of
from evaluators.training.cohort.fallback import Unstackable, reason_of
from evaluators.training.cohort.group import Group, Member
from evaluators.training.cohort.law import Batch, behaviour, difference, in_double, precise, telling_rows
from evaluators.training.cohort.lone import Lone
from evaluators.training.cohort.look import Seen, look_at
from evaluators.training.cohort.size import stack_limit
from evaluators.training.cohort.stack import Stack
from evaluators.training.job import Job
from evaluators.training.pieces import augmenting, on_device, seeded, stream_of
from evaluators.training.task import Data, Task
from primitives import ActsearchError, compile_expression, parse

_FEW = 4
"""Members below which a stack on a CPU is slower than one network after another."""

OWN_LOOP = "it has a training loop of its own"
TOO_LARGE = "its networks are so large that a stack would be slower, or not fit in memory"


def make_groups(jobs: Sequence[Job], task: Task, device: torch.device) -> list[Group]:
    """Return the members of jobs in as few groups as can be: stacks that fit in memory, else one by one.

    A network that draws random numbers, shared by all candidates of a seed, has a stack a seed.
    """
    return _Grouping(task, device).of([Member(job, seed) for job in jobs for seed in job.seeds])


def one_by_one(jobs: Sequence[Job], task: Task, device: torch.device, why: str = "") -> list[Group]:
    """Return every member of jobs in a group of its own; they share the data.

    Args:
        jobs: to be trained.
        task: what on.
        device: where.
        why: they are not stacked, to be recorded.
    """
    return _Grouping(task, device).alone([Member(job, seed) for job in jobs for seed in job.seeds], why)


class _Grouping:
    """One task on one device, with what its groups share."""

    def __init__(self, task: Task, device: torch.device) -> None:
        self._task, self._device = task, device
        self._few = _FEW if device.type == "cpu" else 2
        self._data: Data = on_device(task.data("train"), task.recipe, device)

    def alone(self, members: Sequence[Member], why: str = "") -> list[Group]:
        return [Lone(self._task, member, self._device, self._data, why) for member in members]

    def of(self, members: Sequence[Member]) -> list[Group]:
        read = {text for text in {member.job.expression for member in members} if _is_readable(text)}
        readable = [member for member in members if member.job.expression in read]
        unread = self.alone([member for member in members if member.job.expression not in read])
        if len(readable) < self._few:
            return [*self.alone(readable), *unread]
        try:
            limit = self._limit()
            seen = self._seen(readable[0])
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            return [*self.alone(readable, reason_of(error)), *unread]
        parts = [part for same in self._by_stream(readable, seen) for part in _parts(same, limit)]
        return [group for part in parts for group in self._part(part, seen)] + unread

    def _limit(self) -> int:
        """Return how many members one stack may have."""
        limit = stack_limit(self._task, self._device)
        if limit >= self._few:
            return limit
        raise Unstackable(
            TOO_LARGE if limit == 1 else f"the memory there is holds no more than {limit} of them at once"
        )

    def _seen(self, member: Member) -> Seen:
        activation = compile_expression(parse(member.job.expression)).module
        seen = look_at(self._maker(member), activation, self._task, self._data, self._device)
        if seen.draws_outside and self._task.recipe.randomness == "member":
            raise Unstackable("each is to draw for itself, which Python's and NumPy's generators do not in a stack")
        return seen

    def _maker(self, member: Member) -> Callable[[], nn.Module]:
        return functools.partial(own_network, self._task, member, self._device)

    def _by_stream(self, members: Sequence[Member], seen: Seen) -> list[list[Member]]:
        """Return members that draw the same numbers together."""
        if not seen.draws or (self._task.recipe.randomness == "member" and not seen.draws_outside):
            return [list(members)]
        return [[m for m in members if m.seed == seed] for seed in dict.fromkeys(m.seed for m in members)]

    def _part(self, members: Sequence[Member], seen: Seen) -> list[Group]:
        if len(members) < self._few:
            return self.alone(members)
        try:
            stack, unequal = self._stacked(members, seen)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # even a fault of ours is no reason to lose a cohort
            return self.alone(members, reason_of(error))
        lone = [group for member, why in unequal.items() for group in self.alone([member], why)]
        return [stack, *lone] if stack.members else lone

    def _stacked(self, members: Sequence[Member], seen: Seen) -> tuple[Stack, dict[Member, str]]:
        """Return a stack of those members that are in it what they are alone, and what the others do otherwise."""
        built = build(self._task, members, self._device)
        stack = Stack(self._task, members, self._device, self._data, built, seen)
        unequal = self._unequal(members, built, seen)
        stack.keep([member for member in members if member not in unequal])
        return stack, unequal

    def _unequal(self, members: Sequence[Member], built: Built, seen: Seen) -> dict[Member, str]:
        """Try each member's own network and its place in a stack made for that; the networks are used up."""
        task, device = self._judged(seen), self._device
        streams = {member: (member.seed, stream_of(task.recipe, member.job.candidate)) for member in members}
        batches = self._batches(dict.fromkeys(streams.values()), seen.double)
        trial = dataclasses.replace(built, skeleton=skeleton_of(task, members[0], device))
        trial = trial.in_double() if seen.double else trial
        places = Stack(task, members, device, self._data, trial, seen).behaviours(batches)
        found = {}
        for member, network, place in zip(members, trial.own, places, strict=True):
            sites, batch = trial.sites(network), batches[streams[member]]
            exact = None if seen.double else precise(self._maker(member), trial.sites, task, batch, device)
            alone = behaviour(network, sites, task, batch, device)
            if (why := difference(alone, place, exact)) is not None:
                found[member] = why
        return found

    def _judged(self, seen: Seen) -> Task:
        """Return the task as it is judged: what is not judged in float64 is in float32, never in less."""
        if seen.double or self._task.recipe.precision != "bfloat16":
            return self._task
        task = copy.copy(self._task)
        task.recipe = dataclasses.replace(task.recipe, precision="float32")
        return task

    def _batches(self, streams: Collection[tuple[int, int]], double: bool) -> dict[tuple[int, int], Batch]:
        """Return a batch for each stream, the same rows in another order."""
        task, found = self._task, {}
        rows = telling_rows(self._data, task.recipe.batch_size)
        with seeded(0, self._device):
            for turn, (seed, stream) in enumerate(streams):
                inputs, targets = task.batch(self._data, rows.roll(turn), augmenting(seed, 0, stream))
                found[seed, stream] = (in_double(inputs), in_double(targets)) if double else (inputs, targets)
        return found


def _is_readable(text: str) -> bool:
    try:
        parse(text)
    except ActsearchError:
        return False
    return True


def _parts(members: Sequence[Member], size: int) -> list[Sequence[Member]]:
    return [members[at : at + size] for at in range(0, len(members), size)]
