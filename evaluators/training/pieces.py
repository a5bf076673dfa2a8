"""The pieces of a training that one network and a stack of them share."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluators.training.pulse import Late
from evaluators.training.task import ActivationFactory, Data, Network, Recipe, Task
from primitives import ActsearchError, compile_expression, parameter_groups, parse
from primitives.errors import unknown

CURVE_POINTS = 20
_CHECKS = 50
SCORED_AT_ONCE = 256
"""Examples in one forward pass of scoring, for each network."""

DEVICES = ("auto", "cpu", "cuda", "mps")

Watch = Callable[[nn.Module], Callable[[], None]]
"""Called with the fresh network before its optimiser is made; what it returns is called after every step."""


class Diverged(Exception):
    """The training loss, or what the trained network puts out, is not finite; the message says which."""


def pick_device(name: str = "auto") -> torch.device:
    """Return the torch device for ``auto`` (cuda, else mps, else cpu), ``cpu``, ``cuda`` or ``mps``."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def is_here(device: torch.device) -> bool:
    """Tell whether this process can use a device."""
    if device.type == "cuda":
        return torch.cuda.is_available()
    return device.type != "mps" or torch.backends.mps.is_available()


def device_here(name: str) -> torch.device:
    """Return the device of a name, as :func:`pick_device` does, if it is here.

    Raises:
        ActsearchError: there is no such kind of device, or none of it here.
    """
    if name not in DEVICES:
        raise ActsearchError(unknown("device", name, DEVICES))
    device = pick_device(name)
    if not is_here(device):
        raise ActsearchError(f"there is no device '{name}' that torch can use here; use --device auto or cpu")
    return device


def warm_up() -> None:
    """Do everything once that is slow the first time, such as torch's late imports."""
    layer = nn.Sequential(nn.Linear(2, 2), compile_expression(parse("relu(x)")).module())
    recipe = Recipe(steps=1)
    optimiser = make_optimiser(groups_of(layer, recipe), recipe)
    layer(torch.ones(1, 2)).sum().backward()
    nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    optimiser.step()


def groups_of(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Return a network's parameters in groups by the recipe's weight decay."""
    return parameter_groups(
        network,
        recipe.weight_decay,
        decay_vectors=recipe.decay_vectors,
        activation_decay=recipe.activation_decay,
    )


def make_optimiser(groups: Iterable[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over parameter groups; every update is elementwise."""
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=nesterov, fused=True)


def make_schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the recipe's learning-rate schedule over a number of steps."""
    return torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate(step, steps, recipe))


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """Return the learning rate of a step as a share of its peak: linear warm-up, then cosine decay."""
    rising = max(1, round(recipe.warmup * steps))
    if step < rising:
        return recipe.first_rate + (1 - recipe.first_rate) * (step + 1) / rising
    falling = 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
    return recipe.last_rate + (1 - recipe.last_rate) * falling


def batches(count: int, size: int, seed: int) -> Iterator[Tensor]:
    """Yield index batches without end, a new permutation each epoch, the same for every candidate of a seed."""
    generator = torch.Generator().manual_seed(seed)
    size = min(size, count)
    order, at = torch.randperm(count, generator=generator), 0
    while True:
        if at + size > count:
            order, at = torch.randperm(count, generator=generator), 0
        yield order[at : at + size]
        at += size


def mixed(seed: int, number: int) -> int:
    """Return a seed of 32 bits, which is all that torch's CPU generator looks at, from two numbers.

    The finaliser of SplitMix64 (Steele, Lea & Flood 2014) spreads neighbouring numbers out.
    """
    state = (seed * 0x9E3779B97F4A7C15 + number + 1) & (2**64 - 1)
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (state ^ (state >> 31)) & 0xFFFFFFFF


def augmenting(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """Return the generator that a step's augmentation draws from; another stream draws other numbers."""
    return torch.Generator().manual_seed(mixed(mixed(seed, stream), step))


@dataclass(frozen=True, eq=False)
class Generators:
    """The states of the global generators that a task's code can reach.

    Attributes:
        python: of the module ``random``.
        numpy: of NumPy's functions.
        torch: of torch's on the CPU and, on a GPU, of its own.
    """

    python: tuple[Any, ...]
    numpy: tuple[Any, ...]
    torch: tuple[Tensor, ...]

    def differ(self, other: Generators) -> set[str]:
        """Return whose generators are in another state there."""
        equal = {
            "Python": self.python == other.python,
            "NumPy": self.numpy[2:] == other.numpy[2:] and np.array_equal(self.numpy[1], other.numpy[1]),
            "torch": all(torch.equal(a, b) for a, b in zip(self.torch, other.torch, strict=True)),
        }
        return {name for name, same in equal.items() if not same}


def generators(device: torch.device) -> Generators:
    """Return the states of the generators of Python, NumPy and torch, the device's among the last."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    elif device.type == "mps":
        states.append(torch.mps.get_rng_state())
    numpy_state: Any = np.random.get_state(legacy=True)
    return Generators(random.getstate(), numpy_state, tuple(states))


def set_generators(states: Generators, device: torch.device) -> None:
    """Put the generators into states that :func:`generators` returned for the device."""
    random.setstate(states.python)
    np.random.set_state(states.numpy)
    torch.set_rng_state(states.torch[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states.torch[1], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states.torch[1])


@contextmanager
def forked(device: torch.device) -> Iterator[None]:
    """Put the generators back afterwards, whatever is drawn or seeded within."""
    states = generators(device)
    try:
        yield
    finally:
        set_generators(states, device)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the generators of Python, NumPy and torch within, and put them back afterwards."""
    with forked(device):
        random.seed(seed)
        np.random.seed(seed & 0xFFFFFFFF)
        if torch.cuda.is_initialized() or torch.backends.mps.is_available():
            torch.manual_seed(seed)
        else:  # a hundredth of the time: that would note a stack trace for each device that is not there
            torch.default_generator.manual_seed(seed)
        yield


def stream_of(recipe: Recipe, candidate: int) -> int:
    """Return the stream of random numbers that a candidate's steps draw from: all share one, or each has its own."""
    return 1 + candidate if recipe.randomness == "member" else 0


def autocast(recipe: Recipe, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context of a forward pass in the recipe's precision."""
    if recipe.precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def weights_type(recipe: Recipe) -> torch.dtype:
    """Return the type of weights and floating-point inputs."""
    return torch.float64 if recipe.precision == "float64" else torch.float32


def check_precision(recipe: Recipe, device: torch.device) -> None:
    """Refuse a recipe whose numbers a device does not have.

    Raises:
        ActsearchError: the recipe is in float64 and the device is Apple's.
    """
    if device.type == "mps" and recipe.precision == "float64":
        raise ActsearchError("device 'mps' has no float64; train this task with --device cpu, or in float32")


def on_device(data: Data, recipe: Recipe, device: torch.device) -> Data:
    """Return data on a device, floating-point inputs and targets in the recipe's precision.

    Raises:
        ActsearchError: the device has no such numbers.
    """
    check_precision(recipe, device)
    kind = weights_type(recipe)
    moved = [part.to(device, kind if part.is_floating_point() else None) for part in (data.inputs, data.targets)]
    return Data(*moved)


def fresh_network(task: Task, activation: ActivationFactory, gain: float, seed: int, device: torch.device) -> nn.Module:
    """Return a task's network with the initial weights of a seed, on a device in the recipe's precision.

    Initial weights are drawn on the CPU, whatever the device.
    """
    with seeded(seed, torch.device("cpu")):
        return task.network(activation, gain).to(device, weights_type(task.recipe))


def has_own_loss(task: Task) -> bool:
    """Tell whether training lowers something else than the loss of outputs."""
    return getattr(task.loss_of, "__func__", None) is not Task.loss_of


def outputs_and_loss(task: Task, network: Network, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a network puts out for a batch and what training lowers; one pass gives both where it can."""
    outputs = network(inputs)
    return outputs, task.loss_of(network, inputs, targets) if has_own_loss(task) else task.loss(outputs, targets)


def is_checked(step: int, steps: int) -> bool:
    """Tell whether divergence and deadline are looked at after a step: about 50 times a training."""
    return step % max(1, steps // _CHECKS) == 0 or step == steps - 1


def check_deadline(deadline: float) -> None:
    """Give up a training past its deadline.

    Raises:
        Late: it is.
    """
    if time.monotonic() > deadline:
        raise Late


def curve_of(losses: Tensor) -> tuple[float, ...]:
    """Return losses (steps,) averaged over 20 equal stretches, rounded to six digits."""
    points = torch.tensor_split(losses.cpu(), min(CURVE_POINTS, len(losses)))
    return tuple(rounded(float(point.mean()), 6) for point in points)


def rounded(value: float, digits: int) -> float:
    """Return a number rounded to so many significant digits."""
    return float(f"{value:.{digits}g}")
