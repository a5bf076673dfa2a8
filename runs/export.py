"""A discovered activation as a file that needs torch and nothing else, or as numpy, jax, LaTeX, sympy."""

from __future__ import annotations

import builtins
import keyword
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Literal, get_args

from primitives import ActsearchError, Expression, module_source
from primitives.emit import code
from primitives.render import Dialect

Target = Literal["torch", "numpy", "jax", "latex", "sympy"]
_TAKEN = {"F", "GAIN", "ActivationFunction"}
TARGETS: tuple[Target, ...] = get_args(Target)


@dataclass(frozen=True)
class Provenance:
    """Where an exported activation comes from, as lines for its docstring."""

    lines: tuple[str, ...] = ()


_TORCH = Template('''\
"""$title

$description

Use it like any torch activation::

    from $module import $name

    layer = $name()

Run this file to check its gradient. It needs torch and nothing else.
"""

import torch
$imports

GAIN = $gain
"""Multiply the standard deviation 1/sqrt(fan_in) of the layer after this activation by it."""


$source

def check():
    """Compare the gradient with finite differences in float64 and return the number of inputs."""
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(1000, generator=generator, dtype=torch.float64)
    layer = $name().double()
    names, values = zip(*layer.named_parameters()) if list(layer.parameters()) else ((), ())

    def call(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values)), (x,))

    inputs = (x.requires_grad_(), *values)
    if not torch.autograd.gradcheck(call, inputs, eps=1e-7, atol=1e-5, rtol=1e-3):
        raise SystemExit("the gradient is wrong")
    return len(x)


if __name__ == "__main__":
    print(f"$name: the gradient agrees with finite differences at {check()} points")
''')

_PLAIN = Template('''\
"""$title

$description
"""

$imports


def activation($arguments):
    """Return $formula, elementwise."""
$body
''')


def class_name(text: str) -> str:
    """Return a valid Python class name.

    Raises:
        ActsearchError: it is no identifier, is all lower case, or is a name that the file uses.
    """
    taken = text in _TAKEN or hasattr(builtins, text)
    if not (text.isidentifier() and text.isascii()) or keyword.iskeyword(text) or text.lower() == text or taken:
        reason = "the file uses that name itself" if taken else "it is no CamelCase name of letters and digits"
        raise ActsearchError(f"'{text}' cannot be the class name: {reason}; use one such as 'MyAct'")
    return text


def export(
    expression: Expression,
    target: Target,
    *,
    name: str = "Activation",
    gain: float = 1.0,
    provenance: Provenance = Provenance(),
    module: str | None = None,
) -> str:
    """Return the text of an export.

    Args:
        expression: what to export.
        target: ``torch`` (module with learnable parameters and a self-check), ``numpy`` or
            ``jax`` (plain function), ``latex`` or ``sympy`` (one line).
        name: class name in the torch file; the function is always called ``activation``.
        gain: initialisation factor to write beside it.
        provenance: lines for the docstring.
        module: what the file will be importable as; the class name in lower case when ``None``.

    Raises:
        ActsearchError: unknown target or impossible name.
    """
    class_name(name)
    if target == "latex":
        return expression.latex + "\n"
    if target == "sympy":
        return _sympy(expression)
    if target == "torch":
        return _torch(expression, name, gain, provenance, module or name.lower())
    if target in ("numpy", "jax"):
        return _plain(expression, target, provenance)
    raise ActsearchError(f"unknown export target '{target}'; choose one of {', '.join(TARGETS)}")


def _torch(expression: Expression, name: str, gain: float, provenance: Provenance, module: str) -> str:
    source = module_source(expression, name)
    functional = "\nfrom torch.nn import functional as F" if re.search(r"\bF\.", source) else ""
    return _TORCH.substitute(
        title=_title(expression),
        description=_description(expression, provenance),
        module=module if module.isidentifier() else name.lower(),
        name=name,
        imports=f"from torch import nn{functional}",
        gain=f"{gain:.6g}",
        source=source,
    )


def _plain(expression: Expression, target: Dialect, provenance: Provenance) -> str:
    lines = code([expression.body], target)
    body = [*lines.lines(), f"return {lines.results[0]}"]
    text = "\n".join(body)
    imports = {"numpy": "import numpy as np", "jax": "import jax\nimport jax.numpy as jnp"}[target]
    if "scipy.special." in text and target == "numpy":
        imports += "\nimport scipy.special"
    arguments = ["x", *(f"{n}={v!r}" for n, v in expression.initial)]
    return _PLAIN.substitute(
        title=_title(expression),
        description=_description(expression, provenance),
        imports=imports,
        arguments=", ".join(arguments),
        formula=expression.formula,
        body=textwrap.indent(text, "    "),
    )


def _sympy(expression: Expression) -> str:
    """Return the formula in sympy's own functions, named primitives spelled out by definition."""
    body = expression.body
    for _ in range(8):
        expanded = _spell_out(body)
        if expanded == body:
            break
        body = expanded
    return f"{body}\n"


def _spell_out(body: object) -> object:
    from primitives.table import all_primitives

    for primitive in all_primitives():
        if primitive.function is not None and primitive.definition not in (None, primitive.function):
            body = body.replace(primitive.function, primitive.definition)  # type: ignore[attr-defined]
    return body


def _title(expression: Expression) -> str:
    return f"f(x) = {expression.formula}"


def _description(expression: Expression, provenance: Provenance) -> str:
    latex = expression.latex.replace("\\", "\\\\")
    parts = [f"LaTeX: ${latex}$"]
    if expression.parameters:
        values = ", ".join(f"{n} (initially {v:g})" for n, v in expression.initial)
        parts.append(f"Learnable: {values}; keep it out of weight decay.")
    return "\n".join([*parts, "", *_wrapped(provenance.lines)]).rstrip()


def _wrapped(lines: Sequence[str]) -> list[str]:
    safe = [line.replace("\\", "/").replace('"""', "'''") for line in lines] or ["Written by actsearch."]
    return [part for line in safe for part in textwrap.wrap(line, 96, subsequent_indent="    ")]
