"""A pre-activation as a fixed, deterministic quadrature, and what follows from it in one integral."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from evaluators.theory.density import Array, Density, EmpiricalDensity, parse_density
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

    The nodes are equidistant under the sum of arcsinh((x - centre)/scale) over the density's
    parts, so that narrow parts are resolved and heavy tails reached, with one at 0, where
    activations have their kinks. For the standard normal they are equidistant.

    Args:
        density: what to integrate against.
        count: about how many nodes; fewer are faster and less exact.
    """
    if density is NORMAL_DENSITY:
        nodes = np.linspace(-8.0, 8.0, count)
        weights = np.exp(-(nodes**2) / 2)
    else:
        nodes, spacing = _nodes(density, count)
        weights = np.maximum(density.pdf(nodes), 0.0) * spacing
    return Quadrature(nodes, weights / weights.sum(), density)


def _nodes(density: Density, count: int) -> tuple[Array, Array]:
    """Return the nodes and how far apart they lie, up to a common factor."""
    centres, scales = np.array(density.parts).T[:, :, None]

    def level(x: Array) -> Array:
        total: Array = np.arcsinh((x - centres) / scales).sum(axis=0)
        return total

    def spacing(x: Array) -> Array:
        inverse: Array = (1 / np.hypot(x - centres, scales)).sum(axis=0)
        return 1 / inverse

    ends = np.arcsinh((np.array(density.reach) - centres) / scales)
    table = np.unique(centres + scales * np.sinh(ends[:, :1] + np.diff(ends) * np.linspace(0, 1, 4096)))
    levels = level(table)
    step, zero = (levels[-1] - levels[0]) / (count - 1), float(level(np.zeros(1))[0])
    wanted = zero + step * np.arange(np.ceil((levels[0] - zero) / step), np.floor((levels[-1] - zero) / step) + 1)
    nodes: Array = np.interp(wanted, levels, table)
    for _ in range(3):
        nodes -= (level(nodes) - wanted) * spacing(nodes)
    nodes[np.abs(wanted - zero) < step / 2] = 0.0
    return nodes, spacing(nodes)


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
    import torch

    compiled = compile_expression(expression)
    x = torch.from_numpy(under.nodes)
    slope, *others = (s.expand_as(x).numpy() for s in compiled.slopes(x, *compiled.initial))
    return Samples(compiled.at(under.nodes), slope, dict(zip(expression.parameters, others, strict=True)), under)


def finite_sample(expression: Expression, under: Quadrature) -> Samples:
    """Evaluate an expression where the density has mass.

    Raises:
        ActsearchError: it is not finite there, is constant there, or its variance is not finite.
    """
    samples = sample(expression, under)
    bad = ~(np.isfinite(samples.values) & np.isfinite(samples.slopes))
    if bad.any():
        where = under.nodes[bad][np.argmin(np.abs(under.nodes[bad] - under.density.centre))]
        raise ActsearchError(
            f"'{expression.formula}' is not finite at x = {where:.4g}, "
            f"where the input density '{under.density}' has mass"
        )
    if not has_variance(samples.values, under):
        raise ActsearchError(
            f"'{expression.formula}' has no finite variance, or none that can be computed, "
            f"under the input density '{under.density}'"
        )
    spread = under.expectation((samples.values - under.expectation(samples.values)) ** 2)
    if spread <= (1e-9 * np.abs(samples.values).max()) ** 2:
        raise ActsearchError(
            f"'{expression}' is constant where the input density '{under.density}' has mass; "
            "there is nothing to measure"
        )
    return samples


def has_variance(values: Array, under: Quadrature) -> bool:
    """Tell whether values at the nodes have a finite variance, as far as a quadrature can see.

    They have none when, in a tail of the density that fades to nothing, what a node adds to the
    second moment has not faded too. A sample always has one.
    """
    if isinstance(under.density, EmpiricalDensity):
        return bool(np.isfinite(values).all())
    with np.errstate(over="ignore"):
        square = under.weights * values**2
    if not np.isfinite(square.sum()):
        return False
    fades = under.density.pdf(under.nodes[[0, -1]]) < 1e-9 / under.density.scale
    return not (fades & (square[[0, -1]] > 1e-3 * square.max())).any()


def gain(samples: Samples) -> float:
    """Return the factor 1/sqrt(E[f(Z)^2]) that keeps the forward signal at unit scale.

    It multiplies the standard deviation 1/sqrt(fan_in) of the layer *after* the activation, as
    He et al. (2015, arXiv 1502.01852) do for ReLU, where it is sqrt(2). Clipped to [0.01, 100].
    """
    second = samples.under.expectation(samples.values**2)
    return float(np.clip(1 / np.sqrt(max(second, 1e-300)), *GAIN_LIMITS))
