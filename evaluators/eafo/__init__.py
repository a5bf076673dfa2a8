"""EAFO, entropy-based activation function optimisation (Sun et al. 2024, arXiv 2405.12954), as an instrument.

`entropy` measures an activation's output entropy and its first variation, `correction` and
`derivation` do the theory in symbols, `dynamic` adapts an activation while a network trains.
"""
