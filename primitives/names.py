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
RESERVED = frozenset({"x", "exponential", *PARAMETER_NAMES, *ALIASES, *CONSTANTS})
"""Names that no primitive may take, because a formula or a configuration means something else by them; nor may it take
another's synonym."""
