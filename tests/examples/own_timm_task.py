"""A task of one's own: a timm network, its activation swapped, on scikit-learn's digits."""

from functools import cached_property

import timm
import torch
from sklearn.datasets import load_digits
from torch import nn

from evaluators import Classification, Data, Recipe, swap


class DigitsTimm(Classification):
    """1,797 images of digits, 8x8, in 10 classes, through a vision transformer of timm."""

    name = "digits-timm"
    recipe = Recipe(steps=200, batch_size=64, learning_rate=6e-3)

    @cached_property
    def _parts(self):
        images, targets = load_digits(return_X_y=True)
        inputs = torch.tensor(images / 16 - 0.3, dtype=torch.float32).reshape(-1, 1, 8, 8)
        rows = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0)).split([1097, 350, 350])
        parts = zip(("train", "validation", "test"), rows, strict=True)
        return {part: Data(inputs[r], torch.tensor(targets)[r]) for part, r in parts}

    def data(self, part):
        return self._parts[part]

    def network(self, activation, gain):
        sizes = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10, "weight_init": "jax"}
        network = timm.create_model("vit_tiny_patch16_224", embed_dim=48, depth=2, **sizes)
        swap(network, nn.GELU, activation)
        for block in network.blocks:  # the same signal scale for every activation
            nn.init.normal_(block.mlp.fc1.weight, std=48**-0.5)
            nn.init.normal_(block.mlp.fc2.weight, std=gain * 192**-0.5)
        return network
