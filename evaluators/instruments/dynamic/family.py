"""The low-dimensional smooth family that a dynamic activation moves in, and one step of descent in it.

The raw EAFO flow is a backward heat equation (:mod:`evaluators.instruments.dynamic.flow`): the finer the grid, the
sooner it blows up. So the function moves in four directions only, each smooth and local::

    f(x) = scale*(base(x) + gaussian(z)*(c0 + c1*z + c2*z**2 + c3*z**3)),    z = (x - centre)/width

``c1`` alone, centred at 0 and of width 1, is the correction of CRReLU. The entropy is that of the
standardised, smoothed output, the size of a step shrinks, the slope of the bump is bounded, and
``scale`` keeps the second moment of the output where the base has it. Centre and width follow the
running density (:mod:`evaluators.instruments.dynamic.placement`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
import torch
from torch import Tensor

from evaluators.theory.density import Array, binned
from evaluators.theory.entropy import Output
from primitives import Expression
from primitives.expression import X
from primitives.table import gaussian

DEGREE = 3
SMOOTHING = 0.4
"""Noise under which a dynamic activation's entropy is taken: coarser than the prior's, and 3 times as fast."""

_RIDGE = 1e-3
_NEGLIGIBLE = 1e-9
_PROJECTIONS = 4
_POWERS = np.arange(DEGREE + 1)
_IDENTITY = np.eye(DEGREE + 1)


def _basis(z: Array) -> Array:
    """Return gaussian(z)*z^k, shape (4, n)."""
    z = np.clip(z, -40.0, 40.0)  # the Gaussian is 0 there, and a power of z stays small
    basis: Array = np.exp(-(z**2) / 2) * z ** _POWERS[:, None]
    return basis


def _basis_slopes(z: Array) -> Array:
    """Return the derivatives of the basis by z, shape (4, n)."""
    falling = _POWERS[:, None] * z ** np.maximum(_POWERS - 1, 0)[:, None]
    slopes: Array = np.exp(-(z**2) / 2) * (falling - z ** (_POWERS + 1)[:, None])
    return slopes


_SLOPES = _basis_slopes(np.linspace(-4.0, 4.0, 161))
"""Where the bound on the bump's slope is enforced; between these points it may exceed it by 0.5 %."""


@dataclass(frozen=True)
class Shape:
    """One member of the family.

    Attributes:
        steepness, offset: z = steepness*x + offset, so the width is 1/steepness.
        scale: factor of the base.
        bump: the factors of gaussian(z)*z^k, k = 0 to 3: scale*c.
    """

    steepness: float = 1.0
    offset: float = 0.0
    scale: float = 1.0
    bump: tuple[float, ...] = (0.0,) * (DEGREE + 1)

    @property
    def coefficients(self) -> Array:
        """The bump relative to the base: c0 to c3, shape (4,)."""
        return np.array(self.bump) / self.scale

    @property
    def table(self) -> list[float]:
        """What a forward and a backward pass need, highest powers first; see :func:`tabulated`."""
        d0, d1, d2, d3 = self.bump
        slopes = (-d3, -d2, 3 * d3 - d1, 2 * d2 - d0, d1)
        return [self.steepness, self.offset, 0.0, d3, d2, d1, d0, self.scale, *(self.steepness * s for s in slopes)]

    def expression(self, base: Expression) -> Expression:
        """Return the function as a formula with these numbers; the base's parameters stay learnable."""
        z = sympy.Float(self.steepness) * X + sympy.Float(self.offset)
        polynomial = sympy.Add(*(sympy.Float(d) * z**k for k, d in enumerate(self.bump) if d))
        scale = sympy.Integer(1) if self.scale == 1.0 else sympy.Float(self.scale)
        return Expression(scale * base.body + gaussian(z) * polynomial, base.initial)


def tabulated(table: Tensor) -> Shape:
    """Return the shape that a table, shape (13,), was made from."""
    steepness, offset, _, d3, d2, d1, d0, scale, *_ = table.tolist()
    return Shape(steepness, offset, scale, (d0, d1, d2, d3))


# --- the density of the input -------------------------------------------------------------------


@lru_cache(maxsize=16)
def _points(bins: int) -> Array:
    """Return z at the middle of each bin; the bins are equal in z/(1 + |z|), so nothing lies outside."""
    u = (np.arange(bins) + 0.5) * (2 / bins) - 1
    points: Array = u / (1 - np.abs(u))
    return points


@lru_cache(maxsize=16)
def _basis_at_bins(bins: int) -> Array:
    return _basis(_points(bins))


def histogram(values: Array, shape: Shape, bins: int) -> Array:
    """Return the share of the values in each bin, shape (bins,)."""
    z = shape.steepness * values + shape.offset
    positions = (z / (1 + np.abs(z)) + 1) * (bins / 2) - 0.5
    return binned(positions, np.full(len(values), 1 / len(values)), bins)


@dataclass(frozen=True, eq=False)
class Ground:
    """The base and the family's basis where the input has mass.

    Attributes:
        z: the n nodes.
        base, slopes: base(x) and its derivative at the nodes.
        basis: shape (4, n).
        weights: the mass of each node, summing to 1.
    """

    z: Array
    base: Array
    slopes: Array
    basis: Array
    weights: Array

    def values(self, shape: Shape) -> Array:
        """Return f at the nodes, shape (n,)."""
        bump: Array = np.array(shape.bump) @ self.basis
        return shape.scale * self.base + bump

    def output(self, shape: Shape) -> Output:
        """Return the standardised, smoothed output."""
        return Output(self.values(shape), self.weights, SMOOTHING)


def ground(
    value: Callable[..., Tensor],
    slopes: Callable[..., tuple[Tensor, ...]],
    parameters: Sequence[Tensor],
    shape: Shape,
    density: Array,
) -> Ground | None:
    """Return the base and the basis under a density, ``None`` where no step can be made.

    That is when the base is not finite or is constant on the mass, or the mass lies so far from the
    centre that the bump is not felt.

    Args:
        value: of the base, as :class:`primitives.Compiled` has it.
        slopes: of the base, likewise.
        parameters: the values of its parameters, float64.
        shape: gives centre and width.
        density: a histogram, shape (bins,).
    """
    known = tuple(float(parameter) for parameter in parameters)
    base, slope = _base_at_bins(value, slopes, known, shape.steepness, shape.offset, len(density))
    kept = density > _NEGLIGIBLE
    weights = density[kept] / density[kept].sum()
    bins = len(density)
    found = Ground(_points(bins)[kept], base[kept], slope[kept], _basis_at_bins(bins)[:, kept], weights)
    if not (np.isfinite(found.base).all() and np.isfinite(found.slopes).all()):
        return None
    second = float(weights @ found.base**2)
    deviates = second - float(weights @ found.base) ** 2 > 1e-12 * second
    return found if deviates and float((found.basis**2).sum(axis=0) @ weights) > 1e-6 else None


@lru_cache(maxsize=256)
def _base_at_bins(
    value: Callable[..., Tensor],
    slopes: Callable[..., tuple[Tensor, ...]],
    parameters: tuple[float, ...],
    steepness: float,
    offset: float,
    bins: int,
) -> tuple[Array, Array]:
    """Return the base and its derivative at the bins, which change only with the base's parameters."""
    x = torch.from_numpy((_points(bins) - offset) / steepness)
    own = [torch.tensor(parameter, dtype=torch.float64) for parameter in parameters]
    return value(x, *own).numpy(), slopes(x, *own)[0].numpy()


def refitted(old: Shape, new: Shape, at: Ground) -> Shape:
    """Return the old function with the centre and width of the new shape.

    The bump is fitted by least squares under the running density, so where there is mass the
    function changes little; where there is none, what the bump was is forgotten.

    Args:
        old: the function.
        new: centre and width.
        at: the basis at the new place under the present density.
    """
    if (old.steepness, old.offset) == (new.steepness, new.offset):
        return old
    z = old.steepness * ((at.z - new.offset) / new.steepness) + old.offset
    roots = np.sqrt(at.weights)
    bump = np.linalg.lstsq((at.basis * roots).T, (np.array(old.bump) @ _basis(z)) * roots, rcond=1e-4)[0]
    return Shape(new.steepness, new.offset, old.scale, tuple(bump.tolist()))


# --- one step -----------------------------------------------------------------------------------


def descend(shape: Shape, at: Ground, rate: float, bound: float) -> Shape:
    """Return the shape one step down the standardised entropy.

    The first variation g (dH = E[g df]) is projected on the basis in the metric of L2 under the
    input: df = -rate*Var[f]*(projection of g), so ``rate`` has no unit.

    Args:
        shape: where to start.
        at: the base and the basis under the present density.
        rate: size of the step.
        bound: largest slope of the bump, f - scale*base, anywhere, in units of the root mean square
            slope of scale*base under the present density; exceeded by at most 0.5 %.
    """
    output = at.output(shape)
    metric = (at.basis * at.weights) @ at.basis.T
    inverse = np.asarray(np.linalg.inv(metric + _RIDGE * metric.trace() * _IDENTITY), dtype=np.float64)
    pull = inverse @ (at.basis @ (at.weights * output.gradient))
    limit = bound * math.sqrt(float(at.weights @ at.slopes**2)) / shape.steepness
    wanted: Array = shape.coefficients - rate * output.deviation**2 / shape.scale * pull
    coefficients = _within(wanted, inverse, limit)
    second = float(at.weights @ at.base**2)
    scale = math.sqrt(second / float(at.weights @ (at.base + coefficients @ at.basis) ** 2))
    return Shape(shape.steepness, shape.offset, scale, tuple((scale * coefficients).tolist()))


def _within(coefficients: Array, inverse: Array, limit: float) -> Array:
    """Return coefficients near these whose bump has no slope by z beyond a limit.

    They are projected, in the metric whose inverse is given, on one violated half-space after the
    other, so that a step slides along the bound; what then is left is removed by shrinking.
    """
    for _ in range(_PROJECTIONS):
        slopes = coefficients @ _SLOPES
        worst = int(np.abs(slopes).argmax())
        excess = abs(slopes[worst]) - limit
        if excess <= 0:
            return coefficients
        normal = inverse @ _SLOPES[:, worst]
        coefficients = coefficients - math.copysign(excess, slopes[worst]) / (normal @ _SLOPES[:, worst]) * normal
    steepest = float(np.abs(coefficients @ _SLOPES).max())
    return coefficients * min(1.0, limit / steepest)
