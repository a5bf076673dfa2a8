"""Many members as one network: stacked weights, one forward pass under ``vmap``, one optimiser."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from evaluators.training.cohort.built import Built, build, own_network
from evaluators.training.cohort.fallback import Unstackable
from evaluators.training.cohort.group import Failure, Group, Member
from evaluators.training.cohort.kernels import Slot, initial_constants, runs_of, watching
from evaluators.training.cohort.law import Batch, Behaviour, described
from evaluators.training.cohort.look import Seen, look_at
from evaluators.training.cohort.operators import StackedOperators
from evaluators.training.pieces import (
    SCORED_AT_ONCE,
    Diverged,
    augmenting,
    autocast,
    batches,
    curve_of,
    generators,
    groups_of,
    has_own_loss,
    is_checked,
    make_optimiser,
    make_schedule,
    on_device,
    outputs_and_loss,
    seeded,
    set_generators,
    stream_of,
    weights_type,
)
from evaluators.training.places import Place, places_of
from evaluators.training.pulse import Beat
from evaluators.training.scoring import Kept, Scores, finite_scores
from evaluators.training.single import Randomness
from evaluators.training.task import Data, Network, Part, Task
from primitives import compile_expression

Tensors = Mapping[str, Tensor]


class Stack(Group):
    """Members of one task in training as one network.

    Every update is elementwise over the stack and every product is batched over it, so no member's
    numbers depend on another's but for rounding; one that diverges is only dropped. Only masks that each
    member draws for itself (``Recipe.randomness``) come from a stream that all of a stack share.

    Attributes:
        draws: whether a step of the network draws random numbers, as dropout does.
    """

    def __init__(
        self,
        task: Task,
        members: Sequence[Member],
        device: torch.device,
        data: Data | None = None,
        built: Built | None = None,
        seen: Seen | None = None,
    ) -> None:
        """Stack the members' networks.

        Args:
            task: what they train on.
            members: one or more, of the same steps.
            device: where.
            data: the training part on the device, if it is there already.
            built: the members' networks, if they are built already.
            seen: what the first of them was seen to do, if it was looked at already.

        Raises:
            Unstackable: these members cannot be stacked.
        """
        self.members = tuple(members)
        self._task, self._device, self._steps = task, device, members[0].job.steps
        self._data = data or on_device(task.data("train"), task.recipe, device)
        built = built or build(task, members, device)
        self._expressions = list(built.expressions)
        if seen is None:
            make = functools.partial(own_network, task, members[0], device)
            seen = look_at(make, compile_expression(built.expressions[0]).module, task, self._data, device)
        self.draws, self._network = seen.draws, built.skeleton
        self._weights, self._buffers = built.stacked()
        same = [n for n, b in self._buffers.items() if n not in seen.changed and bool((b == b[:1]).all())]
        self._shared_buffers = {name: self._buffers.pop(name)[0] for name in same}
        self._slots = [module for module in self._network.modules() if isinstance(module, Slot)]
        for slot in self._slots:
            slot.constants = [initial_constants(self._expressions, next(iter(self._weights.values())))]
        self._place_runs()
        self._optimiser = make_optimiser(self._parameter_groups(), task.recipe)
        self._schedule = make_schedule(self._optimiser, task.recipe, self._steps)
        self._streams = {m: (m.seed, stream_of(task.recipe, m.job.candidate)) for m in members}
        self._batches = {m.seed: batches(len(self._data), task.recipe.batch_size, m.seed) for m in members}
        seed, stream = self._streams[members[0]]
        self._randomness = Randomness(seed, device, stream)
        self._losses = torch.zeros(self._steps, len(members), device=device, dtype=weights_type(task.recipe))
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

    # --- the law ----------------------------------------------------------------------------

    def behaviours(self, batches: Mapping[tuple[int, int], Batch]) -> list[Behaviour]:
        """Return what each member does in its place, of which :mod:`evaluators.training.cohort.law` is the judge.

        It is left in evaluation mode, its buffers changed, with gradients.

        Args:
            batches: by seed and stream.
        """
        inputs, targets, dimension = self._arranged(batches)

        def step(weights: Tensors, buffers: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return outputs_and_loss(self._task, self._called_with(weights, buffers), x, y)

        with seeded(0, self._device), self._forward(shared=True):
            mapped = vmap(step, in_dims=(0, 0, dimension, dimension), randomness="same")
            self._network.train()
            first, losses = mapped(self._weights, self._buffers, inputs, targets)
            losses.sum().backward()
            with torch.no_grad():
                second, _ = mapped(self._weights, self._buffers, inputs, targets)
                self._network.eval()
                evaluated, _ = mapped(self._weights, self._buffers, inputs, targets)
        return [self._described(number, (first, second, evaluated)) for number in range(len(self.members))]

    def _described(self, number: int, outputs: tuple[Tensor, Tensor, Tensor]) -> Behaviour:
        first, second, evaluated = (each[number] for each in outputs)
        gradients = [weight.grad for weight in self._weights.values() if weight.requires_grad]
        count = len(self._expressions[number].initial)
        constants = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._constants() if count]
        buffers = {name: buffer[number] for name, buffer in self._buffers.items()} | self._shared_buffers
        return described(
            (first, second, evaluated),
            [None if grad is None else grad[number] for grad in gradients],
            [grad[number, :count] for grad in constants],
            buffers,
        )

    # --- training ---------------------------------------------------------------------------

    def advance(self, to: int, beat: Beat) -> dict[Member, Failure]:
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
                beat.step(step + 1, len(self.members))
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
        """Return a step's inputs and targets and their dimension of members."""
        rows = {seed: next(order) for seed, order in self._batches.items()}
        keys = dict.fromkeys(self._streams[member] for member in self.members)
        drawn = {
            (seed, stream): self._task.batch(self._data, rows[seed], augmenting(seed, step, stream))
            for seed, stream in keys
        }
        return self._arranged(drawn)

    def _arranged(self, drawn: Mapping[tuple[int, int], Batch]) -> tuple[Tensor, Tensor, int | None]:
        """Return the batches of streams for all members: without a dimension of members when all share one."""
        if len(drawn) == 1:
            return *next(iter(drawn.values())), None
        each = [drawn[self._streams[member]] for member in self.members]
        if len({(inputs.shape, targets.shape) for inputs, targets in each}) > 1:
            raise Unstackable("batches of different seeds differ in shape")
        return torch.stack([inputs for inputs, _ in each]), torch.stack([targets for _, targets in each]), 0

    def _losses_of(self, inputs: Tensor, targets: Tensor, dimension: int | None) -> Tensor:
        """Return each member's loss, shape (members,)."""

        def loss(weights: Tensors, buffers: Tensors, x: Tensor, y: Tensor) -> Tensor:
            return self._task.loss_of(self._called_with(weights, buffers), x, y)

        with self._forward():
            losses: Tensor = self._mapped(loss, dimension)(self._weights, self._buffers, inputs, targets)
        if losses.dim() != 1:
            raise Unstackable(f"its loss has the shape {tuple(losses.shape[1:])} and is no single number")
        return losses

    def _called_with(self, weights: Tensors, buffers: Tensors) -> Network:
        """Return the network with a member's weights and buffers in it."""
        state = {**weights, **buffers, **self._shared_buffers}

        def network(x: Tensor) -> Tensor:
            outputs: Tensor = functional_call(self._network, state, (x,))
            return outputs

        return network

    def _mapped(self, function: Callable[..., Tensor], dimension: int | None) -> Callable[..., Tensor]:
        randomness = "same" if self._task.recipe.randomness == "shared" else "different"
        return vmap(function, in_dims=(0, 0, dimension, dimension), randomness=randomness)

    @contextmanager
    def _forward(self, shared: bool = False) -> Iterator[None]:
        """The recipe's precision, and the operators for which a stack has rules of its own.

        Args:
            shared: whether members share random numbers whatever the recipe says.
        """
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")
            stack.enter_context(autocast(self._task.recipe, self._device))
            for slot in self._slots if has_own_loss(self._task) else ():
                stack.enter_context(slot.sharing())
            linear = self._task.recipe.precision != "bfloat16"
            stack.enter_context(StackedOperators(linear, shared or self._task.recipe.randomness == "shared"))
            yield

    def _clip(self) -> None:
        """Scale each member's gradient as :func:`torch.nn.utils.clip_grad_norm_` would."""
        grads = [parameter.grad for parameter in self._trained() if parameter.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(grad.reshape(len(grad), -1), dim=1) for grad in grads])
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

    def scores(self, part: Part) -> dict[Member, Scores | Failure]:
        """Score every member on one part of the data; those without finite scores are dropped."""
        if not self.members:
            return {}
        kept = Kept(self._task)
        means = self._means(part, kept)
        found: dict[Member, Scores | Failure] = {}
        for number, (member, (error, loss)) in enumerate(zip(self.members, means, strict=True)):
            try:
                found[member] = finite_scores(error, loss, kept.metrics(number))
            except Diverged as failure:
                found[member] = Failure("diverged", str(failure))
        self.keep([member for member in self.members if not isinstance(found[member], Failure)])
        return found

    def losses(self, part: Part) -> dict[Member, float]:
        """Return the finite losses on one part of the data."""
        if not self.members:
            return {}
        means = self._means(part, Kept(self._task))
        pairs = zip(self.members, means, strict=True)
        return {member: loss for member, (_, loss) in pairs if math.isfinite(loss)}

    def _means(self, part: Part, kept: Kept) -> list[list[float]]:
        """Return error and loss of each member, means over one part of the data."""
        self._network.eval()
        data = on_device(self._task.data(part), self._task.recipe, self._device)
        sums = torch.zeros(2, len(self.members), dtype=torch.float64)
        with torch.no_grad(), seeded(0, self._device):
            for rows in torch.arange(len(data)).split(SCORED_AT_ONCE):
                sums += self._summed(data, rows, kept)
        means: list[list[float]] = (sums / len(data)).T.tolist()
        return means

    def places(self) -> dict[Member, tuple[Place, ...]]:
        """Return what each member's activations have become and see."""
        if not self.members:
            return {}
        self._network.eval()
        data = on_device(self._task.data("validation"), self._task.recipe, self._device)
        named = [(name, module) for name, module in self._network.named_modules() if isinstance(module, Slot)]
        with torch.no_grad(), seeded(0, self._device), watching([slot for _, slot in named]):
            self._summed(data, torch.arange(len(data))[:SCORED_AT_ONCE], Kept(self._task))
            seen = [list(slot.seen or ()) for _, slot in named]
        return {
            member: tuple(
                place
                for (name, slot), there in zip(named, seen, strict=True)
                for place in places_of(name, self._constants_of(number, slot), [each[number] for each in there])
            )
            for number, member in enumerate(self.members)
        }

    def _constants_of(self, number: int, slot: Slot) -> dict[str, float]:
        """Return what a member's learnable constants are in one place."""
        names = [name for name, _ in self._expressions[number].initial]
        (every,) = slot.constants
        return {} if every is None else dict(zip(names, every[number].tolist(), strict=False))

    def _summed(self, data: Data, rows: Tensor, kept: Kept) -> Tensor:
        """Return errors and losses of some examples, summed for each member, float64 on the CPU, shape (2, members)."""

        def outputs(weights: Tensors, buffers: Tensors, x: Tensor, _: Tensor) -> Tensor:
            return self._called_with(weights, buffers)(x)

        inputs, targets = self._task.batch(data, rows, None)
        with self._forward():
            each = self._mapped(outputs, None)(self._weights, self._buffers, inputs, targets)
            states = generators(self._device) if self.draws else None
            errors, losses = [], []
            for output in each:
                if states is not None:  # error and loss draw what they draw for one network
                    set_generators(states, self._device)
                errors.append(self._task.error(output, targets).sum())
                losses.append(self._task.loss(output, targets))
        kept.add(each.unbind(), targets)
        return torch.stack([torch.stack(errors).cpu().double(), torch.stack(losses).cpu().double() * len(rows)])

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
