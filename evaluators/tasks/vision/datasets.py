"""The data sets: where their files lie, how they are read, and how they are split."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evaluators.tasks.vision.cifar import read_batches
from evaluators.tasks.vision.folders import Images, images_by_class, opened
from evaluators.training.task import Data, Part
from primitives import ActsearchError

Triple = tuple[float, float, float]
Parts = dict[Part, Data]
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DataSet(abc.ABC):
    """A data set of images.

    Attributes:
        title: as people know it.
        side: height and width that the networks are given.
        classes: how many.
        mean, deviation: of the three channels, for values from 0 to 1.
        folder: what must lie in the folder of data sets.
        source: how to get it there.
    """

    title: str
    side: int
    classes: int
    mean: Triple
    deviation: Triple
    folder: str
    source: str

    @abc.abstractmethod
    def parts(self, root: Path) -> Parts:
        """Return the three parts; targets are class indices (n,), inputs what :meth:`pictures` knows."""

    @abc.abstractmethod
    def pictures(self, root: Path, inputs: Tensor) -> list[Any]:
        """Return some inputs as PIL images."""

    def found(self, root: Path) -> Path:
        """Return this data set's folder.

        Raises:
            ActsearchError: it is not there; the message says what to put where.
        """
        folder = root / self.folder
        if not folder.is_dir():
            raise ActsearchError(
                f"{self.title} is not in '{root}': there is no folder '{folder}'; {self.source}; "
                "name another folder with --data DIR or the environment variable ACTSEARCH_DATA"
            )
        return folder

    def missing(self, path: Path) -> ActsearchError:
        """Return the error for a file or folder that should be in this data set's folder."""
        return ActsearchError(f"{self.title} is incomplete: there is no '{path}'; {self.source}")


def split(count: int, shares: Sequence[float]) -> list[Tensor]:
    """Return the row numbers of each share of a fixed permutation of ``count``, and then those of the rest.

    Raises:
        ActsearchError: one of them is empty.
    """
    order = torch.from_numpy(np.random.default_rng(0).permutation(count))
    cuts = [round(count * sum(shares[: number + 1])) for number in range(len(shares))]
    parts = list(torch.tensor_split(order, cuts))
    if not all(map(len, parts)):
        raise ActsearchError(f"{count} images are too few to be split; put the whole data set there")
    return parts


@dataclass(frozen=True)
class Cifar(DataSet):
    """32x32 photographs in memory.

    The papers had no validation part and watched the test part; here a tenth of the 50,000
    training images is held out by a fixed permutation, and the 10,000 test images are the test part.

    Attributes:
        training, test: names of the batch files.
        label: key of the classes in them.
    """

    training: tuple[str, ...]
    test: str
    label: bytes

    def parts(self, root: Path) -> Parts:
        """Return images (n, 3, 32, 32), uint8."""
        folder = self.found(root)
        for name in (*self.training, self.test):
            if not (folder / name).is_file():
                raise self.missing(folder / name)
        images, labels = read_batches([folder / name for name in self.training], self.label, self.classes)
        train, validation = split(len(labels), [0.9])
        return {
            "train": Data(images[train], labels[train]),
            "validation": Data(images[validation], labels[validation]),
            "test": Data(*read_batches([folder / self.test], self.label, self.classes)),
        }

    def pictures(self, root: Path, inputs: Tensor) -> list[Any]:
        """Return uint8 images (n, 3, h, w) as PIL images."""
        del root
        return _pictures(inputs)


@dataclass(frozen=True)
class EuroSat(DataSet):
    """64x64 satellite images in memory, one folder of JPEG files a class.

    The data set has no split of its own; here it is 80 / 10 / 10 percent by a fixed permutation.

    Attributes:
        names: of the classes, as their folders are called.
    """

    names: tuple[str, ...]

    def parts(self, root: Path) -> Parts:
        """Return images (n, 3, 64, 64), uint8."""
        found = _listed(self, self.found(root), self.names)
        rows = split(len(found.files), [0.8, 0.1])
        images = torch.stack([_as_tensor(picture) for picture in opened(found.files, self.side)])
        parts: tuple[Part, ...] = ("train", "validation", "test")
        return {part: Data(images[chosen], found.labels[chosen]) for part, chosen in zip(parts, rows, strict=True)}

    def pictures(self, root: Path, inputs: Tensor) -> list[Any]:
        """Return uint8 images (n, 3, h, w) as PIL images."""
        del root
        return _pictures(inputs)


@dataclass(frozen=True)
class ImageNet(DataSet):
    """ImageNet-1K in its folders, decoded when a batch needs it.

    Its 50,000 images of ``val`` are the test part, as the papers used them; 4 percent of ``train``
    are the validation part, by a fixed permutation. The folders of ``train`` name and number the
    classes; ``val`` must have the same ones.
    """

    def parts(self, root: Path) -> Parts:
        """Return file numbers (n,), int64: those of ``train`` first, then those of ``val``."""
        trained, tested = self._halves(self.found(root))
        count = len(trained.files)
        train, validation = split(count, [0.96])
        return {
            "train": Data(train, trained.labels[train]),
            "validation": Data(validation, trained.labels[validation]),
            "test": Data(torch.arange(count, count + len(tested.files)), tested.labels),
        }

    def pictures(self, root: Path, inputs: Tensor) -> list[Any]:
        """Open the files of some numbers."""
        train, val = (half.files for half in self._halves(root / self.folder))
        numbers = inputs.tolist()
        return opened([train[n] if n < len(train) else val[n - len(train)] for n in numbers])

    def _halves(self, folder: Path) -> tuple[Images, Images]:
        """Return the images of ``train``, and those of ``val`` numbered by the classes of ``train``."""
        for half in ("train", "val"):
            if not (folder / half).is_dir():
                raise self.missing(folder / half)
        trained = _listed(self, folder / "train", ())
        return trained, _listed(self, folder / "val", trained.names)


@cache
def _listed(dataset: DataSet, folder: Path, names: tuple[str, ...]) -> Images:
    """Return the images of a folder with one folder a class; see :func:`images_by_class`."""
    return images_by_class(folder, dataset.title, names, dataset.classes, dataset.source)


def _pictures(images: Tensor) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).cpu().numpy()]


def _as_tensor(picture: Any) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
CIFAR10 = Cifar(
    "CIFAR-10",
    32,
    10,
    (0.4914, 0.4822, 0.4465),
    (0.2023, 0.1994, 0.2010),
    "cifar-10-batches-py",
    f"unpack cifar-10-python.tar.gz of {_CIFAR_URL} there, so that 'cifar-10-batches-py/data_batch_1' and its "
    "fellows lie in it",
    tuple(f"data_batch_{number}" for number in range(1, 6)),
    "test_batch",
    b"labels",
)
CIFAR100 = Cifar(
    "CIFAR-100",
    32,
    100,
    (0.4914, 0.4822, 0.4465),
    (0.2023, 0.1994, 0.2010),
    "cifar-100-python",
    f"unpack cifar-100-python.tar.gz of {_CIFAR_URL} there, so that 'cifar-100-python/train' and "
    "'cifar-100-python/test' lie in it",
    ("train",),
    "test",
    b"fine_labels",
)
EUROSAT = EuroSat(
    "EuroSAT",
    64,
    10,
    IMAGENET_MEAN,
    IMAGENET_DEVIATION,
    "eurosat/2750",
    "unpack EuroSAT.zip of https://github.com/phelber/EuroSAT into 'eurosat', so that "
    "'eurosat/2750/AnnualCrop/AnnualCrop_1.jpg' and its fellows lie in it",
    (
        "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial",
        "Pasture", "PermanentCrop", "Residential", "River", "SeaLake",
    ),
)  # fmt: skip
IMAGENET = ImageNet(
    "ImageNet-1K",
    224,
    1000,
    IMAGENET_MEAN,
    IMAGENET_DEVIATION,
    "imagenet",
    "get ILSVRC 2012 from https://www.image-net.org/download.php and sort it into "
    "'imagenet/train/<wnid>/*.JPEG' and 'imagenet/val/<wnid>/*.JPEG'",
)
