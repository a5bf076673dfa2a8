"""An activation as a torch module that needs torch and nothing else and checks its own gradient."""

from __future__ import annotations

import re
from string import Template

from primitives.emit import bracketed
from primitives.export.exported import Exported, docstring
from primitives.module import module_source

_TORCH = Template('''\
$docstring

import torch
from torch import nn$functional

GAIN = $gain
"""Multiply the initial scale 1/sqrt(fan_in) of the layer after this activation by it."""


$source

$check


if __name__ == "__main__":
$report
''')

_CHECK = Template('''\
def check():
    """Compare the gradient with finite differences and return the number of points."""
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(1000, generator=generator, dtype=torch.float64)
    layer = $name().double()
    torch.autograd.gradcheck(layer, x.requires_grad_(), eps=1e-7, atol=1e-5, rtol=1e-3)
    return len(x)
''')

_CHECK_LEARNABLE = Template('''\
def check():
    """Compare the gradients with finite differences and return the number of points."""
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(1000, generator=generator, dtype=torch.float64)
    layer = $name().double()
    parameters = dict(layer.named_parameters())

    def call(x, *values):
        named = dict(zip(parameters, values))
        return torch.func.functional_call(layer, named, (x,))

    inputs = (x.requires_grad_(), *parameters.values())
    torch.autograd.gradcheck(call, inputs, eps=1e-7, atol=1e-5, rtol=1e-3)
    return len(x)
''')

_USE = Template("""\
Use it like any torch activation::

    from $module import $name

    layer = $name()

Run this file to check its gradient. It needs torch and nothing else.
""")


def torch_file(exported: Exported) -> str:
    """Return the file; in float64 it computes what was trained to 1e-12 relative, also at infinities and NaN."""
    name = exported.name
    source = module_source(exported.expression, name)
    use = _USE.substitute(module=exported.importable, name=name)
    message = f'f"{name}: the gradient agrees with finite differences at {{check()}} points"'
    check = _CHECK_LEARNABLE if exported.expression.parameters else _CHECK
    return _TORCH.substitute(
        docstring=docstring([*exported.story, "", use]),
        functional="\nfrom torch.nn import functional as F" if re.search(r"\bF\.", source) else "",
        gain=f"{exported.gain:.6g}",
        source=source,
        check=check.substitute(name=name).rstrip(),
        report=bracketed("print", [message], "", "    "),
    )
