"""``digits-vit``: scikit-learn's handwritten digits through a small vision transformer."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import nn

from evaluators.networks import VisionTransformer
from evaluators.task import ActivationFactory, Classification, Data, Part, Recipe


class DigitsViT(Classification):
    """1,797 real 8x8 images of digits (UCI, via scikit-learn) in 10 classes.

    Split 1,078 / 359 / 360 by a fixed permutation, standardised by the training part. The
    network has 16 tokens of 2x2 pixels, width 32, 2 pre-norm blocks with 2 heads, and the
    activation in both MLPs.
    """

    name = "digits-vit"
    recipe = Recipe(steps=300, batch_size=64, learning_rate=6e-3)

    @cached_property
    def _parts(self) -> dict[str, Data]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        order = np.random.default_rng(0).permutation(len(digits.target))
        cuts = np.split(order, [1078, 1437])
        images = digits.images[order[:1078]]
        mean, deviation = images.mean(), images.std()
        parts = {}
        for part, rows in zip(("train", "validation", "test"), cuts, strict=True):
            inputs = torch.tensor((digits.images[rows] - mean) / deviation, dtype=torch.float32)
            parts[part] = Data(inputs, torch.tensor(digits.target[rows], dtype=torch.long))
        return parts

    def data(self, part: Part) -> Data:
        """Return images (n, 8, 8) and class indices (n,)."""
        return self._parts[part]

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the vision transformer, about 18 thousand weights."""
        return VisionTransformer(8, 2, 10, activation, gain)
