"""The vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929), small."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evaluators.tasks.networks.scaled import scaled_linear
from evaluators.tasks.networks.transformer import Block
from evaluators.training.task import ActivationFactory


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
        self.blocks = nn.Sequential(*(Block(width, heads, activation, gain) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = scaled_linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, height, width) to logits (batch, classes)."""
        patches = images.unfold(1, self.patch, self.patch).unfold(2, self.patch, self.patch)
        tokens = self.embed(patches.flatten(3).flatten(1, 2)) + self.position
        return self.head(self.norm(self.blocks(tokens)).mean(dim=1))  # type: ignore[no-any-return]
