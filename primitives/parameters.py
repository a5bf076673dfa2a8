"""Optimiser groups that leave the learnable constants of activations out of weight decay.

Weight decay pulls a constant towards zero, which is another function: CRReLU becomes ReLU.
"""

from __future__ import annotations

from typing import Any

from torch import nn


def activation_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return the learnable constants of every activation in a network: ours and ``nn.PReLU``'s.

    An activation of ours names them in ``activation_parameters``; so do exported files.
    """
    found: dict[int, nn.Parameter] = {}
    for module in network.modules():
        names = ("weight",) if isinstance(module, nn.PReLU) else getattr(module, "activation_parameters", ())
        for name in names:
            parameter = getattr(module, name)
            found[id(parameter)] = parameter
    return list(found.values())


def parameter_groups(
    network: nn.Module,
    weight_decay: float = 0.01,
    *,
    decay_vectors: bool = True,
    activation_decay: float = 0.0,
    **activation_options: Any,
) -> list[dict[str, Any]]:
    """Return parameter groups for any torch optimiser, in three parts or fewer.

    Args:
        network: what is to be trained; parameters that need no gradient are left out.
        weight_decay: of everything that decays.
        decay_vectors: whether biases and the scales of norms decay too, as in torch's default.
        activation_decay: weight decay of the activations' constants.
        activation_options: other options of their group, e.g. ``lr=1e-2``.

    Example:
        >>> from primitives import compile_expression, resolve
        >>> network = nn.Sequential(nn.Linear(2, 2), compile_expression(resolve("crrelu")).module())
        >>> [(len(g["params"]), g["weight_decay"]) for g in parameter_groups(network, 0.05)]
        [(2, 0.05), (1, 0.0)]
    """
    own = {id(parameter) for parameter in activation_parameters(network)}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    others = [p for p in trained if id(p) not in own]
    decayed = [p for p in others if decay_vectors or p.dim() > 1]
    kept = [p for p in others if not decay_vectors and p.dim() <= 1]
    constants = [p for p in trained if id(p) in own]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": kept, "weight_decay": 0.0},
        {"params": constants, "weight_decay": activation_decay, **activation_options},
    ]
    return [group for group in groups if group["params"]]
