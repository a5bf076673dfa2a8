"""What tests of several packages share."""

from __future__ import annotations

import torch


def in_double(layer, expression):
    """A parameter is born in float32, like PReLU's; give it its exact value."""
    layer = layer.double()
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.fill_(expression.parameters[name])
    return layer
