"""The way from one member's view under ``vmap`` to the whole stack."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class OutOfVmap(torch.autograd.Function):
    """Base of operations that exist for members under ``vmap`` only; a subclass writes the rule ``vmap``.

    The rule works on stacked tensors outside of ``vmap`` and is differentiated there.
    """

    @staticmethod
    def forward(*_: Any) -> Tensor:
        """Refuse to run for no member."""
        raise RuntimeError("a part of a stacked network was called outside of vmap")

    @staticmethod
    def setup_context(*_: Any) -> None:
        """Keep nothing."""


def members_first(tensor: Tensor, dimension: int | None, count: int) -> Tensor:
    """Return a tensor with its members in front; what they share is repeated without a copy."""
    return tensor.expand(count, *tensor.shape) if dimension is None else tensor.movedim(dimension, 0)
