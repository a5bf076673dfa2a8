"""The tasks of this package by name; nothing is imported for them here."""

from __future__ import annotations

BETA = 0.1
BETAS = (BETA, 1.0, 2.0, 5.0, 10.0)
"""Penalties that the CRReLU authors ran (names of their log files)."""


def named(base: str, beta: float) -> str:
    """Return the name of a task: its data's, and the penalty where it is not the first of them."""
    return base if beta == BETA else f"{base}-beta{beta:g}"


LANGUAGE = {named(base, beta): (base, beta) for base in ("gpt2-dpo-hh", "gpt2-dpo-shp") for beta in BETAS}
"""Data and penalty by name."""
