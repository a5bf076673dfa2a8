"""The networks of the EAFO paper through timm, with the activation in every place timm has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from evaluators.instruments.swapping.swap import swap
from evaluators.tasks.networks import scaled
from evaluators.tasks.vision.extra import vision_extra
from evaluators.training.task import ActivationFactory


@dataclass(frozen=True)
class TimmNetwork:
    """A network of timm as the EAFO paper used it.

    Attributes:
        name: timm's.
        deviation: of the truncated normal that all linear weights are drawn from in the published
            form, where it is not timm's 0.02.
        patched: whether it is made for an image size and a patch size.
        tanh_head: whether a linear layer and a tanh, which stays, come before the head.
    """

    name: str
    deviation: float | None = None
    patched: bool = True
    tanh_head: bool = False

    def build(
        self, side: int, classes: int, drop_path: float, activation: ActivationFactory, gain: float | None
    ) -> nn.Module:
        """Return the network.

        Args:
            side: of the images; those below 224 pixels are cut into 8x8 patches.
            classes: number of logits.
            drop_path: stochastic depth of the last block, rising linearly from the first.
            activation: called once for each MLP.
            gain: of the layer after an activation; each MLP then starts with pre-activations of
                unit variance. ``None`` for the published initialisation.
        """
        timm = vision_extra("timm")
        sizes: dict[str, Any] = {"img_size": side, "patch_size": 16 if side == 224 else side // 8}
        network: nn.Module = timm.create_model(
            self.name, num_classes=classes, drop_path_rate=drop_path, **(sizes if self.patched else {})
        )
        if self.tanh_head:
            head: Any = network.head
            network.head = nn.Sequential(nn.Linear(head.in_features, head.in_features), nn.Tanh(), head)
        for layer in network.modules():
            if self.deviation and isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=self.deviation)
                nn.init.zeros_(layer.bias)
        for layer in network.modules():
            if gain is not None and isinstance(layer, timm.layers.Mlp):
                scaled(layer.fc1)
                scaled(layer.fc2, gain)
        swap(network, nn.GELU, activation, functional=False)
        return network


VIT_TINY = TimmNetwork("vit_tiny_patch16_224", deviation=0.01, tanh_head=True)
DEIT_TINY = TimmNetwork("deit_tiny_distilled_patch16_224")
TNT_SMALL = TimmNetwork("tnt_s_patch16_224")
CONVNEXT_TINY = TimmNetwork("convnext_tiny", patched=False)
