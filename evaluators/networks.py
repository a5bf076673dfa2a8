"""The small networks of the offline tasks, initialised so that every activation starts alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from evaluators.task import ActivationFactory


def scaled_linear(fan_in: int, fan_out: int, gain: float = 1.0) -> nn.Linear:
    """Return a linear layer with N(0, (gain/sqrt(fan_in))^2) weights and zero bias.

    After a LayerNorm or on standardised inputs ``gain=1`` gives pre-activations of unit variance;
    after an activation, pass the activation's gain.
    """
    layer = nn.Linear(fan_in, fan_out)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in))
    nn.init.zeros_(layer.bias)
    return layer


def mlp(widths: Sequence[int], activation: ActivationFactory, gain: float) -> nn.Sequential:
    """Return linear layers of the given widths with an activation between each two."""
    layers: list[nn.Module] = [scaled_linear(widths[0], widths[1])]
    for fan_in, fan_out in pairwise(widths[1:]):
        layers += [activation(), scaled_linear(fan_in, fan_out, gain)]
    return nn.Sequential(*layers)


class _Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = scaled_linear(width, 3 * width)
        self.out = scaled_linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, tokens, width) to the same shape."""
        batch, tokens, width = x.shape
        split = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """A pre-norm transformer block; the activation sits in the MLP."""

    def __init__(self, width: int, heads: int, activation: ActivationFactory, gain: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = _Attention(width, heads)
        self.mlp = mlp([width, 2 * width, width], activation, gain)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, tokens, width) to the same shape."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class VisionTransformer(nn.Module):
    """A small vision transformer: patches, blocks, mean over tokens, linear head."""

    def __init__(
        self,
        image: int,
        patch: int,
        classes: int,
        activation: ActivationFactory,
        gain: float,
        width: int = 32,
        depth: int = 2,
        heads: int = 2,
    ) -> None:
        super().__init__()
        self.patch = patch
        tokens = (image // patch) ** 2
        self.embed = scaled_linear(patch * patch, width)
        self.position = nn.Parameter(torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(*(_Block(width, heads, activation, gain) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = scaled_linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, height, width) to logits (batch, classes)."""
        patches = images.unfold(1, self.patch, self.patch).unfold(2, self.patch, self.patch)
        tokens = self.embed(patches.flatten(3).flatten(1, 2)) + self.position
        return self.head(self.norm(self.blocks(tokens)).mean(dim=1))  # type: ignore[no-any-return]
