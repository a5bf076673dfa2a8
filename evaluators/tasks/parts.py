"""Splitting a data set into its three parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from evaluators.training.task import Data, Part

Parts = dict[Part, Data]


def shuffled(count: int, train: int, validation: int) -> dict[Part, Any]:
    """Return the row numbers of each part: a fixed permutation of ``count``, cut; the rest is the test part."""
    order = np.random.default_rng(0).permutation(count)
    return {
        "train": order[:train],
        "validation": order[train : train + validation],
        "test": order[train + validation :],
    }


def image_parts(images: Any, labels: Any, train: int, validation: int) -> Parts:
    """Return images (n, height, width), standardised by mean and deviation of the training part, and labels (n,)."""
    rows = shuffled(len(labels), train, validation)
    mean, deviation = images[rows["train"]].mean(), images[rows["train"]].std()
    return {
        part: Data(
            torch.tensor((images[chosen] - mean) / deviation, dtype=torch.float32),
            torch.tensor(labels[chosen], dtype=torch.long),
        )
        for part, chosen in rows.items()
    }
