"""What tests of several packages share."""

from __future__ import annotations

import torch


def lay_foreign_files(folder):
    """Fill a folder with packages that are named like ours and must not be imported."""
    for name in ("primitives", "evaluators", "runs", "tests"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise ImportError('the foreign {name} was imported')\n")
    (folder / "search.py").write_text("raise ImportError('the foreign search was imported')\n")


def in_double(layer, expression):
    """A parameter is born in float32, like PReLU's; give it its exact value."""
    layer = layer.double()
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.fill_(expression.parameters[name])
    return layer
