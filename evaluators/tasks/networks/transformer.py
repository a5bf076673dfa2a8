"""Attention and the pre-norm block that the vision transformer and the GPT are made of."""

from __future__ import annotations

from torch import Tensor, nn

from evaluators.tasks.networks.mlp import mlp
from evaluators.tasks.networks.scaled import scaled_linear
from evaluators.training.task import ActivationFactory


class Attention(nn.Module):
    """Multi-head self-attention; a causal one sees no later token."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = scaled_linear(width, 3 * width)
        self.out = scaled_linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, tokens, width) to the same shape."""
        batch, tokens, width = x.shape
        split = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))  # type: ignore[no-any-return]


class Block(nn.Module):
    """A pre-norm transformer block; the activation sits in the MLP of twice the width."""

    def __init__(
        self, width: int, heads: int, activation: ActivationFactory, gain: float, causal: bool = False
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.mlp = mlp([width, 2 * width, width], activation, gain)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, tokens, width) to the same shape."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]
