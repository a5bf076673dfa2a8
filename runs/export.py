"""A discovered activation as a file: torch, numpy, jax, LaTeX, sympy or ONNX.

The torch file needs torch and nothing else and checks its own gradient. Python files pass
``ruff check`` and ``ruff format --check`` as they are written.
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Literal, get_args

import sympy

from primitives import ActsearchError, Expression, module_source
from primitives.emit import WIDTH, bracketed
from primitives.errors import unknown
from primitives.module import value_source
from primitives.render import literal
from primitives.table import all_primitives

Target = Literal["torch", "numpy", "jax", "latex", "sympy", "onnx"]
TARGETS: tuple[Target, ...] = get_args(Target)
BINARY = ("onnx",)
"""Targets that are no text."""
NAMED = ("torch", "onnx")
"""Targets in which the class name is written."""
_TAKEN = {"F", "GAIN", "ActivationFunction"}
_LONGEST_NAME = 40
_IMPORTS = (
    (r"\bjax\.(?!numpy\b)", "import jax"),
    (r"\bjnp\.", "import jax.numpy as jnp"),
    (r"\bnp\.", "import numpy as np"),
    (r"(?<![.\w])scipy\.special\.", "import scipy.special"),
)


@dataclass(frozen=True)
class Provenance:
    """Where an exported activation comes from, as lines for its docstring."""

    lines: tuple[str, ...] = ()


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


def class_name(text: str) -> str:
    """Return a valid Python class name.

    Raises:
        ActsearchError: it is no identifier, is all lower case, is longer than 40 characters,
            or is a name that the file uses.
    """
    taken = text in _TAKEN or hasattr(builtins, text)
    lower = text.lower() == text
    if not (text.isidentifier() and text.isascii()) or keyword.iskeyword(text) or lower or taken:
        reason = "the file uses that name itself" if taken else "it is no CamelCase name of letters and digits"
        raise ActsearchError(f"'{text}' cannot be the class name: {reason}; use one such as 'MyAct'")
    if len(text) > _LONGEST_NAME:
        raise ActsearchError(f"'{text}' cannot be the class name: it is longer than {_LONGEST_NAME} characters")
    return text


def export(
    expression: Expression,
    target: str = "torch",
    *,
    name: str = "Activation",
    gain: float = 1.0,
    provenance: Provenance = Provenance(),
    module: str | None = None,
) -> str:
    """Return the text of an export.

    In float64 the torch file computes what was trained to 1e-12 relative, also at infinities and
    NaN; the numpy and jax files to 1e-9, jax in float32 to 1e-5.

    Args:
        expression: what to export.
        target: ``torch`` (module with learnable parameters and a self-check), ``numpy`` or
            ``jax`` (plain function, parameters are arguments), ``latex`` or ``sympy`` (one line
            that ``sympy.sympify`` reads).
        name: class name in the torch file; the function is always called ``activation``.
        gain: initialisation factor to write beside it.
        provenance: lines for the docstring.
        module: what the file will be importable as; the class name in lower case when ``None``.

    Raises:
        ActsearchError: unknown target, one that is no text, or impossible name.
    """
    class_name(name)
    if not math.isfinite(gain):
        raise ActsearchError(f"the gain {gain} is not a finite number")
    if target == "latex":
        return expression.latex + "\n"
    if target == "sympy":
        return _sympy(expression)
    if target == "torch":
        return _torch(expression, name, gain, provenance, module or name.lower())
    if target in ("numpy", "jax"):
        return _plain(expression, target, provenance)  # type: ignore[arg-type]
    if target in BINARY:
        raise ActsearchError(f"target '{target}' is no text; write it to a file with -o FILE")
    raise ActsearchError(unknown("export target", target, TARGETS))


def export_bytes(
    expression: Expression,
    target: str = "torch",
    *,
    name: str = "Activation",
    gain: float = 1.0,
    provenance: Provenance = Provenance(),
    module: str | None = None,
) -> bytes:
    """Return the content of an exported file, text in UTF-8; arguments as for :func:`export`.

    ``onnx`` is a model for inference with one float32 input ``x`` of shape ``(batch, features)``,
    both dynamic, and the parameters as constants at their initial values; in float32 its numbers
    are those of the compiled module to 1e-5.

    Raises:
        ActsearchError: as :func:`export`; or torch's ONNX exporter is not there or cannot
            translate an operation.
    """
    if target != "onnx":
        return export(expression, target, name=name, gain=gain, provenance=provenance, module=module).encode()
    from runs.onnx_file import onnx_bytes

    facts = {"formula": expression.formula, "latex": expression.latex, "gain": f"{gain:.6g}"}
    facts["provenance"] = "\n".join(provenance.lines)
    return onnx_bytes(expression, class_name(name), "\n".join(_story(expression, provenance)), facts)


def _torch(expression: Expression, name: str, gain: float, provenance: Provenance, module: str) -> str:
    source = module_source(expression, name)
    importable = module.isidentifier() and not keyword.iskeyword(module)
    use = _USE.substitute(module=module if importable else name.lower(), name=name)
    message = f'f"{name}: the gradient agrees with finite differences at {{check()}} points"'
    check = _CHECK_LEARNABLE if expression.parameters else _CHECK
    return _TORCH.substitute(
        docstring=_docstring([*_story(expression, provenance), "", use]),
        functional="\nfrom torch.nn import functional as F" if re.search(r"\bF\.", source) else "",
        gain=f"{gain:.6g}",
        source=source,
        check=check.substitute(name=name).rstrip(),
        report=bracketed("print", [message], "", "    "),
    )


def _plain(expression: Expression, target: Literal["numpy", "jax"], provenance: Provenance) -> str:
    """Return a file with one function and the helpers that it calls."""
    arguments = ["x", *(f"{n}={literal(v)}" for n, v in expression.initial)]
    source, helpers = value_source(expression, target, arguments)
    functions = "\n\n\n".join([*(helper.rstrip() for helper in helpers), source])
    imports = "\n".join(line for pattern, line in _IMPORTS if re.search(pattern, functions))
    head = [_docstring(_story(expression, provenance)), *([imports] if imports else [])]
    return "\n\n".join(head) + f"\n\n\n{functions}\n"


def _sympy(expression: Expression) -> str:
    """Return the formula in sympy's own functions, named primitives spelled out by definition."""
    body = expression.body
    for _ in range(8):
        expanded = _spell_out(body)
        if expanded == body:
            break
        body = expanded
    clashing = {s: sympy.Symbol(f"Symbol('{s.name}')") for s in body.free_symbols if hasattr(sympy, s.name)}
    return f"{body.xreplace(clashing)}\n"


def _spell_out(body: sympy.Expr) -> sympy.Expr:
    for primitive in all_primitives():
        if primitive.function is not None and primitive.definition not in (None, primitive.function):
            body = body.replace(primitive.function, primitive.definition)
    return body


def _docstring(lines: Sequence[str]) -> str:
    """Return a module's docstring, a raw one where that keeps LaTeX readable."""
    text = "\n".join(lines).rstrip()
    prefix, ending = "r" if "\\" in text else "", "\n" if "\n" in text else ""
    return f'{prefix}"""{text}{ending}"""'


def _story(expression: Expression, provenance: Provenance) -> list[str]:
    """Return title, LaTeX, parameters and provenance as lines of a docstring."""
    lines = [*_wrapped(f"f(x) = {expression.formula}"), "", *_wrapped(f"LaTeX: ${expression.latex}$"), ""]
    if expression.parameters:
        values = ", ".join(f"{n} (initially {v:g})" for n, v in expression.initial)
        pronoun = "it" if len(expression.parameters) == 1 else "them"
        lines += [*_wrapped(f"Learnable: {values}; keep {pronoun} out of weight decay."), ""]
    printable = ["".join(c for c in line if c.isprintable() or c.isspace()) for line in provenance.lines]
    safe = [line.replace("\\", "/").replace('"""', "'''") for line in printable]
    return lines + [part for line in safe or ["Written by actsearch."] for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
