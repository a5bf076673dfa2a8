"""A pre-activation as a fixed, deterministic quadrature, and what follows from it in one integral."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from evaluators.density import Array, Density, parse_density
from primitives import ActsearchError, Expression, compile_expression

_COUNT = 16_385
GAIN_LIMITS = (0.01, 100.0)


@dataclass(frozen=True, eq=False)
class Quadrature:
    """Nodes with weights for expectations under a density.

    Trapezoid weights: on a smooth density that vanishes at both ends they converge
    geometrically; a kink of the integrand costs about the square of the node distance.

    Attributes:
        nodes: inputs, increasing, shape (n,).
        weights: the mass that each stands for, summing to 1.
        density: what is integrated against.
    """

    nodes: Array
    weights: Array
    density: Density

    def expectation(self, values: Array) -> float:
        """Return E[values] for values at the nodes."""
        return float(self.weights @ values)


@lru_cache(maxsize=64)
def quadrature(density: Density, count: int = _COUNT) -> Quadrature:
    """Return the quadrature of a density.

    The nodes are equidistant under a hyperbolic sine, so that heavy tails are reached, with one
    at 0, where activations have their kinks. For the standard normal they are equidistant.

    Args:
        density: what to integrate against.
        count: about how many nodes; fewer are faster and less exact.
    """
    low, high = density.reach
    if density is NORMAL_DENSITY:
        nodes = np.linspace(-8.0, 8.0, count)
        weights = np.exp(-(nodes**2) / 2)
    else:
        first, last = (np.arcsinh((end - density.centre) / density.scale) for end in (low, high))
        step = (last - first) / (count - 1)
        kink = np.arcsinh(-density.centre / density.scale)
        at = kink + step * np.arange(np.ceil((first - kink) / step), np.floor((last - kink) / step) + 1)
        nodes = density.centre + density.scale * np.sinh(at)
        nodes[np.abs(nodes) < 1e-9 * density.scale] = 0.0
        weights = np.maximum(density.pdf(nodes), 0.0) * np.cosh(at)
    return Quadrature(nodes, weights / weights.sum(), density)


NORMAL_DENSITY = parse_density("normal")
NORMAL = quadrature(NORMAL_DENSITY)
"""The standard normal on 16,385 nodes in [-8, 8]."""


@dataclass(frozen=True, eq=False)
class Samples:
    """An activation and its slopes at the quadrature nodes, at the initial parameter values.

    Attributes:
        values: f(x), shape (n,).
        slopes: f'(x), same shape.
        parameter_slopes: the derivative by each learnable parameter, same shape each.
        under: the quadrature.
    """

    values: Array
    slopes: Array
    parameter_slopes: dict[str, Array] = field(default_factory=dict)
    under: Quadrature = NORMAL


def sample(expression: Expression, under: Quadrature = NORMAL) -> Samples:
    """Evaluate an expression and its slopes in float64 at the nodes of a quadrature."""
    compiled = compile_expression(expression)
    x = torch.from_numpy(under.nodes)
    slope, *others = (s.expand_as(x).numpy() for s in compiled.slopes(x, *compiled.initial))
    return Samples(compiled.at(under.nodes), slope, dict(zip(expression.parameters, others, strict=True)), under)


def finite_sample(expression: Expression, under: Quadrature) -> Samples:
    """Evaluate an expression where the density has mass.

    Raises:
        ActsearchError: it is not finite there, or its variance under the density is not.
    """
    samples = sample(expression, under)
    bad = ~(np.isfinite(samples.values) & np.isfinite(samples.slopes))
    if bad.any():
        where = under.nodes[bad][np.argmin(np.abs(under.nodes[bad] - under.density.centre))]
        raise ActsearchError(
            f"'{expression.formula}' is not finite at x = {where:.4g}, "
            f"where the input density '{under.density}' has mass"
        )
    square = under.weights * samples.values**2
    edge = max(1, len(square) // 64)
    if not np.isfinite(square.sum()) or square[:edge].sum() + square[-edge:].sum() > 0.01 * square.sum():
        raise ActsearchError(f"'{expression.formula}' has no finite variance under the input density '{under.density}'")
    return samples


def gain(samples: Samples) -> float:
    """Return the factor 1/sqrt(E[f(Z)^2]) that keeps the forward signal at unit scale.

    It multiplies the standard deviation 1/sqrt(fan_in) of the layer *after* the activation, as
    He et al. (2015, arXiv 1502.01852) do for ReLU, where it is sqrt(2). Clipped to [0.01, 100].
    """
    second = samples.under.expectation(samples.values**2)
    return float(np.clip(1 / np.sqrt(max(second, 1e-300)), *GAIN_LIMITS))
