"""The published comparison, as far as its first author's training logs are public.

Sun et al. 2024 (arXiv 2405.12954, ICLR 2025). The numbers are top-1 accuracies in per cent of the
last epoch on the test part, one seed (42), compiled from the logs in the repositories
Sun-Haoyuan23/Contribution-statistics (100 epochs, the first version's experiments) and
Sun-Haoyuan23/EAFO_NIPS_Rebuttal (300 epochs). They are not cells of the printed tables. CELU is
ELU there and left out; ReLU and LeakyReLU were run but are not in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from primitives import resolve
from search.studies.entropy.correlate import spearman
from search.studies.entropy.plan import Variant, crrelu
from search.studies.entropy.scores import integrals

CITATION = (
    "Accuracies (top-1, %) of the last epoch on the test part, one seed, compiled from the training logs that the "
    "first author of arXiv 2405.12954 published (100 epochs: Sun-Haoyuan23/Contribution-statistics, 300 epochs: "
    "Sun-Haoyuan23/EAFO_NIPS_Rebuttal); not cells of the printed tables. ε₀ is CRReLU's first epsilon. "
    "StarReLU on CIFAR-100 DeiT-B ran without the drop path its rivals had; CRReLU's log of CIFAR-100 ConvNeXt-L "
    "ends at epoch 298."
)

_100_EPOCHS = """
model                   eps0   gelu    elu  prelu   silu   mish crrelu   relu leaky_relu
CIFAR-10_ViT-Tiny       0.01  70.57  66.86  78.63  68.30  68.67  80.21  80.77  80.51
CIFAR-10_DeiT-Tiny      0.01  71.64  67.14  75.26  69.38  69.51  76.78      -      -
CIFAR-10_TNT-Small      0.01  74.29  68.88  76.09  71.87  72.50  77.55      -      -
CIFAR-100_ViT-Tiny      0.01  32.22  28.71  42.14  30.62  29.71  45.94      -      -
CIFAR-100_DeiT-Tiny     0.01  45.99  39.96  49.35  42.90  42.94  50.82      -      -
CIFAR-100_TNT-Small     0.01  48.38  43.48  49.77  45.86  46.43  50.83      -      -
ImageNet_ViT-Tiny       0.01  54.23  38.39  57.20  46.85  47.94  57.92      -      -
ImageNet_DeiT-Tiny      0.01  61.91  49.73  61.22  58.38  59.21  61.52      -      -
"""
_300_EPOCHS = """
model                   eps0   gelu    elu  prelu   silu   mish crrelu   relu star_relu
CIFAR-10_ViT-Tiny       -0.1  84.36  76.30  89.09  80.43  80.80  88.68      -  87.61
CIFAR-10_DeiT-Tiny      -0.1  86.27  78.17  87.29  82.01  82.61  87.66      -  87.36
CIFAR-10_DeiT-Base      0.01  90.20  87.49  90.04  90.37  90.53  90.11      -  90.19
CIFAR-10_ResNet-18       0.1  94.65  93.03  94.27  94.67  94.68  94.57  94.41      -
CIFAR-10_ConvNeXt-Tiny  -0.1  81.54  74.22  84.02  80.62  80.60  84.54      -  83.19
CIFAR-10_ConvNeXt-Large -0.5  85.19  80.09  86.66  84.53  84.59  87.05      -  86.64
CIFAR-100_ViT-Tiny      -0.1  58.01  47.10  63.59  51.07  51.21  63.58      -  60.35
CIFAR-100_DeiT-Tiny     -0.1  65.16  55.17  64.61  61.91  62.32  64.38      -  62.16
CIFAR-100_DeiT-Base     0.01  65.50  64.82  65.19  65.47  66.08  66.67      -  63.37
CIFAR-100_ResNet-18      0.5  74.95  74.48  73.32  75.09  75.29  74.95  74.74      -
CIFAR-100_ConvNeXt-Tiny -0.5  58.12  49.27  56.17  56.04  56.50  58.13      -  56.03
CIFAR-100_ConvNeXt-Large -0.6 58.57  56.84  60.55  56.44  56.93  59.73      -  59.84
"""


@dataclass(frozen=True)
class Logged:
    """One row of the logs.

    Attributes:
        epochs: 100 or 300.
        model: data and network.
        epsilon: CRReLU's first epsilon there.
        accuracies: top-1 in per cent by library name.
    """

    epochs: int
    model: str
    epsilon: float
    accuracies: dict[str, float]

    def variants(self) -> tuple[Variant, ...]:
        """Return the functions of the row, CRReLU with the row's epsilon."""
        others = {name: Variant(name, str(resolve(name))) for name in self.accuracies if name != "crrelu"}
        return tuple(others.get(name, crrelu(self.epsilon)) for name in self.accuracies)


def _logged(epochs: int, text: str) -> tuple[Logged, ...]:
    (_, _, *names), *rows = (line.split() for line in text.strip().splitlines())
    return tuple(
        Logged(
            epochs,
            model.replace("_", " "),
            float(epsilon),
            {name: float(value) for name, value in zip(names, values, strict=True) if value != "-"},
        )
        for model, epsilon, *values in rows
    )


LOGS = (*_logged(100, _100_EPOCHS), *_logged(300, _300_EPOCHS))


def paper_scores() -> pd.DataFrame:
    """Return the integral scores of every function of the logs, one row each, indexed by name."""
    variants = {variant.name: variant for row in LOGS for variant in row.variants()}
    return pd.DataFrame({name: integrals(resolve(v.expression)) for name, v in variants.items()}).T


def paper_correlations(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlation of every score with the accuracies of every row of the logs.

    Args:
        scores: of :func:`paper_scores`.
    """
    rows = []
    for row in LOGS:
        names = [variant.name for variant in row.variants()]
        accuracies = np.array(list(row.accuracies.values()))
        found = {
            score: spearman(scores.loc[names, score].to_numpy(dtype=float), accuracies) for score in scores.columns
        }
        rows.append({"epochs": row.epochs, "model": row.model, "functions": len(names)} | found)
    return pd.DataFrame(rows)
