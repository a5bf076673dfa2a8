"""The causal language model (Radford et al. 2019, GPT-2), small."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evaluators.tasks.networks.scaled import scaled_linear
from evaluators.tasks.networks.transformer import Block
from evaluators.training.task import ActivationFactory


class GPT(nn.Module):
    """A small GPT: embedded symbols, causal blocks, a linear head at every place."""

    def __init__(
        self,
        symbols: int,
        length: int,
        activation: ActivationFactory,
        gain: float,
        width: int,
        depth: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(symbols, width)
        self.position = nn.Parameter(torch.randn(1, length, width))
        self.blocks = nn.Sequential(*(Block(width, heads, activation, gain, causal=True) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = scaled_linear(width, symbols)

    def forward(self, text: Tensor) -> Tensor:
        """Map symbols (batch, length), int64, to logits of the next one (batch, length, symbols)."""
        return self.head(self.norm(self.blocks(self.embed(text) + self.position)))  # type: ignore[no-any-return]
