"""The way from one member's view under ``vmap`` to the whole stack.

A ``torch.autograd.Function`` with these two and a rule ``vmap`` exists for members only; the rule
works on stacked tensors outside of ``vmap`` and is differentiated there.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor


def only_under_vmap(*_: Any) -> Tensor:
    """Refuse to run for no member; the ``forward`` of such a function."""
    raise RuntimeError("a part of a stacked network was called outside of vmap")


def keep_nothing(*_: Any) -> None:
    """Keep nothing for backward; the ``setup_context`` of such a function."""


def members_first(tensor: Tensor, dimension: int | None, count: int) -> Tensor:
    """Return a tensor with its members in front; what they share is repeated without a copy."""
    return tensor.expand(count, *tensor.shape) if dimension is None else tensor.movedim(dimension, 0)
