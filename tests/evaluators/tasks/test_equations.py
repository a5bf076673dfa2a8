"""The equations' solutions by a second way, and their networks at the boundary."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from evaluators.tasks.catalogue import load_task


def test_burgers_solution_is_that_of_finite_differences():
    task = load_task("pinn-burgers")
    x = np.linspace(-1, 1, 801)
    step = x[1] - x[0]

    def slope(_, u):
        change = np.zeros_like(u)
        flux = u[1:-1] * (u[2:] - u[:-2]) / (2 * step)
        change[1:-1] = task.viscosity * (u[2:] - 2 * u[1:-1] + u[:-2]) / step**2 - flux
        return change

    found = solve_ivp(slope, (0, 1), -np.sin(np.pi * x), method="BDF", t_eval=[0.3, 0.6, 1.0], rtol=1e-7, atol=1e-9)
    for time, values in zip(found.t, found.y.T, strict=True):
        points = np.stack([np.full_like(x, 2 * time - 1), x], axis=1)
        assert task.solution(points) == pytest.approx(values, abs=1e-3)


def poisson(points):
    x, y = (math.pi * points).split(1, dim=1)
    return x.sin() * y.sin() + 0.5 * (2 * x).sin() * (3 * y).sin()


def helmholtz(points):
    x, y = (math.pi * points).split(1, dim=1)
    return x.sin() * (4 * y).sin()


@pytest.mark.parametrize(("name", "network"), [("pinn-poisson", poisson), ("pinn-helmholtz", helmholtz)])
def test_the_solution_leaves_no_residual(name, network):
    task, points = load_task(name), some_points()
    assert network(points)[:, 0].numpy() == pytest.approx(task.solution(points.numpy()))
    assert float(task.residual(network, points).abs().max()) < 1e-12


def test_the_residual_of_burgers_equation_is_what_its_formula_says():
    task, points = load_task("pinn-burgers"), some_points()
    time, x = points.split(1, dim=1)
    said = task.residual(lambda some: some[:, 1:] ** 2 * (1 + some[:, :1]), points)
    by_hand = 2 * x**2 + x**2 * (1 + time) * 2 * x * (1 + time) - task.viscosity * 2 * (1 + time)
    torch.testing.assert_close(said, by_hand)


@pytest.mark.parametrize("name", ["pinn-poisson", "pinn-helmholtz", "pinn-burgers"])
def test_a_network_is_right_at_the_boundary_whatever_its_weights(name):
    task = load_task(name)
    edge = torch.tensor([[-1.0, 0.3], [0.2, 1.0]], dtype=torch.float64)
    outputs = task.network(torch.nn.Tanh, 1.0).double()(edge)[:, 0].detach()
    assert outputs.numpy() == pytest.approx(task.solution(edge.numpy()), abs=1e-6)


def some_points():
    return torch.rand(32, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 1.8 - 0.9
