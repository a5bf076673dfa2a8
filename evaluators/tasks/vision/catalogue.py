"""The table of vision tasks: data set, network and recipe by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal

from torch import nn

from evaluators.tasks.vision.convolutional import all_cnn_c, resnet56_v1, resnet56_v2, wide_resnet_10_4
from evaluators.tasks.vision.datasets import CIFAR10, CIFAR100, EUROSAT, IMAGENET, DataSet
from evaluators.tasks.vision.transformers import CONVNEXT_TINY, DEIT_TINY, TNT_SMALL, VIT_TINY, TimmNetwork
from evaluators.training.task import ActivationFactory, Recipe

Build = Callable[[ActivationFactory, float], nn.Module]


@dataclass(frozen=True)
class Description:
    """One vision task.

    Attributes:
        name: as ``--task`` takes it.
        dataset: what is looked at.
        build: the network from an activation factory and a gain.
        recipe: how it is trained.
        augmentation: ``timm`` for the EAFO paper's transforms, ``crop`` for shifts and mirrors.
        scale_controlled: whether the gain counts; the published initialisation has no use for it.
    """

    name: str
    dataset: DataSet
    build: Build
    recipe: Recipe
    augmentation: Literal["timm", "crop"]
    scale_controlled: bool


def published(images: int, epochs: int) -> Recipe:
    """Return the recipe of the EAFO paper for a number of training images and epochs.

    From the authors' configurations and logs (arXiv 2405.12954): AdamW with weight decay 0.05 of
    everything, activations' constants too; batches of 1,024; 2.5e-4, a warm-up of 20 epochs from
    1e-6 and a cosine down to 1e-5; gradients clipped at 1; mixed precision, which is bfloat16 here
    and was float16 there. It has as many steps as theirs; an image held out for validation makes
    the epochs smaller, not fewer steps. What they set for EuroSAT is not known to us: it has
    CIFAR's settings and 8x8 patches.
    """
    return Recipe(
        steps=epochs * -(-images // 1024),
        batch_size=1024,
        learning_rate=2.5e-4,
        weight_decay=0.05,
        decay_vectors=True,
        activation_decay=0.05,
        warmup=20 / epochs,
        first_rate=1e-6 / 2.5e-4,
        last_rate=1e-5 / 2.5e-4,
        clip=1.0,
        precision="bfloat16",
    )


CONVOLUTIONAL = Recipe(
    steps=200 * 391,
    batch_size=128,
    optimiser="sgd",
    learning_rate=0.1,
    weight_decay=5e-4,
    decay_vectors=True,
    momentum=0.9,
    warmup=0.01,
    clip=5.0,
)
"""Ours for the convolutional networks, the papers' own being step-wise: 200 epochs of 50,000 images, cosine."""

_TIMM = {"vit-tiny": VIT_TINY, "deit-tiny": DEIT_TINY, "tnt-small": TNT_SMALL, "convnext-tiny": CONVNEXT_TINY}
_CONVOLUTIONAL = {
    "resnet56-v1": resnet56_v1,
    "resnet56-v2": resnet56_v2,
    "wrn-10-4": wide_resnet_10_4,
    "all-cnn-c": all_cnn_c,
}
_TRAINING_IMAGES = {"cifar10": 50_000, "cifar100": 50_000, "eurosat": 21_600, "imagenet": 1_281_167}
_DATASETS = {"cifar10": CIFAR10, "cifar100": CIFAR100, "eurosat": EUROSAT, "imagenet": IMAGENET}


def _timm_tasks(data: str, network: str) -> Iterator[Description]:
    """Yield the recipe of 100 epochs, the one that controls scale, and that of 300 epochs where the authors ran it."""
    recipe = published(_TRAINING_IMAGES[data], 100)
    dataset, timm = _DATASETS[data], _TIMM[network]
    name = f"{data}-{network}"
    yield Description(name, dataset, partial(_published, timm, dataset, 0.0), recipe, "timm", False)
    fair = dataclasses.replace(recipe, activation_decay=0.0)
    yield Description(f"{name}-controlled", dataset, partial(_controlled, timm, dataset), fair, "timm", True)
    if data.startswith("cifar") and timm is not TNT_SMALL:
        long = published(_TRAINING_IMAGES[data], 300)
        build = partial(_published, timm, dataset, 0.1)
        yield Description(f"{name}-300", dataset, build, long, "timm", False)


def _published(
    network: TimmNetwork, dataset: DataSet, drop_path: float, activation: ActivationFactory, gain: float
) -> nn.Module:
    del gain
    return network.build(dataset.side, dataset.classes, drop_path, activation, None)


def _controlled(network: TimmNetwork, dataset: DataSet, activation: ActivationFactory, gain: float) -> nn.Module:
    return network.build(dataset.side, dataset.classes, 0.0, activation, gain)


def _convolutional_task(data: str, network: str) -> Description:
    dataset = _DATASETS[data]
    build = partial(_CONVOLUTIONAL[network], dataset.classes)
    return Description(f"{data}-{network}", dataset, build, CONVOLUTIONAL, "crop", True)


VISION = MappingProxyType(
    {
        task.name: task
        for tasks in (
            *(_timm_tasks(data, network) for data in _DATASETS for network in _TIMM),
            [_convolutional_task(data, network) for data in ("cifar10", "cifar100") for network in _CONVOLUTIONAL],
        )
        for task in tasks
    }
)
"""The vision tasks by name."""
