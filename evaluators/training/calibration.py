"""Scores of class probabilities that say more than the share of wrong answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.optimize import minimize_scalar

if TYPE_CHECKING:
    from torch import Tensor

_FARTHEST = math.log(1e4)
"""Temperatures are looked for between 1e-4 and 1e4."""


def calibrated_loss(logits: Tensor, targets: Tensor) -> float:
    """Return the mean cross-entropy after the best single temperature (Guo et al. 2017, arXiv 1706.04599, section 4.2).

    One number scales all logits, the one that makes the loss smallest on these very examples: what
    remains does not depend on how sure of itself a network is.

    Args:
        logits: shape (n, classes).
        targets: class indices, shape (n,).

    Returns:
        Nats, at most the logarithm of the number of classes, which scaling by almost 0 reaches; NaN where a
        logit is not finite.
    """
    import torch
    from torch import nn

    logits = logits.detach().float()
    if not bool(torch.isfinite(logits).all()):
        return math.nan

    def loss(logarithm: float) -> float:
        return float(nn.functional.cross_entropy(logits * math.exp(logarithm), targets))

    best = minimize_scalar(loss, bounds=(-_FARTHEST, _FARTHEST), method="bounded", options={"xatol": 1e-4})
    return min(float(best.fun), math.log(logits.shape[1]))


def brier_score(logits: Tensor, targets: Tensor) -> float:
    """Return the mean squared distance of probabilities from the truth (Brier 1950), in [0, 2].

    Args:
        logits: shape (n, classes).
        targets: class indices, shape (n,).
    """
    import torch
    from torch import nn

    probabilities = torch.softmax(logits.detach().float(), dim=1)
    truth = nn.functional.one_hot(targets, logits.shape[1])
    return float((probabilities - truth).square().sum(dim=1).mean())
