"""What the theory says of one activation under one input density, and under those of a real network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from evaluators.instruments.collect import PreActivations
from evaluators.theory.density import Density, EmpiricalDensity
from evaluators.theory.entropy import Output, output, raw_entropy
from evaluators.theory.meanfield import MeanField, mean_field
from evaluators.theory.quadrature import NORMAL, finite_sample, gain, has_variance, quadrature
from evaluators.training.pieces import SCORED_AT_ONCE, Diverged, autocast, fresh_network, on_device, seeded
from evaluators.training.single import fit
from evaluators.training.task import AnyTask, OwnLoop, Task
from primitives import ActsearchError, Expression, compile_expression

_EXAMPLES = 1024


@dataclass(frozen=True)
class Measures:
    """Numbers of an activation under an input density; entropies in nats.

    Attributes:
        input_mean, input_deviation: of the density; NaN where it has no finite variance.
        entropy: standardised and smoothed, lower is better by EAFO; 1.4239 at most.
        correction: size of the remaining correction, dimensionless.
        raw_entropy: differential entropy of the output; minus infinity with an atom.
        limit: of ``entropy`` as the noise shrinks.
        atom: output mass on single points.
        mean_field: second moment, mean share, gradient growth and linear share.
    """

    input_mean: float
    input_deviation: float
    entropy: float
    correction: float
    raw_entropy: float
    limit: float
    atom: float
    mean_field: MeanField


def measure(expression: Expression, density: Density) -> Measures:
    """Return the measures of an expression under a density, at its initial parameter values.

    Raises:
        ActsearchError: it is not finite where the density has mass, has no finite variance there,
            or is constant.
    """
    samples = finite_sample(expression, quadrature(density))
    under, smoothed, raw = samples.under, output(samples), raw_entropy(samples)
    spreads = has_variance(under.nodes, under)
    arriving = Output(under.nodes, under.weights)
    return Measures(
        arriving.mean if spreads else math.nan,
        arriving.deviation if spreads else math.nan,
        smoothed.entropy,
        smoothed.correction,
        raw.value,
        raw.limit,
        raw.atom,
        mean_field(samples),
    )


@dataclass(frozen=True)
class Site:
    """An activation layer of a real network.

    Attributes:
        name: of the layer, as in ``network.named_modules()``.
        density: of what arrives there.
        expression: what the layer computes, its learnable constants at their present values.
    """

    name: str
    density: EmpiricalDensity
    expression: Expression


def sites(
    expression: Expression, task: AnyTask, steps: int = 0, seed: int = 0, device: torch.device | None = None
) -> list[Site]:
    """Return every activation layer of a task's network with the density it sees.

    The network sees what it is scored on: training examples as ``Task.batch`` loads them, in the recipe's
    precision and in evaluation mode. A norm that has seen no batch yet standardises by the batch, as in training.

    Args:
        expression: the activation in the network.
        task: gives network and data; up to 1,024 training examples are looked at.
        steps: of training before looking; 0 looks at the initialisation.
        seed: of weights and batches.
        device: where; the CPU when ``None``.

    Raises:
        ActsearchError: the expression is not finite under a standard normal, training diverged, a
            layer saw values that are not finite, or the task trains by its own loop.
    """
    if isinstance(task, OwnLoop):
        raise ActsearchError(
            f"task '{task.name}' trains by its own loop, so its layers cannot be looked at; use --input"
        )
    device = device or torch.device("cpu")
    activation = compile_expression(expression).module
    network = _network(expression, activation, task, steps, seed, device).eval()
    for module in network.modules():
        if getattr(module, "num_batches_tracked", None) == 0:
            module.train()
    with PreActivations(network, activation, seed=seed) as seen, torch.no_grad(), seeded(seed, device):
        _look(network, task, device)
    found = seen.densities()
    layers = {name: network.get_submodule(name) for name in found}
    return [Site(name, density, _present(expression, layers[name])) for name, density in found.items()]


def _look(network: nn.Module, task: Task, device: torch.device) -> None:
    """Run the network on its first training examples."""
    data = on_device(task.data("train"), task.recipe, device)
    with autocast(task.recipe, device):
        for rows in torch.arange(min(_EXAMPLES, len(data)), device=device).split(SCORED_AT_ONCE):
            network(task.batch(data, rows, None)[0])


def _network(
    expression: Expression, activation: type[nn.Module], task: Task, steps: int, seed: int, device: torch.device
) -> nn.Module:
    factor = gain(finite_sample(expression, NORMAL))
    if steps:
        try:
            return fit(task, activation, factor, steps, seed, device)[0]
        except Diverged:
            raise ActsearchError(
                f"training diverged with '{expression}'; look at it earlier, with fewer steps"
            ) from None
    return fresh_network(task, activation, factor, seed, device)


def _present(expression: Expression, layer: nn.Module) -> Expression:
    """Return the expression with the layer's own constants."""
    values = {name: layer.get_parameter(name).item() for name, _ in expression.initial}
    return Expression(expression.body, tuple((name, float(f"{value:.7g}")) for name, value in values.items()))
