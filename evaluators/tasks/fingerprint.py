"""What a task is made of, so that two versions of it are never taken for one: code, data and recipe."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluators.training.task import AnyTask, OwnLoop, Part
from evaluators.training.user_code.sources import Source

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_PARTS: tuple[Part, ...] = ("train", "validation", "test")
_BLOCK, _BLOCKS, _SUMS = 1024, 256, 4
_ROUNDING = 1e-5
"""Data that differ by less are the same made by another processor: a sum in another order, rounded otherwise."""


@dataclass(frozen=True)
class TaskPrint:
    """What a task is made of; all of it plain values, for a run file.

    Attributes:
        code: for each file of a user's code a hash; empty for a task of ours.
        data: for each part and tensor type, shape and a hash, and of numbers with a fraction a few weighted sums.
        recipe: its values by name, as text.
    """

    code: Mapping[str, str]
    data: Mapping[str, Mapping[str, Any]]
    recipe: Mapping[str, str]

    @property
    def short(self) -> str:
        """Eight characters that tell versions apart."""
        plain = json.dumps([sorted(self.code.items()), self.data, self.recipe], sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()[:8]

    def code_difference(self, now: Mapping[str, str]) -> str | None:
        """Return in a clause which code is different now, or ``None``."""
        if sorted(self.code.values()) == sorted(now.values()):
            return None  # a file by another name is the same
        names = sorted(name for name in {*self.code, *now} if self.code.get(name) != now.get(name))
        return f"{', '.join(names)} changed" if names else None

    def difference(self, now: TaskPrint) -> str | None:
        """Return in a clause what is different now, or ``None``."""
        if changed := self.code_difference(now.code):
            return changed
        old, new = self.recipe, now.recipe
        if keys := [key for key in {**old, **new} if old.get(key) != new.get(key)]:
            return "its recipe changed: " + ", ".join(f"{k} was {old.get(k)} and is {new.get(k)}" for k in keys)
        names = self.data_difference(now)
        return f"its data changed ({', '.join(names)})" if names else None

    def data_difference(self, now: TaskPrint) -> list[str]:
        """Return what of the data is different now, such as ``train inputs``."""
        return sorted(name for name in {*self.data, *now.data} if not _alike(self.data.get(name), now.data.get(name)))


def print_of(task: AnyTask, sources: Sequence[Source] = ()) -> TaskPrint:
    """Return what a task is made of.

    Args:
        task: its data are loaded, unless it trains by its own loop.
        sources: of a user's task its code.
    """
    data: dict[str, Mapping[str, Any]] = {}
    if not isinstance(task, OwnLoop):
        for part in _PARTS:
            found = task.data(part)
            data |= {f"{part} inputs": _content(found.inputs), f"{part} targets": _content(found.targets)}
    return TaskPrint(
        code_of(sources), data, {key: str(value) for key, value in dataclasses.asdict(task.recipe).items()}
    )


def code_of(sources: Sequence[Source]) -> dict[str, str]:
    """Return a hash of each file of a user's code."""
    return {source.relative: source.digest for source in sources}


def _content(tensor: Tensor) -> dict[str, Any]:
    import torch

    plain = tensor.detach().cpu().contiguous()
    content = {"type": str(plain.dtype).removeprefix("torch."), "shape": list(plain.shape)}
    flat = plain.reshape(-1)
    content |= {"hash": hashlib.sha256(flat.view(torch.uint8).numpy().data).hexdigest()}
    return content | _sketch(flat) if flat.is_floating_point() else content


def _sketch(values: Tensor) -> dict[str, Any]:
    """Return the size of numbers and a few sums of them with fixed signs, as random as torch's generator of seed 0."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    sums, squares, missing = torch.zeros(_SUMS, dtype=torch.float64), 0.0, 0
    within = _signs(_BLOCK, generator)
    for piece in values.split(_BLOCK * _BLOCKS):
        block = nn.functional.pad(piece.double(), (0, -len(piece) % _BLOCK)).view(-1, _BLOCK)
        fine = torch.isfinite(block)
        if not fine.all():
            missing += int((~fine).sum())
            block = torch.where(fine, block, 0.0)
        sums += ((block @ within) * _signs(len(block), generator)).sum(dim=0)
        squares += float(block.square().sum())
    return {"missing": missing, "size": math.sqrt(squares), "sums": sums.tolist()}


def _signs(count: int, generator: torch.Generator) -> Tensor:
    import torch

    return torch.randint(0, 2, (count, _SUMS), generator=generator).double() * 2 - 1


def _alike(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    if old == new or old is None or new is None or not ("sums" in old and "sums" in new):
        return old == new
    room = _ROUNDING * max(old["size"], new["size"])
    numbers = zip([*old["sums"], old["size"]], [*new["sums"], new["size"]], strict=True)
    same = all(old[key] == new[key] for key in ("type", "shape", "missing"))
    return same and all(abs(one - other) <= room for one, other in numbers)
