"""The words of a formula that are no primitives."""

from __future__ import annotations

import re

import sympy

PARAMETER_NAMES = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta",
    "kappa", "mu", "nu", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
)  # fmt: skip
"""What learnable parameters of the search are called; see :func:`is_parameter` for those of a formula."""
_LETTERS = re.compile(
    f"(?:[a-df-wyzA-DG-Z]|lambda_?|xi|iota|upsilon|omicron|{'|'.join(PARAMETER_NAMES)})"
    "(?:_(?:[0-9]{1,2}|[A-Za-z]|pos|neg|max|min|left|right))?"
)
ALIASES = {"eps": "epsilon"}
CONSTANTS = {"pi": sympy.pi, "E": sympy.E, "e": sympy.E}
RESERVED = frozenset({"x", "exponential", *PARAMETER_NAMES, *ALIASES, *CONSTANTS})
"""Names that no primitive may take, because a formula or a configuration means something else by them; nor may it take
another's synonym."""


def is_parameter(name: str) -> bool:
    """Tell whether a name is a learnable parameter's: a letter but x, e, E and F, or a Greek one's name, and an index.

    The index is a number, a letter or a word such as ``pos``: ``alpha_1``, ``alpha_p``, ``w_max``.
    ``F`` is torch's functions in the code that is written, ``e`` and ``E`` are Euler's number.
    """
    return _LETTERS.fullmatch(name) is not None


def parameter_name(name: str) -> str:
    """Return a parameter's name as Python allows it: ``lambda`` is ``lambda_``."""
    return name.replace("lambda", "lambda_").replace("__", "_") if name.startswith("lambda") else name
