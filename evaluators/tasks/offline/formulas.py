"""The formulas of ``ood-regression``: polynomials, harmonics, and physics of one to three inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Formula:
    """A function to learn.

    Attributes:
        name: with the number of the equation in the Feynman Lectures, as in Udrescu & Tegmark
            2020 (arXiv 1905.11481), where it has one.
        function: of as many tensors as it has inputs.
        centres, spans: each input is centre + span * u; training sees u in [-1, 1], scoring
            reaches 2.
    """

    name: str
    function: Callable[..., Tensor]
    centres: tuple[float, ...]
    spans: tuple[float, ...]

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return len(self.centres)

    def __call__(self, u: Tensor) -> Tensor:
        """Return values (n,) at scaled inputs u of shape (n, inputs)."""
        scaled = torch.tensor(self.centres, dtype=u.dtype) + torch.tensor(self.spans, dtype=u.dtype) * u
        return self.function(*scaled.unbind(dim=1))


def _interference(one: Tensor, two: Tensor, phase: Tensor) -> Tensor:
    return one + two + 2 * (one * two).sqrt() * phase.cos()


FORMULAS = (
    Formula("square", lambda x: x**2, (0.5,), (1.0,)),
    Formula("cubic", lambda x: x**3 - x, (0.0,), (1.5,)),
    Formula("saddle", lambda x, y: x * y + 0.5 * x, (0.0, 0.0), (1.0, 1.0)),
    Formula("quartic", lambda x, y, z: x**4 - x * y**2 + z, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    Formula("sine", torch.sin, (0.0,), (3.0,)),
    Formula("chord", lambda x: torch.sin(2 * x) + 0.5 * torch.cos(5 * x), (0.0,), (1.5,)),
    Formula("trend and wave", lambda x: x + torch.sin(2 * x), (0.0,), (2.5,)),
    Formula("product of waves", lambda x, y: torch.sin(x) * torch.cos(y), (0.0, 0.0), (2.0, 2.0)),
    Formula("I.6.20a normal density", lambda x: torch.exp(-(x**2) / 2), (1.5,), (1.0,)),
    Formula("I.12.2 Coulomb's force", lambda q, p, r: q * p / r**2, (2.0, 2.0, 2.0), (1.0, 1.0, 0.6)),
    Formula("I.16.6 addition of velocities", lambda u, v: (u + v) / (1 + u * v), (0.0, 0.0), (0.45, 0.45)),
    Formula("I.18.12 torque", lambda r, f, a: r * f * a.sin(), (2.0, 2.0, 1.5), (1.0, 1.0, 1.5)),
    Formula("I.27.6 focal length", lambda d, e, n: 1 / (1 / d + n / e), (2.5, 2.5, 1.5), (1.0, 1.0, 0.5)),
    Formula("I.37.4 interference", _interference, (2.5, 2.5, 0.0), (1.0, 1.0, 1.5)),
    Formula("I.40.1 barometric formula", lambda n, h: n * torch.exp(-h), (2.0, 1.5), (1.0, 1.0)),
    Formula("III.4.32 Bose-Einstein occupation", lambda x: 1 / torch.expm1(x), (2.0,), (0.8,)),
)
