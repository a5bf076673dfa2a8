"""From pictures to what a network is given: augmented in training, cropped in scoring, normalised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from evaluators.tasks.randomness import every_generator
from evaluators.tasks.vision.datasets import DataSet
from evaluators.tasks.vision.extra import vision_extra


def crop_and_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images shifted by up to 4 pixels into a border of zeros, every other one mirrored.

    This is the augmentation of He et al. 2016 ("Deep Residual Learning", section 4.2).

    Args:
        images: shape (n, channels, side, side).
        generator: draws the shifts and mirrors.
    """
    count, channels, side, _ = images.shape
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    shift = torch.randint(0, 9, (2, count, 1), generator=generator).to(images.device)
    place = torch.arange(side, device=images.device)
    mirrored = torch.rand(count, 1, generator=generator).to(images.device) < 0.5
    columns = shift[1] + torch.where(mirrored, side - 1 - place, place)
    rows = (shift[0] + place)[:, None, :, None].expand(count, channels, side, side + 8)
    cut = padded.gather(2, rows)
    return cut.gather(3, columns[:, None, None, :].expand(count, channels, side, side))


def normalised(images: Tensor, dataset: DataSet) -> Tensor:
    """Return images (n, 3, h, w), uint8, as float32 of about zero mean and unit deviation."""
    mean, deviation = (torch.tensor(v, device=images.device)[:, None, None] for v in (dataset.mean, dataset.deviation))
    return (images.float() / 255 - mean) / deviation


def timm_training(pictures: Sequence[Any], dataset: DataSet, generator: torch.Generator) -> Tensor:
    """Return PIL images (n, 3, side, side) through timm's training transforms as the EAFO paper set them.

    Random resized crop of 8 to 100 percent, mirror, RandAugment ``rand-m9-mstd0.5-inc1`` (with which
    timm leaves colour jitter out), random erasing with probability 0.25. timm draws from the global
    generators of Python, numpy and torch: they are seeded from the given one and put back.
    """
    transform = _training_transform(dataset)
    with every_generator(int(torch.randint(2**31, (), generator=generator)), torch.device("cpu")):
        return torch.stack([transform(picture) for picture in pictures])


def timm_scoring(pictures: Sequence[Any], dataset: DataSet) -> Tensor:
    """Return PIL images (n, 3, side, side): the short side resized to side / 0.875, the centre cut out."""
    transform = _scoring_transform(dataset)
    return torch.stack([transform(picture) for picture in pictures])


@cache
def _training_transform(dataset: DataSet) -> Callable[[Any], Tensor]:
    made: Callable[[Any], Tensor] = vision_extra("timm.data").create_transform(
        dataset.side,
        is_training=True,
        auto_augment="rand-m9-mstd0.5-inc1",
        interpolation="bilinear",
        re_prob=0.25,
        mean=dataset.mean,
        std=dataset.deviation,
    )
    return made


@cache
def _scoring_transform(dataset: DataSet) -> Callable[[Any], Tensor]:
    made: Callable[[Any], Tensor] = vision_extra("timm.data").create_transform(
        dataset.side, interpolation="bilinear", crop_pct=0.875, mean=dataset.mean, std=dataset.deviation
    )
    return made
