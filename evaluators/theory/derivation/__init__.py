"""EAFO on one activation, step by step, every formula computed: see :func:`derive`."""

from evaluators.theory.derivation.chain import Derivation, derive

__all__ = ["Derivation", "derive"]
