"""The export dialects by name: what trains and what is exported come from one room.

What a dialect writes is text or bytes; files are written by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from primitives.errors import ActsearchError
from primitives.export.exported import NOWHERE, Exported, Provenance
from primitives.export.flax_file import flax_file
from primitives.export.formula import latex_line, sympy_line
from primitives.export.jax_file import jax_file
from primitives.export.keras_file import keras_file
from primitives.export.named_files import timm_file, transformers_file
from primitives.export.plain import numpy_file
from primitives.export.torch_file import torch_file
from primitives.export.triton_file import triton_file
from primitives.expression import Expression
from primitives.registries import Registry


@dataclass(frozen=True)
class Dialect:
    """A language that activations are exported to.

    Attributes:
        write: returns the file: text, or bytes where it is none.
        suffix: of such a file.
        named: whether the class name is written in it.
        binary: whether it is no text.
        layer: whether it is a layer to train, which must be usable as an activation.
        about: one line for a list.
    """

    write: Callable[[Exported], str | bytes]
    suffix: str
    named: bool = False
    binary: bool = False
    layer: bool = False
    about: str = ""


def _onnx_file(exported: Exported) -> bytes:
    from primitives.export.onnx_file import onnx_file

    return onnx_file(exported)


DIALECTS: Registry[Dialect] = Registry(
    "export target",
    {
        "torch": Dialect(
            torch_file, "py", named=True, layer=True, about="a module with learnable parameters and a self-check"
        ),
        "timm": Dialect(timm_file, "py", named=True, layer=True, about="the same, known to timm by name once imported"),
        "transformers": Dialect(
            transformers_file,
            "py",
            named=True,
            layer=True,
            about="the same, known to transformers by name once imported",
        ),
        "triton": Dialect(
            triton_file, "py", named=True, layer=True, about="the same with a pair of Triton kernels for CUDA"
        ),
        "numpy": Dialect(numpy_file, "py", about="a function, parameters are arguments"),
        "jax": Dialect(jax_file, "py", about="a function with its own derivative, parameters are arguments"),
        "flax": Dialect(flax_file, "py", named=True, layer=True, about="a module of Flax NNX with the same function"),
        "keras": Dialect(keras_file, "py", named=True, layer=True, about="a layer of Keras 3 for every backend"),
        "latex": Dialect(latex_line, "tex", about="one line"),
        "sympy": Dialect(sympy_line, "txt", about="one line that sympy.sympify reads"),
        "onnx": Dialect(_onnx_file, "onnx", named=True, binary=True, about="a model for inference"),
    },
    Dialect,
)
"""Every dialect by name; an extension adds to it with ``DIALECTS.register(name, Dialect(...))``."""


def export(
    expression: Expression,
    target: str = "torch",
    *,
    name: str = "Activation",
    gain: float = 1.0,
    provenance: Provenance = NOWHERE,
    module: str | None = None,
) -> str:
    """Return the text of an export; Python files pass ``ruff check`` and ``ruff format --check`` as they are.

    Args:
        expression: what to export.
        target: one of :data:`DIALECTS`.
        name: class name, where there is one; the function of a plain file is always called ``activation``.
        gain: initialisation factor to write beside it.
        provenance: lines for the docstring.
        module: what the file will be importable as; the class name in lower case when ``None``.

    Raises:
        ActsearchError: unknown target, one that is no text, or impossible name.
    """
    if DIALECTS[target].binary:
        raise ActsearchError(f"target '{target}' is no text; write it to a file with -o FILE")
    return export_bytes(expression, target, name=name, gain=gain, provenance=provenance, module=module).decode()


def export_bytes(
    expression: Expression,
    target: str = "torch",
    *,
    name: str = "Activation",
    gain: float = 1.0,
    provenance: Provenance = NOWHERE,
    module: str | None = None,
) -> bytes:
    """Return the content of an exported file, text in UTF-8; arguments as for :func:`export`.

    Raises:
        ActsearchError: unknown target, impossible name, or the dialect cannot say it.
    """
    exported = Exported(expression, name, gain, provenance, module)
    dialect = DIALECTS[target]
    try:
        content = dialect.write(exported)
    except ActsearchError:
        raise
    except Exception as error:
        if DIALECTS.is_ours(target):
            raise
        raise ActsearchError(f"export target '{target}' fails: {type(error).__name__}: {error}") from error
    return content if isinstance(content, bytes) else content.encode()
