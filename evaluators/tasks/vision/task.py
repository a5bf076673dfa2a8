"""The task behind every name of the table."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from evaluators.tasks.folder import data_folder
from evaluators.tasks.vision.augment import crop_and_flip, normalised, timm_scoring, timm_training
from evaluators.tasks.vision.catalogue import VISION
from evaluators.tasks.vision.datasets import Parts
from evaluators.training.task import ActivationFactory, Classification, Data, Part
from primitives.errors import ActsearchError, unknown


class VisionTask(Classification):
    """Images of CIFAR, EuroSAT or ImageNet through a network of the founding papers.

    ``<data>-<network>`` is the published recipe, ``-controlled`` the same with pre-activations of
    unit variance and the activation's gain, ``-300`` the long one with stochastic depth.

    Attributes:
        scale_controlled: whether the gain counts.
    """

    def __init__(self, name: str, data: Path | None = None) -> None:
        """Make a task; its files are looked at when its data are asked for.

        Args:
            name: one of :data:`evaluators.tasks.vision.catalogue.VISION`.
            data: folder of data sets; else ``$ACTSEARCH_DATA``, else ``data``.

        Raises:
            ActsearchError: there is no such task.
        """
        if name not in VISION:
            raise ActsearchError(unknown("vision task", name, VISION))
        self._description = VISION[name]
        self.name, self.recipe = name, self._description.recipe
        self.scale_controlled = self._description.scale_controlled
        self._root = data_folder(data)

    @property
    def about(self) -> str:
        """What tells this task from the others of the table."""
        dataset = self._description.dataset
        scale = "the gain counts" if self.scale_controlled else "published initialisation"
        return f"{dataset.title}, {dataset.side} pixels, {dataset.classes} classes; {scale}."

    @cached_property
    def _parts(self) -> Parts:
        return self._description.dataset.parts(self._root)

    def data(self, part: Part) -> Data:
        """Return images (n, 3, side, side), uint8, or for ImageNet file numbers (n,); and class indices (n,).

        Raises:
            ActsearchError: the data set is not there; the message says what to put where.
        """
        return self._parts[part]

    def batch(self, data: Data, rows: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return normalised images (n, 3, side, side), float32, augmented when a generator is given."""
        dataset, inputs = self._description.dataset, data.inputs[rows]
        if self._description.augmentation == "crop":
            images = inputs if generator is None else crop_and_flip(inputs, generator)
            return normalised(images, dataset), data.targets[rows]
        pictures = dataset.pictures(self._root, inputs)
        images = timm_scoring(pictures, dataset) if generator is None else timm_training(pictures, dataset, generator)
        return images.to(inputs.device), data.targets[rows]

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the network; where the scale is not controlled the gain is not used."""
        return self._description.build(activation, gain)
