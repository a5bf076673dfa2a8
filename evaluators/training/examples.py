"""Examples that tell more than others."""

from __future__ import annotations

import torch
from torch import Tensor

_ORDERED = {torch.bool: torch.uint8, torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}
"""What torch finds no smallest of, and what it does."""


def extreme_rows(values: Tensor) -> list[int]:
    """Return the rows that hold the smallest and the largest value; none where nothing is smaller than another."""
    if not values.numel() or values.is_complex():
        return []
    symbols, each = values.to(_ORDERED.get(values.dtype, values.dtype)), values.numel() // len(values)
    return [int(symbols.argmin()) // each, int(symbols.argmax()) // each]
