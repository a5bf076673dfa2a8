"""One training: seeds fixed, gain-corrected, deterministic on CPU, never a non-finite answer."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from evaluators.evaluation import Evaluation, Job, failed
from evaluators.task import Data, Part, Recipe, Task
from primitives import compile_expression, parameter_groups, parse

_CURVE_POINTS = 20
_CHECKS = 50


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
        network, curve = _fit(job, task, seed, device, deadline)
        scores = _score(network, task, "validation", device)
        tested = _score(network, task, "test", device) if job.score_test else (None, None)
    except _Diverged:
        return failed(job, seed, "diverged", "the training loss stopped being finite", time.monotonic() - started)
    except _Late:
        return failed(job, seed, "timeout", f"it took longer than {job.timeout:g} s", time.monotonic() - started)
    except torch.cuda.OutOfMemoryError:
        return failed(job, seed, "oom", "the device ran out of memory", time.monotonic() - started)
    seconds = time.monotonic() - started
    numbers = [v for v in (*scores, *tested) if v is not None]
    if not all(map(math.isfinite, numbers)):
        return failed(job, seed, "diverged", "its outputs are not finite after training", seconds)
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
        seconds=seconds,
        curve=curve,
    )


class _Diverged(Exception):
    """The loss is not finite."""


class _Late(Exception):
    """The job is past its time limit."""


def _fit(job: Job, task: Task, seed: int, device: torch.device, deadline: float) -> tuple[nn.Module, tuple[float, ...]]:
    """Train a fresh network and return it with its loss curve."""
    activation = compile_expression(parse(job.expression)).module
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        network = task.network(activation, job.gain).to(device)
        data = task.data("train").to(device)
        optimiser = _optimiser(network, task.recipe)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: _rate(s, job.steps, task.recipe.warmup))
        losses = torch.zeros(job.steps, device=device)
        every = max(1, job.steps // _CHECKS)
        network.train()
        for step, rows in enumerate(_batches(len(data), task.recipe.batch_size, job.steps, seed)):
            loss = task.loss(network(data.inputs[rows]), data.targets[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), task.recipe.clip)
            optimiser.step()
            schedule.step()
            losses[step] = loss.detach()
            if step % every == 0 or step == job.steps - 1:
                _check(loss, deadline)
    points = torch.tensor_split(losses.cpu(), min(_CURVE_POINTS, job.steps))
    return network, tuple(round(float(p.mean()), 6) for p in points)


def _check(loss: Tensor, deadline: float) -> None:
    if not torch.isfinite(loss):
        raise _Diverged
    if time.monotonic() > deadline:
        raise _Late


def _optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW with weight decay on tensors of two or more dimensions: never on an activation's parameters."""
    groups = parameter_groups(network, recipe.weight_decay, decay_vectors=False)
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
def _score(network: nn.Module, task: Task, part: Part, device: torch.device) -> tuple[float, float]:
    """Return mean error and loss over one part of the data."""
    network.eval()
    data: Data = task.data(part).to(device)
    chunks = torch.arange(len(data), device=device).split(1024)
    error = loss = 0.0
    for rows in chunks:
        outputs, targets = network(data.inputs[rows]), data.targets[rows]
        error += float(task.error(outputs, targets).sum())
        loss += float(task.loss(outputs, targets)) * len(rows)
    return round(error / len(data), 8), round(loss / len(data), 8)
