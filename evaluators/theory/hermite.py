"""Activations in Hermite polynomials: what share of the output each degree carries, and the map of correlations.

With X standard normal and f(x) = sum of a_k He_k(x)/sqrt(k!), the output's second moment is the sum of the a_k^2.
Two inputs of correlation c leave a wide layer, whose weights are gain-corrected and which has no bias, with the
correlation C(c) = sum of a_k^2 c^k over the sum of a_k^2 (Poole et al. 2016, arXiv 1606.05340, with the expansion of
Daniely et al. 2016, arXiv 1602.05897, section 4).
"""

from __future__ import annotations

import numpy as np

from evaluators.theory.density import Array

DEGREES = 32
"""The highest degree that is computed; what is above counts as one degree more, see :func:`fixed_point`."""

_STEPS = 12
_FARTHEST = 1e4


def basis(nodes: Array, degrees: int = DEGREES) -> Array:
    """Return the polynomials He_k(x)/sqrt(k!) for k from 0 to ``degrees``, shape (nodes, degrees + 1)."""
    columns = [np.ones_like(nodes), nodes]
    for k in range(1, degrees):
        columns.append((nodes * columns[k] - np.sqrt(k) * columns[k - 1]) / np.sqrt(k + 1))
    return np.stack(columns[: degrees + 1], axis=1)


def fixed_point(shares: Array, slope: Array) -> Array:
    """Return the correlation to which two inputs of many layers come, in [0, 1]: the smallest c >= 0 with C(c) = c.

    It is 1 where they merge (a chi1 of 1 at most) and below where they part (Schoenholz et al. 2017, arXiv
    1611.01232, section 3). What the degrees leave over is taken as one power of c, such that C rises at 1 as it should.
    Newton's steps from 0 never pass the point, as C is convex; where C only just touches the line at 1 they end
    below 3e-4 short of it.

    Args:
        shares: of the second moment by degree, shape (n, degrees + 1).
        slope: C'(1), that is chi1, shape (n,).
    """
    degrees = np.arange(shares.shape[1], dtype=float)
    rest = np.clip(1 - shares.sum(axis=1), 0.0, 1.0)
    far = np.clip((slope - shares @ degrees) / np.maximum(rest, 1e-12), len(degrees), _FARTHEST)
    rising = shares[:, 1:] * degrees[1:]
    point = np.zeros(len(shares))
    for _ in range(_STEPS):
        powers = np.cumprod(np.repeat(point[:, None], len(degrees) - 1, axis=1), axis=1)
        last = rest * point ** (far - 1)
        above = shares[:, 0] + np.einsum("nk,nk->n", shares[:, 1:], powers) + last * point - point
        falling = rising[:, 0] + np.einsum("nk,nk->n", rising[:, 1:], powers[:, :-1]) + last * far - 1
        point = np.clip(point - above / np.minimum(falling, -1e-9), 0.0, 1.0)
    return point
