"""An activation as one function of numpy, whose parameters are arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence

from primitives.emit import INDENT, function_source
from primitives.export.exported import Exported, docstring
from primitives.module import value_source
from primitives.render import literal

_IMPORTS = (
    (r"\bmath\.", "import math\n"),
    (r"\bjax\.(?!numpy\b)", "import jax"),
    (r"\bkeras\.", "import keras"),
    (r"\bjnp\.", "import jax.numpy as jnp"),
    (r"\bnp\.", "import numpy as np"),
    (r"\bnnx\.", "from flax import nnx"),
    (r"\bops\.", "from keras import ops"),
    (r"(?<![.\w])scipy\.special\.", "import scipy.special"),
)


def numpy_file(exported: Exported) -> str:
    """Return a file whose function agrees with what was trained to 1e-9, in the precision of its input.

    Whole numbers, which a formula would wrap, become float64; half precision is computed in float32, as torch does.
    """
    names = list(exported.expression.parameters)
    source, helpers = value_source(exported.expression, "numpy", ["x", *names], "_computed")
    body = [
        "x = np.asarray(x)",
        'if x.dtype.kind not in "fiub":',
        f'{INDENT}raise TypeError(f"activation takes numbers, not {{x.dtype}}")',
        'kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)',
        "wide = np.dtype(np.float32) if kind.itemsize < 4 else kind",
        f"values = _computed({', '.join(['x.astype(wide)', *names])})",
        "shape = np.broadcast_shapes(np.shape(values), x.shape)",
        "return np.broadcast_to(values, shape).astype(kind)[()]",
    ]
    doc = "Return it, elementwise and of the type of x; whole numbers become float64."
    outer = function_source("activation", arguments(exported), doc, body)
    return file_of(exported, [*helpers, source, outer])


def arguments(exported: Exported) -> list[str]:
    """Return ``x`` and the parameters with their initial values, as a function's header has them."""
    return ["x", *(f"{name}={literal(value)}" for name, value in exported.expression.initial)]


def file_of(exported: Exported, sources: Sequence[str]) -> str:
    """Return a file with functions, the last of which is for its reader."""
    functions = "\n\n\n".join(source.rstrip() for source in sources)
    imports = "\n".join(line for pattern, line in _IMPORTS if re.search(pattern, functions))
    head = [docstring(exported.story), *([imports] if imports else [])]
    return "\n\n".join(head) + f"\n\n\n{functions}\n"
