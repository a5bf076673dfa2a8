"""Tiny data sets in the genuine formats: what Python 2 pickled for CIFAR, and folders of JPEG files."""

from __future__ import annotations

import io
import pickle
import struct

import numpy as np
from PIL import Image


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


def eurosat(root, count=10):
    for kind, name in enumerate(["AnnualCrop", "Forest"]):
        for number in range(1, count + 1):
            jpeg(root / "eurosat" / "2750" / name / f"{name}_{number}.jpg", (64, 64), 100 * kind + number)
    return root


def imagenet(root, count=13):
    for kind, wnid in enumerate(["n01440764", "n01443537"]):
        for number in range(count):
            jpeg(root / "imagenet" / "train" / wnid / f"{wnid}_{number}.JPEG", (80, 100), 100 * kind + number)
        jpeg(root / "imagenet" / "val" / wnid / f"ILSVRC2012_val_0000000{kind}.JPEG", (300, 280), 1000 + kind)
    return root
