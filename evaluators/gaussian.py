"""A standard normal pre-activation as a fixed quadrature, and what follows from it in one integral."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from primitives import Expression, compile_expression

Array = NDArray[np.float64]
Function = Callable[[Array], Array]

_REACH, _COUNT = 8.0, 16_385
NODES: Array = np.linspace(-_REACH, _REACH, _COUNT)
_DENSITY = np.exp(-(NODES**2) / 2)
# Trapezoid weights; on a smooth density that vanishes at both ends they converge geometrically.
WEIGHTS: Array = _DENSITY / _DENSITY.sum()

GAIN_LIMITS = (0.01, 100.0)


@dataclass(frozen=True)
class Samples:
    """An activation and its slopes at the quadrature nodes, at the initial parameter values.

    Attributes:
        values: f(x), shape (16385,).
        slopes: f'(x), same shape.
        parameter_slopes: the derivative by each learnable parameter, same shape each.
    """

    values: Array
    slopes: Array
    parameter_slopes: dict[str, Array] = field(default_factory=dict)


def sample(expression: Expression) -> Samples:
    """Evaluate an expression and its slopes in float64 at the nodes in [-8, 8]."""
    compiled = compile_expression(expression)
    x = torch.from_numpy(NODES)
    slope, *others = (s.expand_as(x).numpy() for s in compiled.slopes(x, *compiled.initial))
    return Samples(compiled.at(NODES), slope, dict(zip(expression.parameters, others, strict=True)))


def expectation(values: Array) -> float:
    """Return E[values] for a standard normal input."""
    return float(WEIGHTS @ values)


def gain(samples: Samples) -> float:
    """Return the factor 1/sqrt(E[f(Z)^2]) that keeps the forward signal at unit scale.

    It multiplies the standard deviation 1/sqrt(fan_in) of the layer *after* the activation, as
    He et al. (2015, arXiv 1502.01852) do for ReLU, where it is sqrt(2). Clipped to [0.01, 100].
    """
    second = expectation(samples.values**2)
    return float(np.clip(1 / np.sqrt(max(second, 1e-300)), *GAIN_LIMITS))
