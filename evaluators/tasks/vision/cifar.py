"""CIFAR-10 and CIFAR-100 from the files people have: the pickled batches of the "python version"."""

from __future__ import annotations

import io
import pickle  # reading goes through _ArraysOnly, which builds nothing but arrays
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from primitives import ActsearchError

_RECONSTRUCT = np.empty(0).__reduce__()[0]
_SAFE: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArraysOnly(pickle.Unpickler):
    """Reads dictionaries, lists, bytes, numbers and numpy arrays; a file that asks for more is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of numpy's three constructors."""
        if (module, name) not in _SAFE:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}, and a batch of images holds arrays alone")
        return _SAFE[module, name]


def read_batches(files: list[Path], label: bytes, classes: int) -> tuple[Tensor, Tensor]:
    """Return the images and classes of several batch files.

    Args:
        files: in order.
        label: key of the classes, ``b"labels"`` or ``b"fine_labels"``.
        classes: how many there are.

    Returns:
        Images (n, 3, 32, 32), uint8, and class indices (n,), int64.

    Raises:
        ActsearchError: a file is not such a batch.
    """
    batches = [_read(file, label, classes) for file in files]
    return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])


def _read(file: Path, label: bytes, classes: int) -> tuple[Tensor, Tensor]:
    try:
        batch = _ArraysOnly(io.BytesIO(file.read_bytes()), encoding="bytes").load()
        images, labels = np.asarray(batch[b"data"]), np.asarray(batch[label])
    except Exception as error:  # a damaged pickle may raise anything
        raise ActsearchError(f"'{file}' is not a batch of CIFAR's python version: {error}; unpack it anew") from error
    whole = images.dtype == np.uint8 and labels.ndim == 1 and images.shape == (labels.size, 3 * 32 * 32)
    if not whole or not labels.size or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise ActsearchError(
            f"'{file}' is not a batch of CIFAR's python version: its images are {images.dtype} {images.shape} "
            f"and its classes {labels.dtype} {labels.shape}; unpack it anew"
        )
    return torch.from_numpy(images.reshape(-1, 3, 32, 32).copy()), torch.from_numpy(labels.astype(np.int64))
