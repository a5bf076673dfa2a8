"""Expression to Python source to ``nn.Module``: the one path from symbol to torch.

The source holds three parts: the value, the symbolic slopes, and a ``torch.autograd.Function``
that ties them together and keeps only its inputs for backward (one tensor, plus one scalar per
learnable parameter). Training executes exactly the text that ``export`` writes.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from string import Template
from typing import Any

import sympy
import torch
from torch import Tensor, nn

from primitives.expression import Expression, X
from primitives.render import code

_SOURCE = Template('''\
def activation($arguments):
    """Return $formula, elementwise."""
$value


def activation_slopes($arguments):
    """Return the derivatives with respect to $names."""
$slopes


class ActivationFunction(torch.autograd.Function):
    """Value with its exact derivative; saves its inputs and nothing else for backward."""

    generate_vmap_rule = True

    @staticmethod
    def forward($arguments):
        return activation($arguments)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        $unpacked = activation_slopes(*ctx.saved_tensors)
        return $gradients


class ${name}(nn.Module):
    """Activation $formula.$described"""

$constructor    def forward(self, x):
        return ActivationFunction.apply($applied).to(x.dtype)
''')

_CONSTRUCTOR = Template("""\
    def __init__(self, $signature):
        super().__init__()
$assignments

""")


@dataclass(frozen=True)
class Compiled:
    """What the generated source defines.

    Attributes:
        source: the text that was executed.
        module: the ``nn.Module`` class; calling it makes one activation layer.
        value: plain function of ``(x, *parameters)``.
        slopes: plain function of the same arguments; a tuple of derivatives, ``x`` first.
    """

    source: str
    module: type[nn.Module]
    value: Callable[..., Tensor]
    slopes: Callable[..., tuple[Tensor, ...]]


def module_source(expression: Expression, name: str) -> str:
    """Return the source of the functions and classes for an expression, without imports.

    Args:
        expression: what to write.
        name: the name of the module class, e.g. ``"CRReLU"``.
    """
    parameters = list(expression.parameters)
    arguments = ["x", *parameters]
    slopes = expression.slopes
    gradients = ["grad * dx", *(f"(grad * d{p}).sum()" for p in parameters)]
    return _SOURCE.substitute(
        name=name,
        arguments=", ".join(arguments),
        names=" and ".join(arguments) if len(arguments) < 3 else ", ".join(arguments),
        formula=expression.formula,
        value=_body([expression.body]),
        slopes=_body(list(slopes.values()), as_tuple=True),
        unpacked="(dx,)" if not parameters else ", ".join(f"d{a}" for a in arguments),
        gradients=", ".join(gradients),
        described=_described(expression),
        constructor=_constructor(expression),
        applied=", ".join(["x", *(f"self.{p}.to(x.dtype)" for p in parameters)]),
    )


def _body(expressions: list[sympy.Expr], as_tuple: bool = False) -> str:
    """Write the statements and the return; every result is a fresh tensor of the shape of ``x``."""
    lines = code(expressions, "torch")
    results = []
    for expression, text in zip(expressions, lines.results, strict=True):
        constant = f"torch.zeros_like(x) + {text}"
        results.append("x.clone()" if expression == X else text if X in expression.free_symbols else constant)
    returned = ", ".join(results)
    returned = f"({returned},)" if as_tuple and len(results) == 1 else returned
    return "\n".join(f"    {line}" for line in [*lines.lines(), f"return {returned}"])


def _described(expression: Expression) -> str:
    if not expression.parameters:
        return ""
    rows = "".join(f"\n        {name}: initial value of the learnable {name}." for name in expression.parameters)
    return f"\n\n    Args:{rows}\n    "


def _constructor(expression: Expression) -> str:
    if not expression.parameters:
        return ""
    assignments = [f"        self.{p} = nn.Parameter(torch.tensor(float({p})))" for p in expression.parameters]
    return _CONSTRUCTOR.substitute(
        signature=", ".join(f"{name}={value!r}" for name, value in expression.initial),
        assignments="\n".join(assignments),
    )


@lru_cache(maxsize=4096)
def compile_expression(expression: Expression) -> Compiled:
    """Generate the source of an expression, execute it, and return what it defines.

    The text comes from the table of primitives and checked symbols only.

    Example:
        >>> from primitives import compile_expression, parse
        >>> layer = compile_expression(parse("x*sigmoid(beta*x); beta=1.5")).module()
        >>> [name for name, _ in layer.named_parameters()]
        ['beta']
    """
    source = module_source(expression, "Activation")
    filename = f"<actsearch {expression.formula}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional, "__name__": "actsearch_generated"}
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102 - our own text, see above
    return Compiled(source, namespace["Activation"], namespace["activation"], namespace["activation_slopes"])
