"""The eigenvalues of the Fisher information of a real network at initialisation.

Bingham & Miikkulainen 2023 (AQuaSurF, arXiv 2301.05785) describe an activation function by them. Theirs is the
information of the model's own predictions; here it is the empirical one of n training examples and their targets,
F = 1/n sum g g^T over the gradients g of each example's loss. Its eigenvalues other than 0 are those of the Gram matrix
1/n G G^T, whose entries are products of two gradients, so a network of any size takes an eigenproblem of size n.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from evaluators.instruments.start import example_loss, starts, trained_parameters
from evaluators.theory.density import Array
from evaluators.training.task import ActivationFactory, Data, Task

LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1.0)
"""Quantiles of the spectrum that describe it."""
FLOOR = 1e-12
"""Share of the largest eigenvalue below which one is rounding, and counts as that."""

_LEAST = 1e-30
_CHUNK = 128
_NUMBERS = 2**27
"""How many numbers of gradients are held at once, unless one parameter alone has more."""


def log_spectrum(
    task: Task,
    activation: ActivationFactory,
    gain: float,
    seeds: Sequence[int] = (0, 1, 2),
    examples: int = 128,
    device: torch.device | None = None,
) -> Array:
    """Return quantiles of the log10 of the eigenvalues other than 0, means over initialisations, shape (levels,).

    Args:
        task: gives network, training data as ``Task.batch`` loads them, and loss.
        activation: called once for each place that needs an activation layer.
        gain: initialisation factor of the layers after an activation.
        seeds: one network and one batch each; the global generator is left as it was.
        examples: of the training part in a batch.
        device: where; the CPU when ``None``.

    Returns:
        The quantiles at :data:`LEVELS`; NaN where a gradient is not finite.
    """
    found = [log_quantiles(spectrum(task, *start)) for start in starts(task, activation, gain, seeds, examples, device)]
    mean: Array = np.mean(found, axis=0)
    return mean


def spectrum(task: Task, network: nn.Module, batch: Data) -> Array:
    """Return the largest eigenvalues of the empirical Fisher information, as many as can differ from 0, ascending.

    That is the number of examples or of parameters, whichever is smaller; NaN where a gradient is not finite.
    """
    products = gram(task, network, batch)
    most = min(len(products), sum(p.numel() for p in trained_parameters(network).values()))
    if not bool(products.isfinite().all()):
        return np.full(most, np.nan)
    values: Array = torch.linalg.eigvalsh(products).numpy()
    return values[-most:]


def gram(task: Task, network: nn.Module, batch: Data) -> Tensor:
    """Return 1/n G G^T of the gradients of n examples, float64 on the CPU, shape (n, n), in network's mode."""
    count = len(batch)
    total = torch.zeros(count, count, dtype=torch.float64)
    loss = example_loss(task, network)
    for block in _blocks(trained_parameters(network), _NUMBERS // count):
        # The fused attention kernels have no rule for vmap; the plain one is exact and vectorises.
        with sdpa_kernel(SDPBackend.MATH):
            slopes = vmap(grad(loss), (None, 0, 0), chunk_size=_CHUNK)(block, batch.inputs, batch.targets)
        for rows in slopes.values():
            wide = rows.detach().flatten(1).cpu().double()
            total += wide @ wide.T
    return total / count


def _blocks(parameters: dict[str, Tensor], most: int) -> Iterator[dict[str, Tensor]]:
    """Yield the parameters in pieces of so many numbers at most, or of one parameter."""
    block: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        if block and sum(p.numel() for p in block.values()) + parameter.numel() > most:
            yield block
            block = {}
        block[name] = parameter
    if block:
        yield block


def log_quantiles(eigenvalues: Array) -> Array:
    """Return the log10 of eigenvalues at :data:`LEVELS`, none below :data:`FLOOR` of the largest nor below 1e-30."""
    if not np.isfinite(eigenvalues).all():
        return np.full(len(LEVELS), np.nan)
    least = max(_LEAST, FLOOR * float(eigenvalues.max()))
    quantiles: Array = np.quantile(np.log10(np.maximum(eigenvalues, least)), LEVELS)
    return quantiles
