"""An activation as one function of numpy or jax, whose parameters are arguments."""

from __future__ import annotations

import re
from typing import Literal

from primitives.export.exported import Exported, docstring
from primitives.module import value_source
from primitives.render import literal

_IMPORTS = (
    (r"\bjax\.(?!numpy\b)", "import jax"),
    (r"\bjnp\.", "import jax.numpy as jnp"),
    (r"\bnp\.", "import numpy as np"),
    (r"(?<![.\w])scipy\.special\.", "import scipy.special"),
)


def numpy_file(exported: Exported) -> str:
    """Return a file whose function agrees with what was trained to 1e-9."""
    return _plain(exported, "numpy")


def jax_file(exported: Exported) -> str:
    """Return a file whose function agrees with what was trained to 1e-9, in float32 to 1e-5."""
    return _plain(exported, "jax")


def _plain(exported: Exported, target: Literal["numpy", "jax"]) -> str:
    """Return a file with one function and the helpers that it calls."""
    expression = exported.expression
    arguments = ["x", *(f"{n}={literal(v)}" for n, v in expression.initial)]
    source, helpers = value_source(expression, target, arguments)
    functions = "\n\n\n".join([*(helper.rstrip() for helper in helpers), source])
    imports = "\n".join(line for pattern, line in _IMPORTS if re.search(pattern, functions))
    head = [docstring(exported.story), *([imports] if imports else [])]
    return "\n\n".join(head) + f"\n\n\n{functions}\n"
