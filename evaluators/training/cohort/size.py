"""How many members fit on a device at once, counted from one network and one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from evaluators.training.memory import memory, processors
from evaluators.training.pieces import (
    SCORED_AT_ONCE,
    augmenting,
    autocast,
    has_own_loss,
    on_device,
    seeded,
    weights_type,
)
from evaluators.training.task import AnyTask, OwnLoop, Task

MOST = {"cpu": 32, "cuda": 128, "mps": 32}
"""Members of a stack beyond which nothing is gained, for each kind of device.

Measured on a CPU by ``tests/benchmarks/test_cohort.py``, on a GPU by ``make gpu``
(``evaluators/study/gpu.md``: 128, 128 and 64 members of three networks), and assumed for ``mps``.
"""

_WORTH_STACKING = 12 * 2**20
"""Bytes of a step beyond which a stack on a CPU is slower: what one network does in the cache, a stack does not."""
_EXAMPLES = 4
_HEADROOM = 2.0
"""All that is in memory during a step, in what is kept for backward; scoring keeps nothing and takes once that."""
_USED_OF_GPU, _USED_OF_MEMORY = 0.8, 0.5


def members(task: AnyTask, seeds: int, device: torch.device, cap: int | None = None) -> int:
    """Return how many candidates a cohort should hold.

    Args:
        task: what they train on; one that trains by its own loop takes one at a time.
        seeds: trainings of each candidate.
        device: where they are trained.
        cap: the largest answer, instead of what fits in the largest stack.
    """
    if isinstance(task, OwnLoop):
        return 1
    if cap is not None:
        return cap
    return max(1, _fitting(member_bytes(task).most, device) // seeds)


def stack_limit(task: Task, device: torch.device) -> int:
    """Return how many members one stack may have: what memory allows, :data:`MOST` at most.

    It is 1 where one network after another is faster.
    """
    each = member_bytes(task)
    if device.type == "cpu" and each.step > _WORTH_STACKING:
        return 1
    return max(1, _fitting(each.most, device))


@dataclass(frozen=True)
class Bytes:
    """What one member of a stack takes.

    Attributes:
        step: in a training step: weights, gradient, optimiser state, and kept activations.
        scoring: while it is scored; more than in a step where batches are small.
    """

    step: float
    scoring: float

    @property
    def most(self) -> float:
        """The larger of the two."""
        return max(self.step, self.scoring)


def member_bytes(task: Task) -> Bytes:
    """Return the bytes that one member takes, scaled up from a few examples."""
    recipe = task.recipe
    data = on_device(task.data("train"), recipe, torch.device("cpu"))
    rows = torch.arange(min(_EXAMPLES, len(data)))
    with seeded(0, torch.device("cpu")):
        network = task.network(nn.Softplus, 1.0).to(weights_type(recipe))
        inputs, targets = task.batch(data, rows, augmenting(0, 0))
        weights = list(network.parameters())
        with autocast(recipe, torch.device("cpu")):
            kept = (_made if has_own_loss(task) else _saved)(lambda: task.loss_of(network, inputs, targets))
        for weight in weights:
            kept.pop(weight.untyped_storage().data_ptr(), None)
    copies = 4 if recipe.optimiser == "adamw" else 3
    fixed = copies * sum(weight.nbytes for weight in weights)
    each = sum(kept.values()) / len(rows)
    scored = min(SCORED_AT_ONCE, len(task.data("validation")))
    return Bytes(fixed + _HEADROOM * each * recipe.batch_size, fixed + each * scored)


def _saved(loss: Callable[[], Tensor]) -> dict[int, int]:
    """Return the bytes of each storage that autograd keeps for a loss, by address."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        value = loss()  # while it lives, no address is used again
    del value
    return kept


def _made(loss: Callable[[], Tensor]) -> dict[int, int]:
    """Return the bytes of each storage that operations make for a loss: transforms of torch.func allow no hooks."""
    with _Made() as made:
        loss()
    return {storage.data_ptr(): storage.nbytes() for storage in made.storages}


class _Made(TorchDispatchMode):
    """Holds on to the storages of what operations return, so that each has an address of its own."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.storages: list[torch.UntypedStorage] = []

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call an operation and note what it returns."""
        del types
        result = func(*args, **(kwargs or {}))
        several = result if isinstance(result, (tuple, list)) else (result,)
        held = [each for each in several if isinstance(each, Tensor) and not each._is_zerotensor()]
        self.storages += [each.untyped_storage() for each in held]
        return result


def _fitting(each: float, device: torch.device) -> int:
    return min(MOST.get(device.type, MOST["cpu"]), int(_budget(device) / each))


def _budget(device: torch.device) -> float:
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        free, total = torch.cuda.mem_get_info(index)
        held, used = torch.cuda.memory_reserved(index), torch.cuda.memory_allocated(index)
        allowed = total * torch.cuda.get_per_process_memory_fraction(index)
        return _USED_OF_GPU * min(free + held - used, allowed - used)
    return _USED_OF_MEMORY * memory() / processors()
