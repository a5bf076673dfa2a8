"""One training: seeds fixed, gain-corrected, deterministic on CPU, never a non-finite answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from evaluators.evaluation import Evaluation, Job, failed
from evaluators.task import ActivationFactory, Data, Part, Recipe, Task
from primitives import compile_expression, parameter_groups, parse

_CURVE_POINTS = 20
_CHECKS = 50

Watch = Callable[[nn.Module], Callable[[], None]]
"""Called with the fresh network before its optimiser is made; what it returns is called after every step."""


def pick_device(name: str = "auto") -> torch.device:
    """Return the torch device for ``auto`` (cuda when there is one, else cpu), ``cpu`` or ``cuda``."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def warm_up() -> None:
    """Do everything once that is slow the first time, such as torch's late imports."""
    layer = nn.Sequential(nn.Linear(2, 2), compile_expression(parse("relu(x)")).module())
    optimiser = _optimiser(layer, Recipe(steps=1))
    layer(torch.ones(1, 2)).sum().backward()
    nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    optimiser.step()


def run_job(job: Job, task: Task, device: torch.device) -> list[Evaluation]:
    """Train the job's candidate once for each seed and return one evaluation a seed, in order."""
    deadline = time.monotonic() + job.timeout
    return [_train(job, task, seed, device, deadline) for seed in job.seeds]


def _train(job: Job, task: Task, seed: int, device: torch.device, deadline: float) -> Evaluation:
    started = time.monotonic()
    try:
        activation = compile_expression(parse(job.expression)).module
        network, curve = fit(task, activation, job.gain, job.steps, seed, device, deadline)
        scores = score(network, task, "validation", device)
        tested = score(network, task, "test", device) if job.score_test else (None, None)
    except Diverged as failure:
        return failed(job, seed, "diverged", str(failure), time.monotonic() - started)
    except Late:
        return failed(job, seed, "timeout", f"it took longer than {job.timeout:g} s", time.monotonic() - started)
    except torch.cuda.OutOfMemoryError:
        return failed(job, seed, "oom", "the device ran out of memory", time.monotonic() - started)
    return Evaluation(
        candidate=job.candidate,
        task=job.task,
        steps=job.steps,
        seed=seed,
        status="ok",
        error=scores[0],
        loss=scores[1],
        test_error=tested[0],
        test_loss=tested[1],
        seconds=time.monotonic() - started,
        curve=curve,
    )


class Diverged(Exception):
    """The training loss, or what the trained network puts out, is not finite; the message says which."""


class Late(Exception):
    """The training is past its deadline."""


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
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        network = task.network(activation, gain).to(device)
        after_step = watch(network) if watch else None
        data = task.data("train").to(device)
        optimiser = _optimiser(network, task.recipe)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: _rate(s, steps, task.recipe.warmup))
        losses = torch.zeros(steps, device=device)
        every = max(1, steps // _CHECKS)
        network.train()
        for step, rows in enumerate(_batches(len(data), task.recipe.batch_size, steps, seed)):
            loss = task.loss(network(data.inputs[rows]), data.targets[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), task.recipe.clip)
            optimiser.step()
            schedule.step()
            if after_step:
                after_step()
            losses[step] = loss.detach()
            if step % every == 0 or step == steps - 1:
                _check(loss, deadline)
    points = torch.tensor_split(losses.cpu(), min(_CURVE_POINTS, steps))
    return network, tuple(round(float(p.mean()), 6) for p in points)


def _check(loss: Tensor, deadline: float) -> None:
    if not torch.isfinite(loss):
        raise Diverged("the training loss stopped being finite")
    if time.monotonic() > deadline:
        raise Late


def _optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW with the recipe's weight decay on matrices and its other one on activations' constants."""
    groups = parameter_groups(
        network, recipe.weight_decay, decay_vectors=False, activation_decay=recipe.activation_decay
    )
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def _rate(step: int, steps: int, warmup: float) -> float:
    """Return the learning-rate factor: linear warm-up, then cosine to zero."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def _batches(count: int, size: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Yield index batches, a new permutation each epoch, the same for every candidate of a seed."""
    generator = torch.Generator().manual_seed(seed)
    size = min(size, count)
    order, at = torch.randperm(count, generator=generator), 0
    for _ in range(steps):
        if at + size > count:
            order, at = torch.randperm(count, generator=generator), 0
        yield order[at : at + size]
        at += size


@torch.no_grad()
def score(network: nn.Module, task: Task, part: Part, device: torch.device) -> tuple[float, float]:
    """Return mean error and loss over one part of the data; the network is left in evaluation mode.

    Raises:
        Diverged: one of them is not finite.
    """
    network.eval()
    data: Data = task.data(part).to(device)
    chunks = torch.arange(len(data), device=device).split(1024)
    error = loss = 0.0
    for rows in chunks:
        outputs, targets = network(data.inputs[rows]), data.targets[rows]
        error += float(task.error(outputs, targets).sum())
        loss += float(task.loss(outputs, targets)) * len(rows)
    if not (math.isfinite(error) and math.isfinite(loss)):
        raise Diverged("its outputs are not finite after training")
    return round(error / len(data), 8), round(loss / len(data), 8)
