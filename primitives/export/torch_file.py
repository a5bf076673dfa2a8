"""An activation as a torch module that needs torch and nothing else and checks its own gradient."""

from __future__ import annotations

import re
from string import Template

from primitives.emit import bracketed
from primitives.export.exported import Exported, docstring
from primitives.module import module_source

_TORCH = Template('''\
$docstring

$imports

GAIN = $gain
"""Multiply the initial scale 1/sqrt(fan_in) of the layer after this activation by it."""


$source

$check

$ending
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

""")

_CHECKED = "Run this file to check its gradient. It needs $needs and nothing else.\n"


def torch_file(exported: Exported) -> str:
    """Return the file; in float64 it computes what was trained to 1e-12 relative, also at infinities and NaN."""
    return torch_text(exported, _USE.substitute(module=exported.importable, name=exported.name))


def torch_text(
    exported: Exported,
    use: str,
    imports: tuple[str, ...] = (),
    ending: str = "",
    needs: str = "torch",
    source: str = "",
) -> str:
    """Return a file with the module and its check.

    Args:
        exported: what to write.
        use: the end of its docstring, before what it needs.
        imports: lines beside those of torch.
        ending: source after the check.
        needs: the packages it imports, as a sentence names them.
        source: the module's, if it is not the usual one.
    """
    name = exported.name
    source = source or module_source(exported.expression, name)
    functional = ["from torch.nn import functional as F"] if re.search(r"\bF\.", source) else []
    lines = sorted(["import torch", "from torch import nn", *functional, *imports], key=_place)
    message = f'f"{name}: the gradient agrees with finite differences at {{check()}} points"'
    check = _CHECK_LEARNABLE if exported.expression.parameters else _CHECK
    return _TORCH.substitute(
        docstring=docstring([*exported.story, "", use + Template(_CHECKED).substitute(needs=needs)]),
        imports="\n".join(lines),
        gain=f"{exported.gain:.6g}",
        source=source,
        check=check.substitute(name=name).rstrip(),
        ending=f"\n{ending.rstrip()}\n\n" if ending else "",
        report=bracketed("print", [message], "", "    "),
    )


def _place(line: str) -> tuple[bool, bool, str]:
    """Return what import lines are sorted by; the standard library's end with an empty line."""
    return line.startswith("from"), not line.endswith("\n"), line
