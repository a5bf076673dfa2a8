"""What an activation does to a density of inputs, and EAFO (Sun et al. 2024, arXiv 2405.12954) as an instrument.

`entropy` measures an activation's output entropy and its first variation; `correction` is what
lowers it, as a formula; `derivation` shows the whole chain. `density` and
`quadrature` are the input, `meanfield` what layers of it do to a signal, `finite` where a function is no number;
`algebra` and `pieces` simplify derivatives and open kinks. Nothing is trained.
"""
