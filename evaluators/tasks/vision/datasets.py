"""The data sets: where their files lie, how they are read, and how they are split."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evaluators.task import Data, Part
from evaluators.tasks.vision.cifar import read_batches
from evaluators.tasks.vision.extra import vision_extra
from primitives import ActsearchError

Triple = tuple[float, float, float]
Parts = dict[Part, Data]
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Triple = (0.229, 0.224, 0.225)
_SUFFIXES = {".jpg", ".jpeg", ".png"}


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
    """

    def parts(self, root: Path) -> Parts:
        """Return images (n, 3, 64, 64), uint8."""
        files, labels = _listed(self, self.found(root))
        pictures = _opened(files)
        images = torch.stack([_as_tensor(picture) for picture in pictures])
        rows = split(len(files), [0.8, 0.1])
        names: tuple[Part, ...] = ("train", "validation", "test")
        return {part: Data(images[chosen], labels[chosen]) for part, chosen in zip(names, rows, strict=True)}

    def pictures(self, root: Path, inputs: Tensor) -> list[Any]:
        """Return uint8 images (n, 3, h, w) as PIL images."""
        del root
        return _pictures(inputs)


@dataclass(frozen=True)
class ImageNet(DataSet):
    """ImageNet-1K in its folders, decoded when a batch needs it.

    Its 50,000 images of ``val`` are the test part, as the papers used them; 4 percent of ``train``
    are the validation part, by a fixed permutation.
    """

    def parts(self, root: Path) -> Parts:
        """Return file numbers (n,), int64: those of ``train`` first, then those of ``val``."""
        folder = self.found(root)
        files, labels = self._files(folder, "train")
        tested, test_labels = self._files(folder, "val")
        numbers = torch.arange(len(files) + len(tested))
        train, validation = split(len(files), [0.96])
        return {
            "train": Data(train, labels[train]),
            "validation": Data(validation, labels[validation]),
            "test": Data(numbers[len(files) :], test_labels),
        }

    def pictures(self, root: Path, inputs: Tensor) -> list[Any]:
        """Open the files of some numbers."""
        folder = root / self.folder
        train, val = (self._files(folder, half)[0] for half in ("train", "val"))
        numbers = inputs.tolist()
        return _opened([train[n] if n < len(train) else val[n - len(train)] for n in numbers])

    def _files(self, folder: Path, half: str) -> tuple[tuple[Path, ...], Tensor]:
        if not (folder / half).is_dir():
            raise self.missing(folder / half)
        return _listed(self, folder / half)


@cache
def _listed(dataset: DataSet, folder: Path) -> tuple[tuple[Path, ...], Tensor]:
    """Return the image files of a folder with one folder a class, and their classes in alphabetical order."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    if len(classes) > dataset.classes:
        raise ActsearchError(
            f"{dataset.title} has {dataset.classes} classes, but '{folder}' has {len(classes)} folders"
        )
    found = [
        (path, number)
        for number, name in enumerate(classes)
        for path in sorted(name.iterdir())
        if path.suffix.lower() in _SUFFIXES
    ]
    if not found:
        raise dataset.missing(folder / "<class>" / "<image>.jpg")
    return tuple(path for path, _ in found), torch.tensor([number for _, number in found])


def _opened(files: Sequence[Path]) -> list[Any]:
    """Decode image files, several at a time."""
    load = vision_extra("torchvision.datasets.folder").default_loader
    with ThreadPoolExecutor() as pool:
        return list(pool.map(load, map(str, files)))


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
)
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
