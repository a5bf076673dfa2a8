"""EAFO, entropy-based activation function optimisation (Sun et al. 2024, arXiv 2405.12954), as an instrument.

`entropy` measures an activation's output entropy and its first variation; `correction` is what
lowers it, as a formula; `derivation` shows the whole chain; `dynamic` follows it while a network
trains. `algebra` and `pieces` simplify derivatives and open kinks.
"""
