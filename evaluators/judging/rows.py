"""Functions as rows of numbers on one grid, and the averages under a standard normal that several features share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluators.theory.density import Array
from evaluators.theory.hermite import basis

_LEAST = 1e-300


@dataclass(frozen=True, eq=False)
class Grid:
    """Where functions are known, and the normal mass of each place.

    Attributes:
        nodes: inputs, symmetric about 0 and equally far apart, shape (nodes,).
        weights: the mass of each, summing to 1.
    """

    nodes: Array
    weights: Array

    @cached_property
    def step(self) -> float:
        """Distance of two nodes."""
        return float(self.nodes[1] - self.nodes[0])

    @cached_property
    def masses(self) -> Array:
        """The mass of each interval, shape (nodes - 1,)."""
        masses: Array = (self.weights[1:] + self.weights[:-1]) / 2
        return masses

    @cached_property
    def hermite(self) -> Array:
        """What turns values into Hermite coefficients, shape (nodes, degrees)."""
        return self.weights[:, None] * basis(self.nodes)


@dataclass(frozen=True, eq=False)
class Rows:
    """Finite functions that are not constant, one a row.

    Attributes:
        values: at the nodes, shape (n, nodes).
        slopes: there, same shape.
        grid: the nodes.
    """

    values: Array
    slopes: Array
    grid: Grid

    @cached_property
    def second_moment(self) -> Array:
        """E[f(X)^2]."""
        second: Array = self.values**2 @ self.grid.weights
        return np.maximum(second, _LEAST)

    @cached_property
    def mean(self) -> Array:
        """E[f(X)]."""
        mean: Array = self.values @ self.grid.weights
        return mean

    @cached_property
    def centred(self) -> Array:
        """Values less their mean."""
        centred: Array = self.values - self.mean[:, None]
        return centred

    @cached_property
    def variance(self) -> Array:
        """Var f(X)."""
        variance: Array = self.centred**2 @ self.grid.weights
        return np.maximum(variance, _LEAST)

    @cached_property
    def rises(self) -> Array:
        """The slope from each node to the next, shape (n, nodes - 1)."""
        rises: Array = np.diff(self.values, axis=1) / self.grid.step
        return rises

    @cached_property
    def mean_share(self) -> Array:
        """E[f]^2 / E[f^2]; this and the next two as :class:`evaluators.theory.meanfield.MeanField` has them."""
        share: Array = self.mean**2 / self.second_moment
        return share

    @cached_property
    def chi1(self) -> Array:
        """The factor by which a squared gradient grows from layer to layer."""
        growth = self.rises**2 @ self.grid.masses
        chi1: Array = growth / self.second_moment * float(self.grid.nodes**2 @ self.grid.weights)
        return chi1

    @cached_property
    def linear_share(self) -> Array:
        """Share of the variance that the best straight line explains."""
        weights, nodes = self.grid.weights, self.grid.nodes
        covariance = self.centred @ (weights * nodes)
        share: Array = np.minimum(1.0, covariance**2 / (float(nodes**2 @ weights) * self.variance))
        return share

    @cached_property
    def hermite_shares(self) -> Array:
        """Share of E[f^2] of each Hermite degree, see :mod:`evaluators.theory.hermite`, shape (n, degrees)."""
        shares: Array = (self.values @ self.grid.hermite) ** 2 / self.second_moment[:, None]
        return shares


def owned(sizes: Array, owners: Iterable[int], count: int) -> tuple[Array, Array]:
    """Return how many things each of ``count`` owners has, and their mean size, 0 where there are none."""
    places = np.asarray(owners, dtype=np.intp)
    number = np.bincount(places, minlength=count).astype(float)
    total = np.bincount(places, sizes, minlength=count)
    return number, total / np.maximum(number, 1.0)
