"""The words of a formula that are no primitives."""

from __future__ import annotations

import sympy

PARAMETER_NAMES = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta",
    "kappa", "mu", "nu", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
)  # fmt: skip
"""What learnable parameters may be called."""
ALIASES = {"eps": "epsilon"}
CONSTANTS = {"pi": sympy.pi, "E": sympy.E, "e": sympy.E}
SYNONYMS = {
    "Max": "max", "maximum": "max", "Min": "min", "minimum": "min", "Abs": "abs", "arctan": "atan",
    "arcsinh": "asinh", "log_sigmoid": "logsigmoid", "swish": "silu", "ln": "log",
}  # fmt: skip
"""What else a primitive may be called, by its own name."""
RESERVED = frozenset({"x", "exponential", *PARAMETER_NAMES, *ALIASES, *CONSTANTS, *SYNONYMS})
"""Names that no primitive may take, because a formula or a configuration means something else by them."""
