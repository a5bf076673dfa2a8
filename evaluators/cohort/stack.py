"""Many members as one network: stacked weights, one forward pass under ``vmap``, one optimiser."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from evaluators.cohort.group import Failure, Group, Member, Scores
from evaluators.cohort.kernels import Slot, initial_constants, runs_of
from evaluators.cohort.operators import StackedOperators
from evaluators.cohort.single import Randomness, initialising
from evaluators.task import Data, Part, Task
from evaluators.train import (
    Diverged,
    augmenting,
    autocast,
    batches,
    check_deadline,
    curve_of,
    finite_scores,
    groups_of,
    is_checked,
    make_optimiser,
    make_schedule,
    on_device,
    weights_type,
)
from primitives import parse

_SCORED_AT_ONCE = 256
"""Examples in one forward pass of scoring, for each member."""


class Stack(Group):
    """Members of one task in training as one network.

    Every update is elementwise over the stack and every product is batched over it, so no member's
    numbers depend on another's; one that diverges is only dropped.

    Attributes:
        draws: whether a step of the network draws random numbers, as dropout does.
    """

    def __init__(self, task: Task, members: Sequence[Member], device: torch.device) -> None:
        """Build and stack the members' networks and try one step.

        Raises:
            Exception: whatever that raises; these members cannot be stacked.
        """
        self.members = tuple(members)
        self._task, self._device, self._steps = task, device, members[0].job.steps
        self._expressions = [parse(member.job.expression) for member in members]
        self._network, self._weights, self._buffers = _stacked(task, members, device)
        self._shared_buffers: dict[str, Tensor] = {}
        self._slots = _slots(self._network)
        for slot in self._slots:
            slot.constants = [initial_constants(self._expressions, next(iter(self._weights.values())))]
        self._place_runs()
        self._data = on_device(task.data("train"), task.recipe, device)
        self.draws = self._trial()
        self._batches = {m.seed: batches(len(self._data), task.recipe.batch_size, m.seed) for m in members}
        own = task.recipe.randomness == "member"
        self._randomness = Randomness(members[0].seed, device, members[0].job.candidate if own else 0)
        self._optimiser = make_optimiser(self._parameter_groups(), task.recipe)
        self._schedule = make_schedule(self._optimiser, task.recipe, self._steps)
        self._losses = torch.zeros(self._steps, len(members), device=device)
        self._done = 0

    # --- building ---------------------------------------------------------------------------

    def _place_runs(self) -> None:
        for slot in self._slots:
            slot.runs = runs_of(self._expressions)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Return the stacked weights in the groups of one member's weights, and the constants in theirs."""
        recipe = self._task.recipe
        names = {id(parameter): name for name, parameter in self._network.named_parameters()}
        groups = groups_of(self._network, recipe)
        for group in groups:
            group["params"] = [self._weights[names[id(parameter)]] for parameter in group["params"]]
        constants = self._constants()
        return [*groups, {"params": constants, "weight_decay": recipe.activation_decay}] if constants else groups

    def _constants(self) -> list[nn.Parameter]:
        return [constants for slot in self._slots for constants in slot.constants if constants is not None]

    def _trained(self) -> list[nn.Parameter]:
        return [p for p in (*self._weights.values(), *self._constants()) if p.requires_grad]

    def _trial(self) -> bool:
        """Try a step on two examples, leave no trace of it, and return whether it drew random numbers.

        Buffers that it did not change and that all members share are taken out of the stack.
        """
        before = {name: buffer.clone() for name, buffer in self._buffers.items()}
        rows = torch.arange(min(2, len(self._data)))
        with initialising(0):
            inputs, targets = self._task.batch(self._data, rows, augmenting(0, 0))
            state = torch.get_rng_state()
            self._network.train()
            self._losses_of(inputs, targets, None).sum().backward()
            drew = not torch.equal(state, torch.get_rng_state())
        for name, kept in before.items():
            if torch.equal(self._buffers[name], kept) and bool((kept == kept[:1]).all()):
                self._shared_buffers[name] = kept[0]
                del self._buffers[name]
            else:
                self._buffers[name] = kept
        for parameter in self._trained():
            parameter.grad = None
        return drew

    # --- training ---------------------------------------------------------------------------

    def advance(self, to: int, deadline: float) -> dict[Member, Failure]:
        """Train up to a step; members whose loss is not finite are dropped."""
        failures: dict[Member, Failure] = {}
        self._network.train()
        with self._randomness.steps():
            for step in range(self._done, to):
                if not self.members:
                    break
                losses = self._step(step)
                if is_checked(step, self._steps):
                    failures |= self._drop_diverged(losses)
                    check_deadline(deadline)
        return failures

    def _step(self, step: int) -> Tensor:
        inputs, targets, dimension = self._batch(step)
        losses = self._losses_of(inputs, targets, dimension)
        self._optimiser.zero_grad(set_to_none=True)
        losses.sum().backward()
        self._clip()
        self._optimiser.step()
        self._schedule.step()
        self._losses[step] = losses.detach()
        self._done = step + 1
        return losses.detach()  # a graph that lives on would remember the shapes from before a member is dropped

    def _batch(self, step: int) -> tuple[Tensor, Tensor, int | None]:
        """Return inputs and targets and their dimension of members: none when all have the same seed."""
        drawn = {
            seed: self._task.batch(self._data, next(rows), augmenting(seed, step))
            for seed, rows in self._batches.items()
        }
        if len(drawn) == 1:
            return *next(iter(drawn.values())), None
        inputs = torch.stack([drawn[member.seed][0] for member in self.members])
        targets = torch.stack([drawn[member.seed][1] for member in self.members])
        return inputs, targets, 0

    def _losses_of(self, inputs: Tensor, targets: Tensor, dimension: int | None) -> Tensor:
        """Return each member's loss, shape (members,)."""

        def loss(weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            state = {**weights, **buffers, **self._shared_buffers}
            return self._task.loss(functional_call(self._network, state, (x,)), y)

        with self._forward():
            losses: Tensor = self._mapped(loss, dimension)(self._weights, self._buffers, inputs, targets)
        return losses

    def _mapped(self, function: Callable[..., Tensor], dimension: int | None) -> Callable[..., Tensor]:
        randomness = "same" if self._task.recipe.randomness == "shared" else "different"
        return vmap(function, in_dims=(0, 0, dimension, dimension), randomness=randomness)

    @contextmanager
    def _forward(self) -> Iterator[None]:
        """The recipe's precision, and attention spelt out where ``vmap`` has no rule for the fused one."""
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")
            stack.enter_context(autocast(self._task.recipe, self._device))
            if self._task.recipe.precision != "bfloat16":
                stack.enter_context(StackedOperators())
            yield

    def _clip(self) -> None:
        """Scale each member's gradient as :func:`torch.nn.utils.clip_grad_norm_` would."""
        grads = [parameter.grad for parameter in self._trained() if parameter.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(grad.flatten(1), dim=1) for grad in grads])
        factors = (self._task.recipe.clip / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1.0)
        for grad in grads:
            grad.mul_(factors.view(-1, *[1] * (grad.dim() - 1)))

    def _drop_diverged(self, losses: Tensor) -> dict[Member, Failure]:
        finite = torch.isfinite(losses).tolist()
        failures = {
            member: Failure("diverged", "the training loss stopped being finite")
            for member, fine in zip(self.members, finite, strict=True)
            if not fine
        }
        self.keep([member for member in self.members if member not in failures])
        return failures

    # --- scoring and halving ----------------------------------------------------------------

    @torch.no_grad()
    def scores(self, part: Part) -> dict[Member, Scores | Failure]:
        """Score every member on one part of the data; those without finite scores are dropped."""
        if not self.members:
            return {}
        self._network.eval()
        data = on_device(self._task.data(part), self._task.recipe, self._device)
        sums = torch.zeros(2, len(self.members), dtype=torch.float64)
        for rows in torch.arange(len(data), device=self._device).split(_SCORED_AT_ONCE):
            sums += self._summed(data, rows)
        found: dict[Member, Scores | Failure] = {}
        for member, (error, loss) in zip(self.members, (sums / len(data)).T.tolist(), strict=True):
            try:
                found[member] = finite_scores(error, loss)
            except Diverged as failure:
                found[member] = Failure("diverged", str(failure))
        self.keep([member for member in self.members if not isinstance(found[member], Failure)])
        return found

    def _summed(self, data: Data, rows: Tensor) -> Tensor:
        """Return errors and losses of some examples, summed for each member, shape (2, members)."""

        def outputs(weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, _: Tensor) -> Tensor:
            result: Tensor = functional_call(self._network, {**weights, **buffers, **self._shared_buffers}, (x,))
            return result

        inputs, targets = self._task.batch(data, rows, None)
        with self._forward():
            each = self._mapped(outputs, None)(self._weights, self._buffers, inputs, targets)
            errors = [self._task.error(output, targets).sum().double() for output in each]
            losses = [self._task.loss(output, targets).double() * len(rows) for output in each]
        return torch.stack([torch.stack(errors), torch.stack(losses)]).cpu()

    def keep(self, members: Collection[Member]) -> None:
        """Drop all other members: weights, optimiser state, buffers, losses and kernels shrink in place."""
        wanted = set(members)
        index = [number for number, member in enumerate(self.members) if member in wanted]
        if len(index) == len(self.members):
            return
        count, rows = len(self.members), torch.tensor(index, device=self._device, dtype=torch.long)
        self.members = tuple(self.members[number] for number in index)
        self._expressions = [self._expressions[number] for number in index]
        for parameter in (*self._weights.values(), *self._constants()):
            parameter.data, parameter.grad = parameter.data[rows], None
            state = self._optimiser.state.get(parameter, {})
            for key, value in state.items():
                if isinstance(value, Tensor) and value.dim() and len(value) == count:
                    state[key] = value[rows]
        self._buffers = {name: buffer[rows] for name, buffer in self._buffers.items()}
        self._losses = self._losses[:, rows]
        self._batches = {
            seed: rows for seed, rows in self._batches.items() if any(m.seed == seed for m in self.members)
        }
        self._place_runs()

    def curve(self, member: Member) -> tuple[float, ...]:
        """Return a member's training loss so far."""
        return curve_of(self._losses[: self._done, self.members.index(member)])


def _stacked(
    task: Task, members: Sequence[Member], device: torch.device
) -> tuple[nn.Module, dict[str, nn.Parameter], dict[str, Tensor]]:
    """Build every member's network and stack their weights and buffers; the first network stands for all."""
    networks = []
    for member in members:
        with initialising(member.seed):
            networks.append(task.network(Slot, member.job.gain).to(device, weights_type(task.recipe)))
    named = [dict(network.named_parameters()) for network in networks]
    weights = {
        name: nn.Parameter(torch.stack([each[name].detach() for each in named]), parameter.requires_grad)
        for name, parameter in named[0].items()
    }
    held = [dict(network.named_buffers()) for network in networks]
    buffers = {name: torch.stack([each[name] for each in held]) for name in held[0]}
    return networks[0], weights, buffers


def _slots(network: nn.Module) -> list[Slot]:
    return [module for module in network.modules() if isinstance(module, Slot)]
