"""``pinn-poisson``, ``pinn-helmholtz`` and ``pinn-burgers``: networks that solve a differential equation.

What is lowered in training is the residual of the equation at scattered points; initial and boundary values hold by
construction, since the network is multiplied by a function that vanishes there (Lagaris et al. 1998, arXiv
physics/9705023). The error compares with a solution that no network has seen.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evaluators.tasks.networks import mlp
from evaluators.tasks.networks.differential import gradient_and_second
from evaluators.tasks.parts import Parts
from evaluators.training.task import ActivationFactory, Data, Network, Part, Recipe, Task

Values = NDArray[np.float64]
_SIZES: dict[Part, int] = {"train": 4096, "validation": 2048, "test": 2048}


class Ansatz(nn.Module):
    """What a network is made into: ``given + vanishing * network``, right at the boundary whatever the network is."""

    def __init__(self, inner: nn.Module, equation: Equation) -> None:
        super().__init__()
        self.inner = inner
        self._given, self._vanishing = equation.given, equation.vanishing

    def forward(self, points: Tensor) -> Tensor:
        """Return the solution as far as it is known, shape (n, 1)."""
        outputs: Tensor = self._given(points) + self._vanishing(points) * self.inner(points)
        return outputs


class Equation(Task):
    """An equation in two coordinates within [-1, 1]; points are drawn evenly, those of the parts apart.

    Targets are the solution, which only scores see, and what the equation needs at the point. The error is the
    squared deviation, in mean squares of the solution over the part, so that its root is the relative L2 error.
    """

    needs = ("twice_differentiable",)
    width = 32

    @staticmethod
    @abc.abstractmethod
    def solution(points: Values) -> Values:
        """Return the solution at points (n, 2), shape (n,), without any network."""

    @abc.abstractmethod
    def residual(self, network: Network, points: Tensor) -> Tensor:
        """Return by how much the equation does not hold, shape (n, 1), in units in which 1 is large."""

    @staticmethod
    @abc.abstractmethod
    def given(points: Tensor) -> Tensor:
        """Return what is known at the boundary, continued to all points, shape (n, 1)."""

    @staticmethod
    @abc.abstractmethod
    def vanishing(points: Tensor) -> Tensor:
        """Return what is 0 where values are known and of size 1 elsewhere, shape (n, 1)."""

    @cached_property
    def _parts(self) -> Parts:
        luck = np.random.default_rng(0)
        drawn = {part: luck.uniform(-1, 1, (size, 2)) for part, size in _SIZES.items()}
        made = {}
        for part, points in drawn.items():
            values = self.solution(points)
            targets = np.stack([values, np.full_like(values, 1 / np.mean(values**2))], axis=1)
            made[part] = Data(torch.tensor(points, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32))
        return made

    def data(self, part: Part) -> Data:
        """Return points (n, 2) and targets (n, 2): the solution, and one over its mean square in the part."""
        return self._parts[part]

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the perceptron within its ansatz, about 3 thousand weights."""
        return Ansatz(mlp([2, self.width, self.width, self.width, 1], activation, gain), self)

    def loss_of(self, network: Network, inputs: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002 - nobody knows them
        """Return the mean squared residual."""
        return self.residual(network, inputs).square().mean()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared deviation from the solution; training does not see it."""
        return (outputs[:, 0] - targets[:, 0]).square().mean()

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the squared deviation from the solution in its mean squares."""
        return (outputs[:, 0] - targets[:, 0]).square() * targets[:, 1]

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return ``relative_l2``, the root of the error, and ``log_error``, its decimal logarithm."""
        share = max(1e-16, float(self.error(outputs.double(), targets.double()).mean()))
        return {"relative_l2": math.sqrt(share), "log_error": math.log10(share)}


class _Square(Equation):
    """An equation on the square, with 0 on its edges."""

    @staticmethod
    def given(points: Tensor) -> Tensor:
        return torch.zeros_like(points[:, :1])

    @staticmethod
    def vanishing(points: Tensor) -> Tensor:
        return (1 - points[:, :1].square()) * (1 - points[:, 1:].square())


class Poisson(_Square):
    """Poisson's equation on the square: the Laplacian of u is a given forcing, u is 0 on the edges.

    The solution is sin(pi x) sin(pi y) + 0.5 sin(2 pi x) sin(3 pi y) (the method of manufactured solutions); the
    network is 2-32-32-32-1 within an ansatz, trained on the residual at 4,096 points. A physics-informed network as in
    Raissi et al. 2019 (J. Comput. Phys. 378), with exact boundary values (Lagaris et al. 1998).

    Validation error after training: ReLU 20.6244, GELU 0.0002.
    """

    name = "pinn-poisson"
    recipe = Recipe(steps=400, batch_size=128, learning_rate=0.02, weight_decay=0.0)

    @staticmethod
    def solution(points: Values) -> Values:
        """Return the solution."""
        x, y = np.pi * points.T
        found: Values = np.sin(x) * np.sin(y) + 0.5 * np.sin(2 * x) * np.sin(3 * y)
        return found

    def residual(self, network: Network, points: Tensor) -> Tensor:
        """Return the Laplacian less the forcing, in root mean squares of that."""
        _, (xx, yy) = gradient_and_second(network, points, (0, 1))
        x, y = (math.pi * points).split(1, dim=1)
        square = math.pi**2
        forcing = -2 * square * x.sin() * y.sin() - 6.5 * square * (2 * x).sin() * (3 * y).sin()
        left: Tensor = (xx + yy - forcing) / (square * math.sqrt((4 + 6.5**2) / 4))
        return left


class Helmholtz(_Square):
    """Helmholtz' equation on the square: u plus its Laplacian is a given forcing, u is 0 on the edges.

    The solution is sin(pi x) sin(4 pi y), as in Wang, Teng & Perdikaris 2021 (arXiv 2001.04536), where plain
    physics-informed networks fail; the network is 2-32-32-32-1 within an ansatz, trained on the residual at 4,096
    points.

    Validation error after training: ReLU 70.1224, GELU 0.0105.
    """

    name = "pinn-helmholtz"
    recipe = Recipe(steps=400, batch_size=128, learning_rate=0.02, weight_decay=0.0)

    @staticmethod
    def solution(points: Values) -> Values:
        """Return the solution."""
        found: Values = np.sin(np.pi * points[:, 0]) * np.sin(4 * np.pi * points[:, 1])
        return found

    def residual(self, network: Network, points: Tensor) -> Tensor:
        """Return what is left of the equation, in root mean squares of the forcing."""
        _, (xx, yy) = gradient_and_second(network, points, (0, 1))
        x, y = (math.pi * points).split(1, dim=1)
        factor = 1 - 17 * math.pi**2
        left: Tensor = (xx + yy + network(points) - factor * x.sin() * (4 * y).sin()) / abs(factor / 2)
        return left


class Burgers(Equation):
    """Burgers' equation: u_t + u u_x = nu u_xx, from -sin(pi x) on, u is 0 at both ends.

    The time runs from 0 to 1 (its coordinate from -1 to 1), nu is 0.05/pi: a front forms at 0 (Raissi et al. 2019,
    J. Comput. Phys. 378, with a fifth of this viscosity). The solution is Cole and Hopf's integral by Gauss-Hermite
    quadrature (Basdevant et al. 1986); tests hold it against finite differences. The network is 2-32-32-32-1 within an
    ansatz, trained on the residual at 4,096 points.

    Validation error after training: ReLU 0.1351, GELU 0.0031.
    """

    name = "pinn-burgers"
    recipe = Recipe(steps=400, batch_size=128, learning_rate=0.02, weight_decay=0.0)
    viscosity = 0.05 / math.pi

    @staticmethod
    def solution(points: Values) -> Values:
        """Return Cole and Hopf's solution."""
        nodes, weights = np.polynomial.hermite.hermgauss(200)
        time, x = (points[:, :1] + 1) / 2, points[:, 1:]
        before = x - np.sqrt(4 * Burgers.viscosity * time) * nodes
        exponent = -np.cos(np.pi * before) / (2 * np.pi * Burgers.viscosity)
        mass = weights * np.exp(exponent - exponent.max(axis=1, keepdims=True))
        found: Values = -(mass * np.sin(np.pi * before)).sum(axis=1) / mass.sum(axis=1)
        return found

    @staticmethod
    def given(points: Tensor) -> Tensor:
        """Return the initial values."""
        return -(math.pi * points[:, 1:]).sin()

    @staticmethod
    def vanishing(points: Tensor) -> Tensor:
        """Return what is 0 at the beginning and at both ends."""
        return (1 + points[:, :1]) * (1 - points[:, 1:].square())

    def residual(self, network: Network, points: Tensor) -> Tensor:
        """Return what is left of the equation; du/dt is twice the derivative by the time's coordinate."""
        first, (xx,) = gradient_and_second(network, points, (1,))
        return 2 * first[:, :1] + network(points) * first[:, 1:] - self.viscosity * xx
