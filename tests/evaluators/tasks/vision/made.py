"""Tiny data sets in the genuine formats: what Python 2 pickled for CIFAR, and folders of JPEG files."""

from __future__ import annotations

import io
import pickle
import struct

import numpy as np
from PIL import Image

from evaluators.tasks.vision.datasets import EUROSAT


class Python2(pickle._Pickler):
    """Writes byte strings as Python 2 wrote its strings."""

    def save_bytes(self, value):
        self.write(b"T" + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch = pickle._Pickler.dispatch | {bytes: save_bytes}


def pickled(value):
    buffer = io.BytesIO()
    Python2(buffer, 2).dump(value)
    return buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def batch(count, key, classes, seed):
    generator = np.random.default_rng(seed)
    data = generator.integers(0, 256, (count, 3072), dtype=np.uint8)
    names = [b"%d.png" % number for number in range(count)]
    labels = [int(label) for label in generator.integers(0, classes, count)]
    return {b"batch_label": b"made", key: labels, b"data": data, b"filenames": names}


def cifar10(root, count=4):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for seed, name in enumerate([f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]):
        (folder / name).write_bytes(pickled(batch(count, b"labels", 10, seed)))
    return root


def cifar100(root, count=20):
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    for seed, name in enumerate(["train", "test"]):
        made = batch(count, b"fine_labels", 100, seed) | {b"coarse_labels": [0] * count}
        (folder / name).write_bytes(pickled(made))
    return root


def jpeg(path, side, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG")


def eurosat(root, count=2):
    """Ten classes, each of as many images."""
    for kind, name in enumerate(EUROSAT.names):
        for number in range(1, count + 1):
            jpeg(root / "eurosat" / "2750" / name / f"{name}_{number}.jpg", (64, 64), 100 * kind + number)
    return root


def wnid(number):
    """Return the name of a made class of ImageNet; names sort as numbers do."""
    return f"n{number:08d}"


def imagenet(root, classes=1000, count=1):
    """ImageNet's classes, each with as many images to train on and one to test on; ten pictures in all."""
    pictures = []
    for seed in range(10):
        jpeg(root / "picture.jpg", (80, 100), seed)
        pictures.append((root / "picture.jpg").read_bytes())
    (root / "picture.jpg").unlink()
    for kind in range(classes):
        for half, images in (("train", count), ("val", 1)):
            folder = root / "imagenet" / half / wnid(kind)
            folder.mkdir(parents=True)
            for number in range(images):
                (folder / f"{wnid(kind)}_{number}.JPEG").write_bytes(pictures[(kind + number) % 10])
    return root
